"""The units of measure in English: their symbols, and their names for one and for many."""

from __future__ import annotations

from typing import Final

_BITS = {
    f"{prefix}{symbol}": (f"{name}{unit}", f"{name}{unit}s")
    for prefix, name in {
        "k": "kilo",
        "K": "kilo",
        "M": "mega",
        "G": "giga",
        "T": "tera",
        "P": "peta",
        "Ki": "kibi",
        "Mi": "mebi",
        "Gi": "gibi",
        "Ti": "tebi",
    }.items()
    for symbol, unit in {"B": "byte", "b": "bit", "bit": "bit"}.items()
}

_BIT_RATES = {
    f"{prefix}bps": (f"{name}bit per second", f"{name}bits per second")
    for prefix, name in {"k": "kilo", "K": "kilo", "M": "mega", "G": "giga", "T": "tera"}.items()
}

_METRIC = {
    f"{prefix}{symbol}": (f"{name}{unit}", f"{name}{units}")
    for symbol, unit, units, prefixes in (
        ("m", "meter", "meters", "k c m n µ μ d"),
        ("g", "gram", "grams", "k m µ μ"),
        ("l", "liter", "liters", "m c d"),
        ("L", "liter", "liters", "m c d µ"),
        ("s", "second", "seconds", "m µ μ n"),
        ("W", "watt", "watts", "k M G T m"),
        ("Wh", "watt hour", "watt hours", "k M G T"),
        ("Hz", "hertz", "hertz", "k M G T"),
        ("V", "volt", "volts", "k m"),
        ("A", "amp", "amps", "m"),
        ("Ah", "amp hour", "amp hours", "m"),
        ("J", "joule", "joules", "k M"),
        ("N", "newton", "newtons", "k"),
        ("Pa", "pascal", "pascals", "k h M"),
        ("Ω", "ohm", "ohms", "k M"),
        ("eV", "electron volt", "electron volts", "k M G"),
        ("F", "farad", "farads", "m µ μ n p"),
        ("mol", "mole", "moles", "m"),
        ("cal", "calorie", "calories", "k"),
        ("t", "tonne", "tonnes", "k M"),
        ("bar", "bar", "bar", "m"),
    )
    for prefix, name in {
        "k": "kilo",
        "c": "centi",
        "m": "milli",
        "n": "nano",
        "p": "pico",
        "µ": "micro",
        "μ": "micro",
        "d": "deci",
        "h": "hecto",
        "M": "mega",
        "G": "giga",
        "T": "tera",
    }.items()
    if prefix in prefixes.split()
}

_METRIC["kΩ"] = ("kilohm", "kilohms")
_METRIC["MΩ"] = ("megohm", "megohms")
_METRIC["kcal"] = ("kilocalorie", "kilocalories")

_LENGTHS = {
    "mm": "millimeter",
    "cm": "centimeter",
    "m": "meter",
    "km": "kilometer",
    "ft": "foot",
    "in": "inch",
    "mi": "mile",
    "yd": "yard",
}

_PLURALS = {"foot": "feet", "inch": "inches"}


def _many(unit: str) -> str:
    return _PLURALS.get(unit, unit + "s")


_POWERS = {
    f"{symbol}{mark}": (f"{kind} {unit}", f"{kind} {_many(unit)}")
    for symbol, unit in _LENGTHS.items()
    for mark, kind in {
        "²": "square",
        "2": "square",
        "³": "cubic",
        "3": "cubic",
        "^2": "square",
        "^3": "cubic",
    }.items()
} | {
    f"{prefix}{space}{symbol}": (f"{kind} {unit}", f"{kind} {_many(unit)}")
    for prefix, kind in {"sq": "square", "sq.": "square", "cu": "cubic", "cu.": "cubic"}.items()
    for space in ("", " ")
    for symbol, unit in _LENGTHS.items()
}

UNITS: Final = {
    **_BITS,
    **_BIT_RATES,
    **_METRIC,
    **_POWERS,
    "%": ("percent", "percent"),
    "‰": ("per mille", "per mille"),
    "°": ("degree", "degrees"),
    "°C": ("degree Celsius", "degrees Celsius"),
    "℃": ("degree Celsius", "degrees Celsius"),
    "ºC": ("degree Celsius", "degrees Celsius"),
    "°F": ("degree Fahrenheit", "degrees Fahrenheit"),
    "℉": ("degree Fahrenheit", "degrees Fahrenheit"),
    "ºF": ("degree Fahrenheit", "degrees Fahrenheit"),
    "m": ("meter", "meters"),
    "g": ("gram", "grams"),
    "l": ("liter", "liters"),
    "L": ("liter", "liters"),
    "s": ("second", "seconds"),
    "W": ("watt", "watts"),
    "Wh": ("watt hour", "watt hours"),
    "Hz": ("hertz", "hertz"),
    "V": ("volt", "volts"),
    "A": ("amp", "amps"),
    "Ah": ("amp hour", "amp hours"),
    "J": ("joule", "joules"),
    "N": ("newton", "newtons"),
    "Pa": ("pascal", "pascals"),
    "Ω": ("ohm", "ohms"),
    "eV": ("electron volt", "electron volts"),
    "mol": ("mole", "moles"),
    "cal": ("calorie", "calories"),
    "t": ("tonne", "tonnes"),
    "bar": ("bar", "bar"),
    "ft": ("foot", "feet"),
    "in": ("inch", "inches"),
    "mi": ("mile", "miles"),
    "yd": ("yard", "yards"),
    "yds": ("yard", "yards"),
    "lb": ("pound", "pounds"),
    "lbs": ("pound", "pounds"),
    "oz": ("ounce", "ounces"),
    "fl oz": ("fluid ounce", "fluid ounces"),
    "fl. oz": ("fluid ounce", "fluid ounces"),
    "gal": ("gallon", "gallons"),
    "qt": ("quart", "quarts"),
    "pt": ("pint", "pints"),
    "tsp": ("teaspoon", "teaspoons"),
    "tbsp": ("tablespoon", "tablespoons"),
    "Tbsp": ("tablespoon", "tablespoons"),
    "mph": ("mile per hour", "miles per hour"),
    "kph": ("kilometer per hour", "kilometers per hour"),
    "kmh": ("kilometer per hour", "kilometers per hour"),
    "mpg": ("mile per gallon", "miles per gallon"),
    "fps": ("frame per second", "frames per second"),
    "rpm": ("R.P.M", "R.P.M"),
    "bpm": ("beat per minute", "beats per minute"),
    "psi": ("P.S.I", "P.S.I"),
    "ppm": ("part per million", "parts per million"),
    "ppb": ("part per billion", "parts per billion"),
    "dpi": ("D.P.I", "D.P.I"),
    "mmHg": ("millimeter of mercury", "millimeters of mercury"),
    "dB": ("decibel", "decibels"),
    "dBA": ("decibel", "decibels"),
    "px": ("pixel", "pixels"),
    "MP": ("megapixel", "megapixels"),
    "hp": ("horsepower", "horsepower"),
    "ha": ("hectare", "hectares"),
    "inHg": ("inch of mercury", "inches of mercury"),
    "atm": ("atmosphere", "atmospheres"),
    "mcg": ("microgram", "micrograms"),
    "IU": ("I.U", "I.U"),
    "pts": ("point", "points"),
    "dL": ("deciliter", "deciliters"),
    "cc": ("C.C", "C.C"),
    "sqft": ("square foot", "square feet"),
    "nmi": ("nautical mile", "nautical miles"),
    "h": ("hour", "hours"),
    "hr": ("hour", "hours"),
    "hrs": ("hour", "hours"),
    "min": ("minute", "minutes"),
    "mins": ("minute", "minutes"),
    "sec": ("second", "seconds"),
    "secs": ("second", "seconds"),
    "yr": ("year", "years"),
    "yrs": ("year", "years"),
    "wk": ("week", "weeks"),
    "wks": ("week", "weeks"),
    "mo": ("month", "months"),
    "mos": ("month", "months"),
}

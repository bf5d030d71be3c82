"""Dutch."""

from __future__ import annotations

from typing import Final

from .. import numerals
from ..rule import Language, Rule
from .rules import Examples, never_last, shared_rules, sometimes_last
from .table import Table, currencies, nouns, pairs

_MONTHS: Final = (
    "januari februari maart april mei juni juli augustus september oktober november december"
).split()


def _date(day: int, month: str, year: int | None, before: str) -> str:
    return f"{numerals.cardinal(day, 'nl')} {month}" + (f" {_year(year)}" if year else "")


def _clock(hour: int, minute: int, before: str) -> str:
    words = f"{numerals.cardinal(hour, 'nl')} uur"
    return f"{words} {numerals.cardinal(minute, 'nl')}" if minute else words


def _year(value: int) -> str:
    if 1100 <= value <= 1999:
        return numerals.year(value, "nl").replace(" honderd", "honderd")
    return numerals.cardinal(value, "nl")


_TABLE: Final = Table(
    code="nl",
    point="komma",
    dot="punt",
    minus="min",
    to="tot",
    score="",
    months=tuple(_MONTHS),
    date=_date,
    clock=_clock,
    clock_forms=r"(?P<hour>\d{1,2})[:.](?P<minute>[0-5]\d)[ \u00a0]?(?:uur|u)\b"
    r"|(?P<hour_alone>\d{1,2})[ \u00a0]?(?:uur|u)\b"
    r"|(?P<hour_only>[01]?\d|2[0-4]):(?P<minute_only>[0-5]\d)(?!:?\d)",
    ruler=lambda value: f"de {numerals.ordinal(value, 'nl')}",
    of_currency=lambda name: name,
    cents="",
    signs=pairs("""
        = | is
        + | plus
        × | keer
        ⋅ | keer
        ÷ | gedeeld door
        ± | plus of min
        < | kleiner dan
        > | groter dan
        ≤ | kleiner dan of gelijk aan
        ≥ | groter dan of gelijk aan
        ≠ | niet gelijk aan
        ≈ | ongeveer
        √ | wortel van
        π | pi
        ∞ | oneindig
        & | en
        % | procent
        § | paragraaf
        € | euro
        $ | dollar
        £ | pond
    """),
    fractions=pairs("""
        ½ | een half
        ¼ | een kwart
        ¾ | driekwart
        ⅓ | een derde
        ⅔ | twee derde
        1/2 | een half
        1/3 | een derde
        2/3 | twee derde
        1/4 | een kwart
        3/4 | driekwart
    """),
    and_fraction="en",
    currencies=currencies("""
        € EUR euro | euro | euro | m
        c | cent | cent | m
        $ USD US$ dollar | dollar | dollar | m
        c | cent | cent | m
        £ GBP | pond | pond | n
        p | penny | pence | m
        CHF | Zwitserse frank | Zwitserse frank | m
        c | rappen | rappen | m
        ¥ JPY | yen | yen | m
        c | sen | sen | m
    """),
    units=nouns("""
        km | kilometer | kilometer | m
        m | meter | meter | m
        cm | centimeter | centimeter | m
        mm | millimeter | millimeter | m
        nm | nanometer | nanometer | m
        km² | vierkante kilometer | vierkante kilometer | m
        m² | vierkante meter | vierkante meter | m
        cm² | vierkante centimeter | vierkante centimeter | m
        m³ | kubieke meter | kubieke meter | m
        ha | hectare | hectare | m
        km/h km/u | kilometer per uur | kilometer per uur | m
        m/s | meter per seconde | meter per seconde | m
        kg | kilogram | kilogram | m
        g gr | gram | gram | m
        mg | milligram | milligram | m
        µg μg | microgram | microgram | m
        t | ton | ton | m
        l L | liter | liter | m
        ml mL | milliliter | milliliter | m
        cl | centiliter | centiliter | m
        dl | deciliter | deciliter | m
        h | uur | uur | n
        min | minuut | minuten | m
        s sec | seconde | seconden | m
        ms | milliseconde | milliseconden | m
        °C ℃ | graad Celsius | graden Celsius | m
        °F ℉ | graad Fahrenheit | graden Fahrenheit | m
        x | keer | keer | m
        ° | graad | graden | m
        % | procent | procent | n
        ‰ | promille | promille | n
        hPa | hectopascal | hectopascal | m
        mmHg | millimeter kwik | millimeter kwik | m
        mAh | milliampère-uur | milliampère-uur | n
        kWh | kilowattuur | kilowattuur | n
        kW | kilowatt | kilowatt | m
        MW | megawatt | megawatt | m
        W | watt | watt | m
        V | volt | volt | m
        A | ampère | ampère | m
        Hz | hertz | hertz | m
        kHz | kilohertz | kilohertz | m
        MHz | megahertz | megahertz | m
        GHz | gigahertz | gigahertz | m
        KB kB | kilobyte | kilobyte | m
        MB | megabyte | megabyte | m
        GB | gigabyte | gigabyte | m
        TB | terabyte | terabyte | m
        Mbit/s Mbps | megabit per seconde | megabit per seconde | m
        kcal | kilocalorie | kilocalorieën | m
        dB | decibel | decibel | m
        el | eetlepel | eetlepels | m
        tl | theelepel | theelepels | m
    """),
    per="per",
    scales=nouns("""
        k | duizend | duizend | n
        mln mln. miljoen | miljoen | miljoen | n
        mld mld. miljard | miljard | miljard | n
    """),
    abbreviations=pairs("""
        d.w.z. | dat wil zeggen
        o.a. | onder andere
        m.a.w. | met andere woorden
        t/m | tot en met
        i.p.v. | in plaats van
        a.u.b. | alstublieft
        v. Chr. | voor Christus
        n. Chr. | na Christus
        bijv. | bijvoorbeeld
        bv. | bijvoorbeeld
        enz. | enzovoort
        etc. | et cetera
        ca. | circa
        incl. | inclusief
        excl. | exclusief
        max. | maximaal
        min. | minimaal
        nr. | nummer
        Nr. | nummer
        tel. | telefoon
        dhr. | de heer
        mevr. | mevrouw
        dr. | dokter
        Dr. | dokter
        prof. | professor
        Prof. | professor
        ir. | ingenieur
        mr. | meester
        blz. | bladzijde
        hfst. | hoofdstuk
        afb. | afbeelding
        evt. | eventueel
    """),
    closing=frozenset({"enz.", "etc.", "v. Chr.", "n. Chr.", "a.u.b."}),
    before_number=frozenset({"nr.", "Nr.", "blz.", "afb.", "max.", "min.", "tel."}),
    before_name=frozenset({"mr.", "ir.", "dr.", "Dr.", "prof.", "Prof."}),
    powers=("kwadraat", "tot de derde", "tot de macht"),
    weekdays={
        "ma": "maandag",
        "di": "dinsdag",
        "wo": "woensdag",
        "do": "donderdag",
        "vr": "vrijdag",
        "za": "zaterdag",
        "zo": "zondag",
    },
    short_months={
        "jan": "januari",
        "feb": "februari",
        "mrt": "maart",
        "apr": "april",
        "jun": "juni",
        "jul": "juli",
        "aug": "augustus",
        "sep": "september",
        "sept": "september",
        "okt": "oktober",
        "nov": "november",
        "dec": "december",
    },
    halves={"m": "een halve", "f": "een halve", "n": "een half"},
    gendered=lambda words, gender: words,
    paired_decimals=False,
    year=_year,
)

_EXAMPLES: Final[Examples] = {
    "abbreviation": {
        "Neem bijv. brood, kaas enz.": "Neem bijvoorbeeld brood, kaas enzovoort.",
        "dhr. Jansen op nr. 5": "de heer Jansen op nummer vijf",
        "ma t/m vr": "ma tot en met vr",
    },
    "date": {
        "op 14-03-2025": "op veertien maart tweeduizendvijfentwintig",
        "1/3/2025": "één maart tweeduizendvijfentwintig",
    },
    "time of day": {
        "om 14:30 uur of 9 uur": "om veertien uur dertig of negen uur",
        "om 8.05 uur": "om acht uur vijf",
    },
    "telephone number": {"020 1234567": "nul twee nul, één twee drie vier vijf zes zeven"},
    "money": {
        "Het kost € 5,99.": "Het kost vijf euro negenennegentig.",
        "€ 1.000.000": "een miljoen euro",
        "€ 3,5 mln winst": "drie komma vijf miljoen euro winst",
        "$1": "één dollar",
        "€ 12,99/maand of €5,-": "twaalf euro negenennegentig per maand of vijf euro",
        "€ 0,50": "vijftig cent",
    },
    "quantity": {
        "10 km met 60 km/u": "tien kilometer met zestig kilometer per uur",
        "2,5 kg": "twee komma vijf kilogram",
        "−5 °C": "min vijf graden Celsius",
        "10–15%": "tien tot vijftien procent",
    },
    "large number": {"17 mln mensen": "zeventien miljoen mensen"},
    "ruler": {"Willem II was koning.": "Willem de tweede was koning."},
    "pair": {"24/7 open": "vierentwintig zeven open"},
    "version": {"versie 1.2.3": "versie één punt twee punt drie"},
    "range": {"pagina 10-12": "pagina tien tot twaalf"},
    "score": {"het werd 3:2": "het werd drie twee"},
    "fraction": {"½": "een half", "2½ uur": "twee en een half uur"},
    "number": {
        "12.345 mensen": "twaalfduizenddriehonderdvijfenveertig mensen",
        "3,14": "drie komma één vier",
        "in 1999": "in negentienhonderd negenennegentig",
    },
    "times, range": {"9.00-17.00 uur": "negen uur tot zeventien uur"},
    "number with a label": {"De code is 4829.": "De code is vier acht twee negen."},
    "weekdays": {"ma-vr 9 uur": "maandag tot vrijdag negen uur"},
    "part of a thing": {"1/2 tl zout": "een halve theelepel zout", "3/4 l": "driekwart liter"},
    "number with a letter": {"huis 12b": "huis twaalf B"},
    "power": {"x² + 2^5": "x kwadraat plus twee tot de macht vijf"},
    "divided by": {"10 : 2 = 5": "tien gedeeld door twee is vijf"},
    "short month": {"op 5 jan. 2024": "op vijf januari tweeduizendvierentwintig"},
    "number before a power": {"2³": "twee tot de derde"},
    "times": {"3 · 4": "drie keer vier"},
    "sign": {"5 - 3 = 2": "vijf min drie is twee"},
}

_POSITION: Final = Rule(
    "position",
    r"(?P<number>\d{1,3})(?:ste|de|e)",
    lambda match: numerals.ordinal(int(match["number"]), "nl"),
    {
        "de 1e keer en de 3de": "de eerste keer en de derde",
        "de 21ste eeuw": "de eenentwintigste eeuw",
    },
)

_POSTCODE: Final = Rule(
    "postcode",
    r"(?P<one>[1-9]\d)(?P<other>\d\d)(?=[ ]?[A-Z]{2}\b)",
    lambda match: " ".join(
        numerals.cardinal(int(part), "nl") if part[0] != "0" else numerals.digits(part, "nl")
        for part in match.groups()
    ),
    {"1012 AB Amsterdam": "tien twaalf AB Amsterdam"},
)
_STREET: Final = Rule(
    "street",
    r"(?P<name>[A-Z][a-z-]+s)tr\.",
    lambda match: f"{match['name']}traat",
    {"Hoofdstr. 12": "Hoofdstraat twaalf"},
    inside=True,
)

DUTCH: Final = Language(
    code="nl",
    rules=shared_rules(_TABLE, _EXAMPLES, (_POSITION, _POSTCODE, _STREET)),
    symbols="√∞^+−=×⋅÷±<>≤≥≠≈°€$£¥%&§℃℉",
    never_last=never_last(_TABLE),
    never_last_endings=("str",),
    sometimes_last=sometimes_last(_TABLE) | {"mld", "mln", *_TABLE.weekdays, *_TABLE.short_months},
)

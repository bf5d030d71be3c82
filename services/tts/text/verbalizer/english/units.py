"""Quantities with units in English."""

from __future__ import annotations

import re
from typing import Final

from ..numerals import SUPERSCRIPTS
from ..rule import BAR, Rule
from .codes import PLACE_BEFORE
from .unit_names import UNITS
from .words import (
    AMOUNT,
    DASH,
    FRACTION,
    FRACTIONS,
    MINUS,
    NUMBER,
    SCALES,
    SPACE,
    before,
    cardinal,
    fraction,
    number,
    ordinal,
)

STOPPED_UNITS = frozenset(
    "ft in mi yd yds lb lbs oz gal qt pt tsp tbsp Tbsp hr hrs min mins sec secs yr yrs wk wks mo"
    " mos sq cu mph".split()
) | {"fl oz", "fl. oz"}
"""Units of which a full stop is a part, unless it ends the text."""
_OF_A_SIZE = re.compile(
    r"\s(?:feet|foot|inch|inches|meters?|cent|milli|pixels?|grid|card|array|matrix)"
)
_POWER = re.compile(rf"\^|\*\*|[{SUPERSCRIPTS}]")
_SPACED_ONLY = frozenset("A N J F V t".split())
"""Read as units after a space only with a number that has no other sense: "5 A" is not "5A"."""
_WORD_LIKE = re.compile(
    r"\s*(?:[.,;:)\]]|$|x\b|×|by\b|long|wide|tall|high|deep|thick|of\s(?:rain"
    r"|snow)|in\sdiameter|screen|display|monitor|pipe|diagonal)"
)

_UNIT = "(?:" + "|".join(re.escape(u) for u in sorted(UNITS, key=len, reverse=True)) + r")(?!\w)"
_PER_UNIT = (
    "(?:"
    + "|".join(
        re.escape(u)
        for u in sorted(
            {
                *UNITS,
                "day",
                "hour",
                "d",
                "person",
                "week",
                "month",
                "year",
                "minute",
                "second",
                "serving",
                "mile",
                "night",
                "s²",
                "s^2",
                "s2",
            },
            key=len,
            reverse=True,
        )
    )
    + r")(?!\w)"
)
_PER_NAMES = {
    "d": "day",
    "h": "hour",
    "s": "second",
    "s²": "second squared",
    "s^2": "second squared",
    "s2": "second squared",
}
_OF_TIME = {
    "h": "hour",
    "hr": "hour",
    "hrs": "hour",
    "m": "minute",
    "min": "minute",
    "mins": "minute",
    "s": "second",
    "sec": "second",
    "secs": "second",
    "d": "day",
}


def _name(symbol: str, *, one: bool) -> str:
    return UNITS[symbol][0 if one else 1]


def _quantity(match: re.Match[str]) -> str | None:
    unit, per = match["unit"], match["per"]
    gap, full_stop = match["gap"], match["stop"]
    text = match.string
    follows = text[match.end() : match.end() + 20]
    if unit == "in" and not full_stop and not _WORD_LIKE.match(follows):
        return None
    if unit in ("W", "N") and PLACE_BEFORE.search(before(match)):
        return None
    if unit in _SPACED_ONLY and not gap and unit != "V":
        return None
    if unit == "s" and not gap and match.string[match.start() - 1 : match.start()] == "-":
        return None
    if unit == "s" and not gap and re.fullmatch(r"[\d,]+0", match["amount"] or ""):
        return None
    whole, upper = match["amount"], match["upper"]
    small = match["fraction"] or match["fraction_only"]
    if small and not whole:
        above, below = FRACTIONS[small]
        amount = fraction(above, below)
        adjective = True
    else:
        amount = number(whole, code=False)
        if scale := match["scale"] or match["short"]:
            amount += f" {SCALES[scale]}"
        adjective = amount == "one" and not upper
        if small:
            above, below = FRACTIONS[small]
            amount += " and " + ("a half" if below == 2 else fraction(above, below))
            adjective = False
    if match["minus"]:
        amount = (
            "plus or minus "
            if match["minus"] == "±"
            else "plus "
            if match["minus"] == "+"
            else "minus "
        ) + amount
    if upper:
        amount += f" to {number(upper, code=False)}"
    hyphen = gap == "-" or re.match(r"-[a-z]", follows)
    name = _name(unit, one=adjective or bool(hyphen and unit not in ("%",)))
    if per:
        below_line = per[1:]
        if below_line in _PER_NAMES:
            name += f" per {_PER_NAMES[below_line]}"
        elif below_line in UNITS:
            name += f" per {_name(below_line, one=True)}"
        else:
            name += f" per {below_line}"
    if (full_stop and not follows.strip()) or (full_stop and unit not in STOPPED_UNITS):
        name += "."
    return f"{amount}{BAR if gap and not gap.startswith('-') else ' '}{name}"


def _alone(match: re.Match[str]) -> str | None:
    lead = match.string[max(0, match.start() - 8) : match.start()]
    if re.search(r"\d[ -]?$", lead) and not re.search(r"(?:\^|\*\*)[-−]?\d+ $", lead):
        return None
    one = bool(re.search(r"(?:\b(?:per|an?|each|one)\s|/)$", lead, re.IGNORECASE))
    unit, _, below = match.group().partition("/")
    name = _name(unit, one=one)
    return f"{name} per {_PER_NAMES[below]}" if below else name


def _duration(match: re.Match[str]) -> str:
    parts = []
    for amount, unit in re.findall(r"(\d+)\s?([a-z]+)", match.group()):
        name = _OF_TIME[unit]
        parts.append(f"{cardinal(int(amount))} {name}{'' if int(amount) == 1 else 's'}")
    return " ".join(parts)


def _figures(figure: str) -> str:
    words = cardinal(int(figure))
    return words + ("es" if words == "six" else "s")


def _feet(match: re.Match[str]) -> str:
    feet, inches = int(match["feet"]), match["inches"]
    if not inches:
        return f"{cardinal(feet)} {'foot' if feet == 1 else 'feet'}"
    words = f"{cardinal(feet)} foot {number(inches)}"
    if part := match["part"]:
        above, below = FRACTIONS[part]
        words += " and " + ("a half" if below == 2 else fraction(above, below))
    return words


def _inches(match: re.Match[str]) -> str | None:
    quotes = re.findall(r"(?<!\d)\"", match.string[: match.start()])
    if len(quotes) % 2:
        return None
    if match["above"]:
        words = fraction(int(match["above"]), int(match["below"]))
        if match["whole"]:
            words = f"{cardinal(int(match['whole']))} and {words}"
        return f"{words} inch"
    if match["whole"]:
        return None
    rest = match.string[match.end() : match.end() + 12]
    described = re.match(
        r"(?:-|\s(?!long|wide|tall|high|deep|thick|of|x|×|by|and|or|in)[a-z])", rest
    )
    one = described or match["amount"] == "1"
    lower = f"{number(match['lower'])} to " if match["lower"] else ""
    return f"{lower}{number(match['amount'])} {'inch' if one else 'inches'}"


def _fraction_of_unit(match: re.Match[str]) -> str | None:
    unit, whole, gap = match["unit"], match["whole"], match["gap"]
    above, below = int(match["above"]), int(match["below"])
    of_a_second = above == 1 and unit in ("s", "sec", "second") and not whole
    if (below not in (2, 3, 4, 5, 6, 8, 10, 16, 32) and not of_a_second) or above >= below:
        return None
    follows = match.string[match.end() : match.end() + 4]
    if unit == "in" and not match["stop"] and gap != "-" and not _WORD_LIKE.match(follows):
        return None
    words = fraction(above, below)
    one = not whole or gap == "-"
    if of_a_second:
        words = f"one {ordinal(below)} of a"
    elif whole:
        words = f"{cardinal(int(whole))} and " + ("a half" if (above, below) == (1, 2) else words)
    elif follows.startswith(" of ") and unit not in ("%",):
        article = "an" if _name(unit, one=True)[0] in "aeio" else "a"
        words += f" of {article}"
    name = _name(unit, one=one)
    if match["stop"] and (not follows.strip() or unit not in STOPPED_UNITS):
        name += "."
    return f"{words} {name}"


def _coordinate(match: re.Match[str]) -> str:
    words = [f"{number(match['degrees'])} degrees"]
    words += [f"{number(match[k])} {k}" for k in ("minutes", "seconds") if match[k]]
    side = {"N": "north", "S": "south", "E": "east", "W": "west"}[match["side"]]
    return " ".join([*words, side])


def _dimensions(match: re.Match[str]) -> str | None:
    rest = match.string[match.end() : match.end() + 12]
    if _POWER.match(rest):
        return None
    if "=" in rest[:3]:
        return " times ".join(number(p) for p in re.findall(NUMBER, match["sizes"]))
    if " ×" in match["sizes"] and not match["unit"] and not _OF_A_SIZE.match(rest):
        return None
    parts = [number(p, code=False) for p in re.findall(NUMBER, match["sizes"])]
    words = " by ".join(parts)
    if unit := match["unit"]:
        words += f" {_name(unit, one=False)}"
    return words


DURATIONS: Final = (
    Rule(
        "duration",
        r"\d+[ ]?d(?:[ ]?\d{1,2}[ ]?h)|\d+[ ]?h(?:rs?)?[ ]?\d{1,2}[ ]?m(?:ins?)?(?:[ ]?\d{1,2}[ ]?"
        r"s(?:ecs?)?)?|\d+[ ]?m(?:in)?[ ]?\d{1,2}[ ]?s(?:ec)?",
        _duration,
        {
            "It takes 2h 30m.": "It takes two hours thirty minutes.",
            "1h5m": "one hour five minutes",
            "in 3m 20s": "in three minutes twenty seconds",
            "1 hr 15 min": "one hour fifteen minutes",
        },
    ),
)

QUANTITIES: Final = (
    Rule(
        "figures of one kind",
        r"(?P<figure>[1-9])['’]?s",
        lambda m: (
            _figures(m["figure"])
            if re.search(
                r"\b(?:by|all|of|pair\sof|two|three|four|five|six|seven|straight|multiple|many|the)\s$",
                before(m, 16),
                re.IGNORECASE,
            )
            else None
        ),
        {"five 9s": "five nines", "count by 2s": "count by twos", "all 6s": "all sixes"},
    ),
    Rule(
        "every so many hours",
        r"q[ ]?(?P<hours>\d{1,2})(?:[-–](?P<upper>\d{1,2}))?[ ]?(?:h|hrs?|hours)\b",
        lambda m: (
            f"every {cardinal(int(m['hours']))}"
            + (f" to {cardinal(int(m['upper']))}" if m["upper"] else "")
            + (" hour" if m["hours"] == "1" else " hours")
        ),
        {"2 tablets q6h or q4-6h": "two tablets every six hours or every four to six hours"},
    ),
    Rule(
        "minutes and seconds",
        r"(?P<minutes>\d{1,3})['′’](?P<seconds>1[2-9]|[2-5]\d)[\"″”]",
        lambda m: (
            f"{cardinal(int(m['minutes']))} minute{'' if m['minutes'] == '1' else 's'}"
            f" {cardinal(int(m['seconds']))} seconds"
        ),
        {"for 2'30\"": "for two minutes thirty seconds"},
    ),
    Rule(
        "feet and inches",
        rf"(?P<feet>\d{{1,2}})['′’][ ]?(?P<inches>(?:1[01]"
        rf"|\d)(?:\.5)?)(?P<part>{FRACTION})?(?:[\"″”]|''|(?![\d'’]))",
        _feet,
        {
            "She is 5'11\" tall.": "She is five foot eleven tall.",
            "6′2″": "six foot two",
            "5'8½\"": "five foot eight and a half",
        },
        inside=True,
    ),
    Rule(
        "feet",
        r"(?<!')(?P<amount>\d{1,3})['′](?=[ .,;:!?)]|$)",
        lambda m: (
            None
            if len(re.findall(r"(?<!\w)'", m.string[: m.start()])) % 2 or m["amount"][0] == "0"
            else f"{number(m['amount'])} {'foot' if m['amount'] == '1' else 'feet'}"
        ),
        {"10' long": "ten feet long", "He said 'in 7' twice.": "He said 'in seven' twice."},
        inside=True,
    ),
    Rule(
        "oven",
        r"(?P<degrees>\d{3})[ ]?(?P<scale>[CF])",
        lambda m: (
            f"{number(m['degrees'])} degrees " + ("Celsius" if m["scale"] == "C" else "Fahrenheit")
        ),
        {"bake at 350F": "bake at three hundred and fifty degrees Fahrenheit"},
    ),
    Rule(
        "inches",
        r"(?<!\")(?:(?P<whole>\d{1,3})[ -])?(?:(?P<above>\d{1,2})/(?P<below>\d{1,2})"
        rf"|(?:(?P<lower>{NUMBER}){SPACE}?{DASH}{SPACE}?)?(?P<amount>\d{{1,3}}(?:\.\d+)?))[\"″](?!\w)",
        _inches,
        {
            'a 27" screen': "a twenty seven inch screen",
            '0.5–1" of rain': "zero point five to one inch of rain",
            'It is 12" long.': "It is twelve inches long.",
            'He said "chapter 7".': 'He said "chapter seven".',
            'a 3/8" bolt': "a three eighths inch bolt",
        },
        inside=True,
    ),
    Rule(
        "coordinate",
        r"(?P<degrees>\d{1,3}(?:\.\d+)?)°[ ]?(?:(?P<minutes>\d{1,2}(?:\.\d+)?)['′][ ]?)?"
        r"(?:(?P<seconds>\d{1,2}(?:\.\d+)?)[\"″][ ]?)?(?P<side>[NSEW])",
        _coordinate,
        {"40°42'N": "forty degrees forty two minutes north"},
    ),
    Rule(
        "fraction of a unit",
        rf"(?:(?P<whole>\d{{1,3}})[ -])?(?P<above>\d{{1,2}})[/⁄](?P<below>\d{{1,4}})"
        rf"(?P<gap>{SPACE}|-)?(?P<unit>{_UNIT})(?P<stop>\.(?!\w))?",
        _fraction_of_unit,
        {
            "3/4 lb of butter": "three quarters of a pound of butter",
            "Add 2 1/2 tsp. of salt.": "Add two and a half teaspoons of salt.",
            "1/4 oz. and 1/8 mi": "one quarter ounce and one eighth mile",
            "at 1/250 s": "at one two hundred and fiftieth of a second",
            "a 1 1/2-mi run": "a one and a half mile run",
        },
    ),
    Rule(
        "dimensions",
        rf"(?P<sizes>{NUMBER}(?:[ ]?[x×][ ]?{NUMBER})+)(?:{SPACE}?(?P<unit>{_UNIT}))?",
        _dimensions,
        {
            "1920×1080": "one thousand nine hundred and twenty by one thousand and eighty",
            "a 3 x 5 card": "a three by five card",
            "10 x 20 x 5 cm": "ten by twenty by five centimeters",
        },
    ),
    Rule(
        "dimensions with units",
        r"(?<=\s)[x×](?=\s\d)",
        lambda m: "by" if re.search(rf"\d\s?(?:['′″\"”]|{_UNIT})\s$", before(m)) else None,
        {
            "4' x 8' boards": "four feet by eight feet boards",
            "5 cm x 7 cm": "five centimeters by seven centimeters",
        },
    ),
    Rule(
        "unit by itself",
        r"(?:km/h|m/s|mph|kWh|kg|km|cm|mm|ml|mL|mg|GHz|MHz|kHz|kW|MW|GB|TB|MB|KB|°[CF]|mAh|Mbps|Gbps)",
        _alone,
        {
            "in km/h or mph": "in kilometers per hour or miles per hour",
            "half a kg": "half a kilogram",
            "3.0×10^8 m/s": "three point zero times ten to the power of eight meters per second",
        },
    ),
    Rule(
        "quantity",
        rf"(?P<minus>{MINUS}|(?<!\w)[+±])?"
        rf"(?:(?P<amount>{AMOUNT})(?P<fraction>{FRACTION})?(?:{SPACE}(?P<scale>thousand|million|billion|trillion)"
        rf"|(?P<short>[kKMB]|bn|mn)(?={SPACE}))?(?:{SPACE}?(?:{_UNIT})?{SPACE}?{DASH}{SPACE}?"
        rf"(?P<upper>{NUMBER}))?|(?P<fraction_only>{FRACTION}))"
        rf"(?P<gap>{SPACE}|[-‑])?(?P<unit>{_UNIT})(?!\.\w|[&'’])(?P<per>/{_PER_UNIT})?(?P<stop>\.(?!\w))?",
        _quantity,
        {
            "Drive 10 km at 60 km/h.": "Drive ten kilometers at sixty kilometers per hour.",
            "1 kg or 2.5 lbs": "one kilogram or two point five pounds",
            "It is −5°C outside.": "It is minus five degrees Celsius outside.",
            "It is 10℃ today.": "It is ten degrees Celsius today.",
            "350 °F": "three hundred and fifty degrees Fahrenheit",
            "up 0.5% today": "up zero point five percent today",
            "10–15% off": "ten to fifteen percent off",
            "a 5-km run": "a five kilometer run",
            "9.6M km² in all": "nine point six million square kilometers in all",
            "It weighs 1,5 kg.": "It weighs one point five kilograms.",
            "9.8 m/s²": "nine point eight meters per second squared",
            "45 m² of floor": "forty five square meters of floor",
            "100 Mbit/s or 1 Gbps": "one hundred megabits per second or one gigabit per second",
            "a 4.2 GHz chip with 16GB": "a four point two gigahertz chip with sixteen gigabytes",
            "500 mg/day": "five hundred milligrams per day",
            "6 ft. tall": "six feet tall",
            "2,000 sq ft": "two thousand square feet",
            "It is 12 in. long.": "It is twelve inches long.",
            "5 in the morning": "five in the morning",
            "0.3 kWh": "zero point three kilowatt hours",
            "+3% and ±2 mm": "plus three percent and plus or minus two millimeters",
            "50°C–60°C": "fifty to sixty degrees Celsius",
            "the 90s": "the nineties",
            "It weighs 3 lb.": "It weighs three pounds.",
            "3½ tsp": "three and a half teaspoons",
        },
    ),
)

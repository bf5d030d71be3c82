"""Plain numbers in English: ordinals, ranges, scores, cardinals."""

from __future__ import annotations

import re
from typing import Final

from ..rule import BAR, Rule
from .codes import CODE_BEFORE, PLACE_BEFORE
from .words import (
    DASH,
    NUMBER,
    SCALES,
    SPACE,
    after,
    before,
    cardinal,
    digits,
    grouped_digits,
    in_pairs,
    number,
    ordinal,
)

_OF_TEMPERATURE = re.compile(
    r"(?:\b(?:at|to|from|of|than|below|above|temperature|is|about|around|near)|[=≈~–<>≤≥])\s?$",
    re.IGNORECASE,
)
_UNIT_AFTER = r"(?:\s?(?:percent|%))?"


def _value(text: str) -> float:
    return float(re.sub(r"[^\d.]", "", text))


def _range(match: re.Match[str]) -> str | None:
    lower, upper = match["lower"], match["upper"]
    if re.match(r"[-–—/]\d", after(match, 2)) or re.search(r"\d[-–—/]$", before(match, 2)):
        return None
    sizes = (len(lower), len(upper))
    if (sizes[1] > 5 and sizes[1] - sizes[0] > 3 and upper.isdecimal()) or (
        CODE_BEFORE.search(before(match)) and min(sizes) > 1 and max(sizes) > 3
    ):
        return grouped_digits(match.group())
    if (before(match, 1) == "(" and re.match(r"\)\s?[/*×÷^]", after(match, 3))) or (
        re.search(r"[/*×÷]\s?\($", before(match, 3)) and after(match, 1) == ")"
    ):
        return f"{number(lower)} minus {number(upper)}"
    falls = _value(lower) > _value(upper)
    if match["dash"].strip() == "−" or (match["dash"] == " - " and falls):
        return None
    if lower == upper:
        return f"{number(lower)} {number(upper)}"
    words = f"{number(lower)} to {number(upper)}"
    if scale := match["scale"]:
        words += f" {SCALES[scale]}"
    return words


def _decimals(text: str) -> str:
    return digits(text.split(".")[1])


def _chain(match: re.Match[str]) -> str:
    return " ".join(number(part) for part in re.findall(r"\d+", match.group()))


def _hash(match: re.Match[str]) -> str:
    if CODE_BEFORE.search(before(match)) and len(match["number"]) > 3:
        return f"number {grouped_digits(match['number'])}"
    return f"number {number(match['number'])}"


def _scaled(match: re.Match[str]) -> str | None:
    scale = match["scale"]
    if len(scale) == 1 and (
        PLACE_BEFORE.search(before(match)) or re.search(r"[A-Za-z\d]-$", before(match, 2))
    ):
        return None
    if scale in ("m", "mm", "MM", "b", "T", "tn", "trn") and match["gap"] == "":
        return None
    if scale in ("m", "mm", "T", "b") or re.match(r"[-–][A-Z]", after(match, 2)):
        return None
    if match["gap"] and scale == "K" and _OF_TEMPERATURE.search(before(match)):
        return f"{number(match['number'])}{BAR}kelvin"
    if (
        match["gap"]
        and scale == "M"
        and re.match(r"[ ](?:[A-Z][A-Za-z]*\d?[A-Z]|solution)", after(match, 12))
    ):
        return f"{number(match['number'])}{BAR}molar"
    if scale == "K" and len(match["number"]) == 1:
        # Of screens, rather than of thousands.
        return None
    if scale == "K" and re.match(r"[ -](?:gold|carat|karat)", after(match, 8)):
        return None
    if scale == "k" and re.match(r"[ -](?:run|race)", after(match, 6)):
        return None
    return f"{number(match['number'])}{BAR if match['gap'] else ' '}{SCALES[scale]}"


NUMBERS: Final = (
    Rule(
        "number sign",
        r"\#(?P<number>\d[\d,]*)",
        _hash,
        {
            "You are #1 in issue #42.": "You are number one in issue number forty two.",
            "order #10045": "order number one zero zero four five",
        },
        inside=True,
    ),
    Rule(
        "ordinal",
        r"(?P<number>\d{1,3}(?:,\d{3})+|\d{1,9})[ ]?(?:st|nd|rd|th)",
        lambda m: ordinal(int(m["number"].replace(",", ""))),
        {"the 21st, 2nd and 103rd": "the twenty first, second and one hundred and third"},
    ),
    Rule(
        "ratio",
        r"(?P<first>\d{1,3}):(?P<second>\d{1,3}|\d0{3,5})(?![:\d])",
        lambda m: f"{number(m['first'])} to {number(m['second'])}",
        {"We won 3:2.": "We won three to two.", "a 1:1000 map": "a one to one thousand map"},
    ),
    Rule(
        "range",
        rf"(?P<lower>{NUMBER})(?P<dash>[ ]?{DASH}[ ]?)(?P<upper>{NUMBER})"
        rf"(?:{SPACE}?(?P<scale>million|billion"
        r"|thousand|k|K|M|bn))?(?![ ]?=)",
        _range,
        {
            "It takes 3-5 days.": "It takes three to five days.",
            "They won 3–2.": "They won three to two.",
            "pages 10–12": "pages ten to twelve",
            "(5-1)/(4-2)": "five minus one over four minus two",
            "EIN 12-3456789": "E.I.N one two, three four five six seven eight nine",
        },
    ),
    Rule(
        "sixty niners",
        r"(?P<number>\d{2})ers",
        lambda m: cardinal(int(m["number"])).removesuffix("e") + "ers",
        {"the 49ers": "the forty niners"},
    ),
    Rule(
        "thousands",
        r"(?P<number>[1-9][\d,]*000?)s",
        lambda m: number(m["number"]) + "s",
        {"in the 1,000s": "in the one thousands"},
    ),
    Rule(
        "standard",
        r"(?P<letter>[A-Z])\.(?P<number>\d{3})",
        lambda m: f"{m['letter']} {in_pairs(m['number'])}",
        {"H.264": "H two sixty four"},
    ),
    Rule(
        "numbers in a row",
        r"\d{1,4}(?:[-–/]\d{1,4}){2,6}",
        _chain,
        {"a 4-4-2 formation": "a four four two formation"},
    ),
    Rule(
        "number with a scale",
        rf"(?P<number>{NUMBER})(?P<gap>{SPACE}?)(?P<scale>k|K|M|B|bn|mn|million|billion|trillion)",
        _scaled,
        {
            "about 1.2 million": "about one point two million",
            "50k users": "fifty thousand users",
            "at 298 K, 2 M HCl": "at two hundred and ninety eight kelvin, two molar H.C.L",
        },
    ),
    Rule(
        "number with letters",
        r"(?P<number>\d+\.\d+)(?P<letters>[A-Za-z]{1,3})",
        lambda m: (
            f"{in_pairs(m['number'].split('.')[0])} point {_decimals(m['number'])}"
            f" {m['letters'] if m['letters'] != 'ac' else 'A.C'}"
        ),
        {"an 802.3af switch": "an eight oh two point three af switch"},
    ),
)

PLAIN_NUMBERS: Final = (
    Rule(
        "number",
        rf"(?P<number>{NUMBER})(?P<plus>\+(?=[\s.,;:!?)]|$))?",
        lambda m: (
            number(m["number"], code=not re.search(r"=\s?$", before(m, 2)))
            + (" plus" if m["plus"] else "")
        ),
        {
            "It costs 1000000 dollars.": "It costs one million dollars.",
            "500000 and 8,800,000": "five hundred thousand and eight million eight hundred"
            " thousand",
            "3.14": "three point one four",
            "007": "zero zero seven",
            "1,000,000,000,000,000,000,000": "one sextillion",
            "123456789012345": "one two three four, five six seven eight, nine zero one two,"
            " three four five",
            "= 18446744073709551": "= eighteen quadrillion, four hundred and forty six trillion,"
            " seven hundred and forty four billion, seventy three million, seven hundred and nine"
            " thousand, five hundred and fifty one",
            "100+ items": "one hundred plus items",
            "1,00,000": "one hundred thousand",
        },
    ),
    Rule(
        "digits inside a word",
        r"\d+",
        lambda m: cardinal(int(m.group())) if len(m.group()) < 4 else number(m.group()),
        {"straße7": "straße seven"},
        inside=True,
    ),
)

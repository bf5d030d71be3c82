"""Fractions and ratings in English."""

from __future__ import annotations

import re
from typing import Final

from ..rule import Rule
from .words import FRACTION, FRACTIONS, after, before, cardinal, fraction, in_pairs
from .words import number as plain_number


def _is_signature(match: re.Match[str]) -> bool:
    """Whether it is the time of a piece of music."""
    if match["whole"] or match["below"] not in ("2", "4", "8", "16"):
        return False
    if re.match(r"\s(?:time|meter|metre|signature|beat|groove)\b", after(match)):
        return True
    if re.search(r"\btime\ssignature\s(?:is|of)\s$", before(match)):
        return True
    usual = (match["above"], match["below"]) in (("4", "4"), ("6", "8"), ("12", "8"), ("2", "2"))
    return usual and re.search(r"\b(?:in|of)\s$", before(match, 4)) is not None


def _fraction(match: re.Match[str]) -> str | None:
    above, below = int(match["above"]), int(match["below"])
    whole = match["whole"]
    if not whole and re.search(
        r"\bexp(?:\.|iry|ires|iration)?[^\d]{0,8}$", before(match), re.IGNORECASE
    ):
        return f"{cardinal(above)} {cardinal(below)}"
    if _is_signature(match):
        return f"{cardinal(above)} {cardinal(below)}"
    if above == below and below in (5, 10):
        return f"{cardinal(above)} out of {cardinal(below)}"
    if (above, below) in (
        (24, 7),
        (50, 50),
        (20, 20),
        (9, 11),
        (7, 11),
        (60, 40),
        (80, 20),
        (6, 7),
    ):
        return None if whole else f"{cardinal(above)} {cardinal(below)}"
    if re.match(r"[/\d]", after(match, 1)) or len(match["above"]) > 3 or len(match["below"]) > 4:
        return None
    words = fraction(above, below)
    if not whole:
        if above > below and (below not in (2, 3, 4, 8) or above >= 2 * below):
            words = f"{cardinal(above)} over {cardinal(below)}"
        elif (
            below > 4
            and re.search(
                r"(?:\b(?:scored?|got|rated|rating|is)|(?<!\d)\sof)\s$", before(match, 10)
            )
            and below in (5, 10, 20, 100)
        ):
            words = f"{cardinal(above)} out of {cardinal(below)}"
        return words
    part = "a half" if (above, below) == (1, 2) else words
    return f"{cardinal(int(whole))} and {part}"


def _hundreds(text: str) -> str:
    return in_pairs(text) if len(text) == 3 else cardinal(int(text))


def _vulgar(match: re.Match[str]) -> str:
    above, below = FRACTIONS[match["fraction"]]
    words = fraction(above, below)
    if whole := match["whole"]:
        part = "a half" if below == 2 else words
        return f"{plain_number(whole)} and {part}"
    return words


FRACTION_RULES: Final = (
    Rule(
        "blood pressure",
        r"(?P<above>\d{2,3})/(?P<below>\d{2,3})(?P<unit>[ ]?mm[ ]?Hg)?",
        lambda m: (
            f"{_hundreds(m['above'])} over {_hundreds(m['below'])}"
            + (" millimeters of mercury" if m["unit"] else "")
            if m["unit"] or re.search(r"\b(?:pressure|BP)\b.{0,20}$", before(m), re.IGNORECASE)
            else None
        ),
        {"Your blood pressure is 120/80.": "Your blood pressure is one twenty over eighty."},
    ),
    Rule(
        "fraction",
        r"(?:(?P<whole>\d{1,4})[ -])?(?P<above>\d{1,3})[/⁄](?P<below>\d{1,4})"
        r"(?:rds?|ths?)?(?!\.\d)",
        _fraction,
        {
            "Add 1/2 cup of milk.": "Add one half cup of milk.",
            "3/4 of them": "three quarters of them",
            "3 1/2 cups": "three and a half cups",
            "open 24/7": "open twenty four seven",
            "5/8": "five eighths",
            "He scored 7/10.": "He scored seven out of ten.",
            "in 4/4 or 3/4 time": "in four four or three four time",
            "exp. 12/27": "expiry twelve twenty seven",
        },
    ),
    Rule(
        "rating",
        r"(?P<above>\d{1,2}\.\d)/(?P<below>5|10|100)",
        lambda m: f"{plain_number(m['above'])} out of {plain_number(m['below'])}",
        {"4.5/5 stars": "four point five out of five stars"},
    ),
    Rule(
        "vulgar fraction",
        rf"(?:(?P<whole>\d{{1,4}})[ ]?)?(?P<fraction>{FRACTION})",
        _vulgar,
        {"¾ cup": "three quarters cup", "2½ hours": "two and a half hours"},
    ),
)

"""Numbers in English words, and the patterns of their written forms."""

from __future__ import annotations

import re
from typing import Final

from .. import numerals

SPACE: Final = r"[ \u00a0\u202f\u2009]"
NUMBER: Final = (
    r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?"
    r"|\d{1,2}(?:,\d{2})+,\d{3}"
    r"|\d{1,3}(?:[\u00a0\u202f\u2009'’]\d{3})+(?:\.\d+)?"
    r"|\d{1,3}(?:[ ]\d{3}){2,}|\d{1,3}[ ]000(?![ ]?\d)|\d{1,3}(?:\.\d{3})+,\d{1,2}"
    r"|\d+(?:\.\d+)?"
    r"|(?<!\w)\.\d+)(?![.,]?\d)"
)
"""Grouped by commas (also the Indian way), by narrow spaces or apostrophes, or not at all."""
AMOUNT: Final = rf"(?:{NUMBER}|\d+,\d\d?(?![.,]?\d))"
"""A number of money or of units, which may also have a comma before its decimals."""
DASH: Final = r"[-–—‐‑−]"
MINUS: Final = r"(?<![\w)\]])[-−–]"
"""A sign, as opposed to a dash between two things."""
FRACTIONS: Final = {
    "½": (1, 2),
    "⅓": (1, 3),
    "⅔": (2, 3),
    "¼": (1, 4),
    "¾": (3, 4),
    "⅕": (1, 5),
    "⅖": (2, 5),
    "⅗": (3, 5),
    "⅘": (4, 5),
    "⅙": (1, 6),
    "⅚": (5, 6),
    "⅛": (1, 8),
    "⅜": (3, 8),
    "⅝": (5, 8),
    "⅞": (7, 8),
}
FRACTION: Final = "[" + "".join(FRACTIONS) + "]"
SCALES: Final = {
    "k": "thousand",
    "K": "thousand",
    "m": "million",
    "M": "million",
    "mn": "million",
    "MM": "million",
    "mm": "million",
    "b": "billion",
    "B": "billion",
    "bn": "billion",
    "Bn": "billion",
    "T": "trillion",
    "tn": "trillion",
    "trn": "trillion",
    "lakh": "lakh",
    "crore": "crore",
    "thousand": "thousand",
    "million": "million",
    "billion": "billion",
    "trillion": "trillion",
}
_MOST_CARDINAL_DIGITS = 12
"""A longer run of digits is a code, unless it is a round number or the result of a sum."""
_ROUND = re.compile(r"[1-9]\d{0,5}0{6,}")


def cardinal(value: int) -> str:
    """Return the words of a number: "one hundred and five"."""
    return numerals.cardinal(value, "en")


def ordinal(value: int) -> str:
    """Return the words of a position: "twenty first"."""
    return numerals.ordinal(value, "en")


def year(value: int) -> str:
    """Return the words of a year: "nineteen ninety nine"."""
    return numerals.year(value, "en")


def digits(text: str) -> str:
    """Return the digits of `text` one by one."""
    return numerals.digits(text, "en")


def grouped_digits(text: str) -> str:
    """Return digits one by one, in groups."""
    return numerals.grouped_digits(text, "en")


def plain(text: str) -> str:
    """Return a written number without its groups: "1,299.50", "1.299,50" and "1 299.50" alike."""
    if re.fullmatch(r"\d{1,3}(?:\.\d{3})+,\d{1,2}|\d+,\d{1,2}", text):
        text = text.replace(".", "").replace(",", ".")
    return re.sub(r"[,'’\s]", "", text)


def number(text: str, *, code: bool = True) -> str:
    """Return the words of a written number: "3.50" is "three point five zero".

    With `code`, a run of digits that begins with zero, or is too long to be counted, is read digit
    by digit.
    """
    whole, point, decimals = plain(text).partition(".")
    if code and not point and re.fullmatch(r"\d+", text):
        too_long = len(whole) > _MOST_CARDINAL_DIGITS and not _ROUND.fullmatch(whole)
        if too_long or (len(whole) > 1 and whole[0] == "0"):
            return grouped_digits(whole)
    words = cardinal(int(whole or "0"))
    return f"{words} point {digits(decimals)}" if point else words


def in_pairs(text: str) -> str:
    """Return three or four digits as people say those of streets and models.

    "221" is "two twenty one", "1600" "sixteen hundred", "204" "two oh four".
    """
    if len(text) not in (3, 4) or text[0] == "0":
        return grouped_digits(text) if len(text) > 4 or text[0] == "0" else cardinal(int(text))
    head, tail = int(text[:-2]), int(text[-2:])
    if tail == 0:
        return cardinal(int(text)) if head % 10 == 0 else f"{cardinal(head)} hundred"
    return f"{cardinal(head)} {'oh ' if tail < 10 else ''}{cardinal(tail)}"


def letter(character: str) -> str:
    """Return one letter to be named: espeak-ng takes "A" alone for the article, but not "A-"."""
    return character + "-" if character in "Aa" else character


def letters(text: str) -> str:
    """Return letters to be named one by one: espeak-ng takes "F.B.I" so, and "A" as an article."""
    named = [c.upper() for c in text if c.isalpha()]
    return letter(named[0]) if len(named) == 1 else ".".join(named)


def spelled(text: str) -> str:
    """Return letters and digits, each by itself."""
    return " ".join(digits(c) if c.isdecimal() else letter(c.upper()) for c in text)


def fraction(above: int, below: int) -> str:
    """Return the words of a fraction: "three quarters", "one half", "seven over one hundred"."""
    if below == 0 or (below > 20 and below not in (25, 30, 32, 40, 50, 64, 100, 1000)):
        return f"{cardinal(above)} over {cardinal(below)}"
    if below == 1:
        return f"{cardinal(above)} over one"
    if below == 2:
        part = "half" if above == 1 else "halves"
    elif below == 4:
        part = "quarter" if above == 1 else "quarters"
    else:
        part = ordinal(below) + ("" if above == 1 else "s")
    return f"{cardinal(above)} {part}"


def before(match: re.Match[str], length: int = 40) -> str:
    """Return the text right before a match."""
    return match.string[max(0, match.start() - length) : match.start()]


def after(match: re.Match[str], length: int = 40) -> str:
    """Return the text right after a match."""
    return match.string[match.end() : match.end() + length]

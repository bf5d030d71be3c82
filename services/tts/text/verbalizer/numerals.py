"""Numbers in words, for any language, and what their written forms have in common."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

SUPERSCRIPTS: Final = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻"
SUBSCRIPTS: Final = "₀₁₂₃₄₅₆₇₈₉₊₋"
_RAISED: Final = str.maketrans(SUPERSCRIPTS + SUBSCRIPTS, "0123456789+-" * 2)
_MOST_DIGITS = 66
"""The largest number that num2words has a name for in English is longer; a longer one than this
nobody could follow."""
_MISSPELLED: Final = {
    "it": (("dicotto", "diciotto"),),
    "es": (("veintiuno mil", "veintiún mil"), (" y uno mil", " y un mil")),
}
"""What num2words 0.5.14 gets wrong, and right: 118 in Italian, 21 000 and 31 000 in Spanish."""
_PAUSES_FROM = 10**12
"""Numbers from here on are spoken with a pause after each group of three digits."""
_ROMAN: Final = re.compile(r"M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_ROMAN_VALUES: Final = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


@lru_cache(4096)
def cardinal(value: int, language: str) -> str:
    """Return the words of a number of any size.

    Hyphens are spaces, and only very large numbers have commas. A number that the language has no
    name for is read digit by digit.
    """
    text = _words(value, language, "cardinal")
    if text is None:
        sign = "-" if value < 0 else ""
        return sign + " ".join(cardinal(int(digit), language) for digit in str(abs(value)))
    return text if abs(value) >= _PAUSES_FROM else text.replace(",", "")


@lru_cache(4096)
def ordinal(value: int, language: str) -> str:
    """Return the words of a position: "twenty first"."""
    text = _words(value, language, "ordinal")
    return cardinal(value, language) if text is None else text.replace(",", "")


@lru_cache(1024)
def year(value: int, language: str) -> str:
    """Return the words of a year: "nineteen ninety nine"."""
    text = _words(value, language, "year")
    return cardinal(value, language) if text is None else text.replace(",", "")


def _words(value: int, language: str, kind: str) -> str | None:
    # Imported when first needed, as it takes 150 ms.
    from num2words import num2words

    if len(str(abs(value))) > _MOST_DIGITS:
        return None
    try:
        words = str(num2words(value, lang=language, to=kind))
        for wrong, right in _MISSPELLED.get(language, ()):
            words = words.replace(wrong, right)
        return " ".join(words.replace("-", " ").split())
    except (OverflowError, NotImplementedError, IndexError, KeyError):
        return None


def digits(text: str, language: str) -> str:
    """Return the digits of `text` one by one; everything else in it is left out."""
    return " ".join(cardinal(int(c), language) for c in text if c.isdecimal())


def grouped_digits(text: str, language: str, *, group: int = 4) -> str:
    """Return digits one by one, with a pause after each `group` of them.

    The groups are those of the text if it has any: "4111 1111", "555-0199".
    """
    groups = re.findall(r"\d+", text)
    if len(groups) == 1 and len(groups[0]) > 6:
        whole = groups[0]
        size = 3 if len(whole) % group in (1, 2) and len(whole) % 3 in (0, 2) else group
        groups = [whole[at : at + size] for at in range(0, len(whole), size)]
        if len(groups) > 1 and len(groups[-1]) == 1:
            groups[-2:] = ["".join(groups[-2:])]
    return ", ".join(digits(part, language) for part in groups)


def roman(text: str) -> int | None:
    """Return the value of a Roman numeral in capitals, or None if it is none."""
    if not text or not _ROMAN.fullmatch(text):
        return None
    total = 0
    for character, following in zip(text, [*text[1:], ""], strict=True):
        value = _ROMAN_VALUES[character]
        total += -value if _ROMAN_VALUES.get(following, 0) > value else value
    return total


def lowered(text: str) -> str:
    """Return `text` with raised and lowered digits as plain ones: "10⁻³" is "10-3"."""
    return text.translate(_RAISED)

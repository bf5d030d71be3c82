"""Notations of one field in English: verses, scores, apertures, factors, shortened little words."""

from __future__ import annotations

import re
from typing import Final

from ..rule import BAR, Rule
from .words import DASH, NUMBER, SCALES, after, before, cardinal, number

_BOOKS: Final = (
    "Genesis|Exodus|Leviticus|Numbers|Deuteronomy|Joshua|Judges|Ruth|Samuel|Kings|Chronicles|Ezra"
    "|Nehemiah|Esther|Job|Psalms?|Proverbs|Ecclesiastes|Song\\sof\\sSongs|Isaiah|Jeremiah"
    "|Lamentations|Ezekiel|Daniel|Hosea|Joel|Amos|Obadiah|Jonah|Micah|Nahum|Habakkuk|Zephaniah"
    "|Haggai|Zechariah|Malachi|Matthew|Mark|Luke|John|Acts|Romans|Corinthians|Galatians|Ephesians"
    "|Philippians|Colossians|Thessalonians|Timothy|Titus|Philemon|Hebrews|James|Peter|Jude"
    "|Revelation|Sur[ao]h?|Quran|Qur'an|Gita|verses?"
)
_LITTLE_WORDS: Final = {
    "w/o": "without",
    "w/": "with",
    "c/o": "care of",
    "b/c": "because",
}
_BOOK_NUMBERS: Final = {"1": "First", "2": "Second", "3": "Third"}


def _verse(match: re.Match[str]) -> str:
    words = f"{cardinal(int(match['chapter']))} {cardinal(int(match['verse']))}"
    return words + (f" to {cardinal(int(match['last']))}" if match["last"] else "")


def _score(match: re.Match[str]) -> str | None:
    """Two sides stand around it; what follows an equals sign would be a result."""
    if "=" in after(match, 16) or re.search(r"[=+×*÷]", before(match, 16)):
        return None
    return f"{cardinal(int(match['home']))}{BAR}to{BAR}{cardinal(int(match['away']))}"


def _factor(match: re.Match[str]) -> str | None:
    """An unknown of an equation has signs around it."""
    if re.match(r"\s?[-=+×*÷/<>≤≥^−²³)]", after(match, 2)):
        return None
    if re.search(r"[-=+×*÷/<>≤≥−(]\s?$", before(match, 2)):
        return None
    return f"{number(match['amount'])} times"


NOTATIONS: Final = (
    Rule(
        "chapter and verse",
        rf"(?<=\s)(?P<chapter>\d{{1,3}}):(?P<verse>\d{{1,3}})(?:{DASH}(?P<last>\d{{1,3}}))?",
        lambda m: (
            _verse(m)
            if re.search(rf"(?<!\w)(?:{_BOOKS})\s$", before(m, 24), re.IGNORECASE)
            else None
        ),
        {
            "Genesis 1:1": "Genesis one one",
            "Read John 3:16-18 first.": "Read John three sixteen to eighteen first.",
            "We won 3:2.": "We won three to two.",
        },
    ),
    Rule(
        "numbered book",
        rf"(?P<number>[123])[ ](?=(?:{_BOOKS})\s\d)",
        lambda m: f"{_BOOK_NUMBERS[m['number']]} ",
        {"1 Corinthians 13:4": "First Corinthians thirteen four"},
        inside=True,
    ),
    Rule(
        "score between two sides",
        r"(?<=[A-Za-z]\s)(?P<home>\d{1,3})[ ][-–][ ](?P<away>\d{1,3})(?=\s[A-Z])",
        _score,
        {
            "Team A 3 - 1 Team B": "Team A- three to one Team B",
            "Ajax 2 – 2 Porto": "Ajax two to two Porto",
        },
    ),
    Rule(
        "aperture",
        rf"[fƒ]/(?P<stop>{NUMBER})",
        lambda m: f"f {number(m['stop'])}",
        {"at f/2.8": "at f two point eight"},
    ),
    Rule(
        "shortened little word",
        r"(?:w/o|b/c|c/o)(?![\w/])|w/(?=[ ]?[A-Za-z])",
        lambda m: _LITTLE_WORDS[m.group()] + (" " if m.group() == "w/" else ""),
        {
            "coffee w/o sugar": "coffee without sugar",
            "tea w/ milk": "tea with milk",
        },
        inside=True,
    ),
    Rule(
        "factor",
        rf"(?P<amount>{NUMBER})[xX×](?![\w×]|[ ]?\d)",
        _factor,
        {
            "2x faster": "two times faster",
            "up 10x since": "up ten times since",
            "a 3x 5 card": "a three by five card",
        },
    ),
    Rule(
        "thousands in a time",
        rf"(?P<amount>{NUMBER})(?P<scale>[kKM])/"
        r"(?P<period>second|minute|hour|day|week|month|year|person|user)",
        lambda m: f"{number(m['amount'])} {SCALES[m['scale']]} per {m['period']}",
        {"30k/day": "thirty thousand per day"},
    ),
)

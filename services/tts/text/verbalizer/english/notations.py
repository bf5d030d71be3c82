"""Notations of one field in English: verses, scores, apertures, factors, shortened little words."""

from __future__ import annotations

import re
from typing import Final

from ..rule import BAR, Rule
from .words import DASH, NUMBER, SCALES, after, before, cardinal, letter, number

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
    often = re.match(r"/(?:day|week|month|year|hour|night|d|wk)\b", after(match, 8))
    if not often and re.match(r"\s{0,3}(?:[-=+×*÷/<>≤≥^−²³)]|d[a-z]\b)", after(match, 6)):
        return None
    if re.search(r"[-=+×*÷/<>≤≥−(]\s{0,3}$", before(match, 4)):
        return None
    if re.fullmatch(r"\d{4,}X", match.group()):
        # A model rather than a factor.
        return None
    lower = f"{number(match['lower'])} to " if match["lower"] else ""
    return f"{lower}{number(match['amount'])} times"


_PIECES: Final = {"K": "king", "Q": "queen", "R": "rook", "B": "bishop", "N": "knight"}
_OUTCOMES: Final = {"+": "check", "#": "mate"}


def _move(match: re.Match[str]) -> str | None:
    """A move of a pawn has to take something, as "e4" may be anything."""
    piece, sign = match["piece"], match["sign"]
    if not piece and not (match["takes"] or match["promoted"]):
        return None
    words = [_PIECES[piece]] if piece else []
    words += [letter(c) if c.isalpha() else cardinal(int(c)) for c in match["origin"] or ""]
    words += ["takes"] if match["takes"] else []
    words += [letter(match["file"]), cardinal(int(match["rank"]))]
    if promoted := match["promoted"]:
        words += ["becomes a", _PIECES[promoted[-1]]]
    return " ".join(words) + (f", {_OUTCOMES[sign]}" if sign else "")


NOTATIONS: Final = (
    Rule(
        "move of chess",
        r"(?P<piece>[KQRBN])?(?P<origin>[a-h]?[1-8]?)(?P<takes>x)?(?P<file>[a-h])(?P<rank>[1-8])"
        r"(?P<promoted>=[QRBN])?(?P<sign>[+\#])?(?![\w.:/-]\w)",
        _move,
        {
            "Nf3, then Qxd5+": "knight f three, then queen takes d five, check",
            "exd5 and e8=Q#": "e takes d five and e eight becomes a queen, mate",
            "Rae1": "rook a- e one",
        },
    ),
    Rule(
        "number of a move",
        r"(?P<number>\d{1,3})\.{1,3}[ ]?(?=(?:[KQRBN][a-h1-8]?x?|[a-h]x)?[a-h][1-8]\b|O-O)",
        lambda m: f"{cardinal(int(m['number']))}, ",
        {"1.e4 c5 2.Nf3": "one, e four c five, two, knight f three"},
        inside=True,
    ),
    Rule(
        "castling",
        r"(?P<side>O-O-O|O-O)",
        lambda m: "castles " + ("queenside" if len(m["side"]) > 3 else "kingside"),
        {"then O-O": "then castles kingside"},
    ),
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
        r"(?:w/o|b/c|c/o)(?![\w/])|w/(?=[ ]?[A-Za-z]{2})",
        lambda m: _LITTLE_WORDS[m.group()] + (" " if m.group() == "w/" else ""),
        {
            "coffee w/o sugar": "coffee without sugar",
            "tea w/ milk": "tea with milk",
        },
        inside=True,
    ),
    Rule(
        "factor",
        rf"(?:(?P<lower>{NUMBER}){DASH})?(?P<amount>{NUMBER})[xX×](?![\w×]|[ ]?\d)",
        _factor,
        {
            "2x faster": "two times faster",
            "up 10x since": "up ten times since",
            "3x/day": "three times per day",
            "∫ 2x dx": "the integral of two x dx",
            "2–3x a week": "two to three times a week",
            "x^2  -  5x  +  6": "x squared minus five x plus six",
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

"""Roman numerals in English: which letters are numerals, and whether they count or name a king."""

from __future__ import annotations

import re
from typing import Final

from .. import numerals
from ..rule import Rule
from .words import after, before, cardinal, ordinal, year

_MONARCHS: Final = frozenset(
    "Henry Louis Elizabeth Charles George William Edward Richard James John Paul Pius Benedict"
    " Francis Napoleon Philip Frederick Wilhelm Catherine Ivan Peter Nicholas Alexander Alfonso"
    " Ferdinand Leo Gregory Innocent Urban Clement Ramses Ramesses Ptolemy Otto Leopold Mary Anne"
    " Charlemagne Boniface Sixtus Julius Constantine Theodosius Justinian Darius Xerxes Cyrus"
    " Thutmose Amenhotep Seti Cleopatra Harald Christian Gustav Gustavus Margaret Margrethe"
    " Felipe Carlos Juan Umberto Victor Emmanuel Haakon Olav Baldwin Robert David Stephen Franz"
    " Josef Joseph Rudolf Maximilian Abdulhamid Mehmed Selim Suleiman Murad Bayezid Akbar Rama"
    " Mohammed Hassan Abdullah Hussein Tsar King Queen Emperor Pope Albert Eric Eugene Adrian"
    " Hadrian Celestine Martin Nicolas Philippe Henri Pedro Manuel Isabella Beatrix"
    " Wilhelmina".split()
)

_REIGNING = re.compile(
    r"\s(?:was|of|became|ruled|reigned|died|had|and|is|on|in|who|ordered|came)\b"
)

_DIVISIONS: Final = frozenset(
    "chapter part war volume vol book section act scene phase type bowl figure fig article title"
    " class appendix stage grade level round episode mark table unit lesson step factor schedule"
    " olympiad tier category division group amendment canto psalm symphony sonata opus movement"
    " version number series season zone pp p page pages sc exhibit annex annexe line world"
    " psychology algebra calculus physics chemistry biology economics statistics".split()
)

_ROMAN = r"(?=[IVXLCDM]+(?![\w]))[IVXLCDM]+"

_ROMAN_CHARACTERS: Final = {chr(0x2160 + n): n + 1 for n in range(12)} | {
    chr(0x2170 + n): n + 1 for n in range(12)
}

_NO_NUMERALS: Final = frozenset(
    "CV CD DVD MD DC MC DI MM CC CI MI MIX DIM MILD VI XL XXL XXX LCD DM LL MIDI CIVIL DIV CC ID"
    " IM DL ML CL MCI LI CM".split()
)


def _numeral(match: re.Match[str]) -> str | None:
    text = match["numeral"].upper()
    value = numerals.roman(text)
    if value is None:
        return None
    lead, rest = before(match, 30), after(match, 24)
    name = re.search(r"(?P<name>\w+)['’.]?[ ]$", lead)
    word = name["name"] if name else ""
    if re.match(r"(?:th)?[ -]century", rest):
        return ordinal(value)
    if word.lower() in _DIVISIONS and not (len(text) == 1 and text in "CDLM"):
        to = " to" if re.match(r"[-–][ivxIVX]", rest) else ""
        return cardinal(value) + to
    if re.search(r"\b(?:pp?|pages?)\.?\s[ivx]+[-–]$", lead) and match["numeral"].islower():
        return cardinal(value)
    if match["numeral"].islower():
        return None
    if word in _MONARCHS and value < 40:
        if value == 1 and not (_REIGNING.match(rest) or re.match(r"[.,;:'’)]|$", rest)):
            return None
        return f"the {ordinal(value)}"
    if text in _NO_NUMERALS or len(text) == 1:
        return None
    if len(text) >= 5 and value > 1000:
        return year(value)
    if word[:1].isupper() and word.isalpha() and not word.isupper() and value < 60:
        return cardinal(value)
    return None


def _unicode_numeral(match: re.Match[str]) -> str:
    value = _ROMAN_CHARACTERS[match.group()]
    name = re.search(r"(\w+)[ ]$", before(match, 20))
    if name and name[1] in _MONARCHS:
        return f"the {ordinal(value)}"
    return cardinal(value)


ROMAN_NUMERALS: Final = (
    Rule(
        "Roman numeral",
        rf"(?P<numeral>{_ROMAN}|[ivx]{{2,7}})",
        _numeral,
        {
            "World War II and Henry VIII.": "World War two and Henry the eighth.",
            "Chapter IV": "Chapter four",
            "Louis XIV's court": "Louis the fourteenth's court",
            "Rocky IV": "Rocky four",
            "Elizabeth I was queen.": "Elizabeth the first was queen.",
            "I MIX my CV": "I MIX my C.V",
            "Super Bowl LVIII": "Super Bowl fifty eight",
            "the XIX century": "the nineteenth century",
        },
    ),
    Rule(
        "Roman numeral of Unicode",
        "[" + "".join(_ROMAN_CHARACTERS) + "]",
        _unicode_numeral,
        {"Henry Ⅷ": "Henry the eighth", "Part Ⅲ": "Part three"},
        inside=True,
    ),
)

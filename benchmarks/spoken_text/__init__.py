"""A corpus of written lines with their readings, and how to compare what was heard with them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from services.tts.text.normalization import speakable_words
from services.tts.text.verbalizer import numerals
from tests.support.word_errors import normal_words

FOLDER = Path(__file__).parent
_CHOICE = re.compile(r"\[([^\[\]|]*)((?:\|[^\[\]|]*)+)\]")
_NUMERAL = re.compile(r"(?<=-)[IVX]{1,5}(?![A-Za-z])")
"""Whisper writes "MP three" as "MP-III" when it must not write digits."""
_MOST_READINGS = 32
_MOST_JOINED = 6
"""Words that may be written as one: "F B I" and "FBI"."""
_SAME = {
    "dr": "doctor",
    "saint": "st",
    "street": "st",
    "versus": "vs",
    "mister": "mr",
    "right": "write",
    "buy": "by",
    "won": "1",
    "for": "4",
    "to": "2",
    "too": "2",
    "byte": "bite",
    "bytes": "bites",
    "kneed": "need",
    "knead": "need",
    "sea": "see",
    "ate": "8",
    "their": "there",
    "whether": "weather",
    "through": "threw",
    "root": "route",
    "wait": "weight",
    "jay": "j",
}
"""Other ways to write what sounds the same; digits are numbers."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the corpus."""

    kind: str
    written: str
    readings: tuple[str, ...]
    """Right ways to read it; the first is preferred."""


def corpus(language: str) -> list[Line]:
    """Return the lines for a language, from the file of its name."""
    names = {
        "de": "german",
        "en": "english",
        "es": "spanish",
        "fr": "french",
        "it": "italian",
        "nl": "dutch",
        "pt": "portuguese",
    }
    path = FOLDER / f"{names.get(language, language)}.txt"
    lines: list[Line] = []
    kind = ""
    for text in path.read_text(encoding="utf-8").splitlines():
        if text.startswith("# "):
            kind = text[2:]
        elif text.strip():
            lines.append(_line(kind, text))
    return lines


def _line(kind: str, text: str) -> Line:
    written: list[str] = []
    parts: list[list[str]] = []
    done = 0
    for match in _CHOICE.finditer(text):
        before = text[done : match.start()]
        written += [before, match[1]]
        parts += [[before], match[2][1:].split("|")]
        done = match.end()
    written.append(text[done:])
    parts.append([text[done:]])
    readings = itertools.islice(itertools.product(*parts), _MOST_READINGS)
    return Line(kind, "".join(written), tuple("".join(reading) for reading in readings))


def errors(heard: str, line: Line) -> tuple[int, int]:
    """Return the words heard wrong, by the reading that fits best, and the words it has."""
    found = _words(heard)
    readings = (_words(reading) for reading in line.readings)
    counted = ((_distance(found, words), len(words)) for words in readings)
    return min(counted)


def _words(text: str) -> list[str]:
    """Return the words to compare: of "World War II", "C++" and the like as they are read."""
    text = _NUMERAL.sub(lambda m: str(numerals.roman(m.group()) or m.group()), text)
    text = " ".join(word.spoken for word in speakable_words(text))
    text = re.sub(r"[-‐‑–—/*`_]", " ", text)
    text = re.sub(r"(?<=\b[A-Za-z])\.(?=[A-Za-z]\b)", " ", text)
    return [_SAME.get(word, word) for word in normal_words(text)]


def _distance(one: Sequence[str], other: Sequence[str]) -> int:
    """Edit distance in words, where the same letters as one word or several are no error."""
    rows = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i in range(len(one) + 1):
        for j in range(len(other) + 1):
            if i == 0 or j == 0:
                rows[i][j] = i + j
                continue
            best = min(
                rows[i - 1][j] + 1,
                rows[i][j - 1] + 1,
                rows[i - 1][j - 1] + (one[i - 1] != other[j - 1]),
            )
            for parts in range(2, _MOST_JOINED + 1):
                if i >= parts and "".join(one[i - parts : i]) == other[j - 1]:
                    best = min(best, rows[i - parts][j - 1])
                if j >= parts and "".join(other[j - parts : j]) == one[i - 1]:
                    best = min(best, rows[i - 1][j - parts])
            rows[i][j] = best
    return rows[-1][-1]

"""Convert written text to words that can be read aloud, one for each written word."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .abbreviations import TITLES
from .markup import readable
from .punctuation import ASCII_PAUSE_MARKS, CLOSING_MARKS, PAUSE_MARKS
from .verbalizer import Language, language_of
from .verbalizer.rule import BAR
from .verbalizer.scanner import Stretch, scan

MAXIMUM_CHARACTERS = 5_000
"""Longer text is truncated: about six minutes of speech."""

_LONGEST_SPOKEN = 800
"""Letters spoken for one written word: about a minute."""
_SPOKEN_ALONE = frozenset("+=&@%×÷±<>≤≥≠≈€$£¥°½¼¾")
"""Symbols that are words by themselves; others are silent when they stand alone."""
_READ_SYMBOLS = frozenset("+=×÷±<>≤≥≠≈°№$€£¥₹%&@")

_ELLIPSIS = re.compile(r"…|\.{2,}")
_REPEATED_MARKS = re.compile(rf"([{ASCII_PAUSE_MARKS}]){{2,}}")
_REPEATED_LETTER = re.compile(r"(\w)\1{4,}")
_AREA_CODE = re.compile(r"\(\d{1,5}\)")
_CLOSES_ASIDE = re.compile(r"\(?[^()]+\)")
_BETWEEN = re.compile(r"(?<=\w)_+(?=\w)")


@dataclass(frozen=True, slots=True)
class SpeakableWord:
    """One word of a text, as written and as read aloud."""

    written: str
    """Contains no spaces; empty for a further part of the word before."""
    spoken: str
    """May be several words, or empty for markup, emoji and the like."""
    share: float = 1.0
    """How much of the written word's sound this is: a very long number is spoken in parts, of which
    all but the first have nothing written."""


def speakable_words(text: str, *, language: str = "en") -> list[SpeakableWord]:
    """Return the words of `text` in order; their `written` forms joined by spaces are the text.

    Markup (Markdown, SSML and HTML tags, code blocks), emoji, and control, invisible and direction
    marks are silent. Of a link the label is read, of a bare URL the host and a short path. Numbers,
    money, dates, units and the like are written out by the rules of `language`, an ISO 639-1 code
    (`verbalizer`); a reading of several written words is shared out among them. Any text is safe:
    time is linear in its length, of which at most `MAXIMUM_CHARACTERS` are read.
    """
    text = text[:MAXIMUM_CHARACTERS]
    matches = list(re.finditer(r"\S+", text))
    spoken_words = _read(text, [match.start() for match in matches], language_of(language))
    words: list[SpeakableWord] = []
    sounded = False
    for match, spoken in zip(matches, spoken_words, strict=True):
        spoken = _tidy_word(spoken)
        words.append(SpeakableWord(match.group(), spoken))
        sounded = sounded or _has_sound(spoken)
        if sounded and "\n" in text[match.end() : match.end() + 2]:
            # Only after words with sound: silent lines have no clause to end.
            _end_clause(words)
            sounded = False
    return _tidy_words(words)


def is_speakable(text: str) -> bool:
    """Whether anything in `text` is read aloud."""
    return any(_has_sound(word.spoken) for word in speakable_words(text))


def _read(text: str, starts: Sequence[int], language: Language) -> list[str]:
    """Return what is read aloud for each of the written words that begin at `starts`."""
    characters: list[str] = []
    places: list[int] = []
    for at, read in readable(text, language.kept):
        characters += read
        places += [at] * len(read)
    clean = "".join(characters)
    spoken = [""] * len(starts)
    last: Stretch | None = None
    for stretch in scan(clean, language):
        chunks = list(re.finditer(r"\S+", clean[stretch.start : stretch.end]))
        if last is not None and _run_together(last, stretch, clean):
            word = max(0, bisect_right(starts, places[last.end - 1]) - 1)
            spoken[word] = spoken[word].rstrip() + ","
        last = stretch
        for chunk, words in zip(chunks, _share_out(stretch, chunks), strict=True):
            place = places[stretch.start + chunk.start()]
            word = max(0, bisect_right(starts, place) - 1)
            if not stretch.ruled:
                words = _plain(words, clean, stretch.start)
            start = stretch.start + chunk.start()
            if spoken[word] and clean[start - 1 : start].isspace():
                spoken[word] += " "
            spoken[word] = _join(spoken[word], words, ruled=stretch.ruled)
    return spoken


def _run_together(one: Stretch, other: Stretch, clean: str) -> bool:
    """Whether two numbers would sound like one: "SpO2 98%", "on page 20 5 people"."""
    return (
        one.ruled
        and other.ruled
        and clean[one.end : other.start] in (" ", "\u00a0")
        and clean[one.end - 1].isdecimal()
        and clean[other.start].isdecimal()
        and one.spoken[-1:].isalpha()
    )


def _share_out(stretch: Stretch, chunks: Sequence[re.Match[str]]) -> list[str]:
    """Share a reading out among the written words that it stands for.

    Where the rule has not said which is whose, each gets words in proportion to its length, and
    at least one if there are enough.
    """
    parts = stretch.spoken.split(BAR) if stretch.ruled else [stretch.spoken]
    if len(parts) == len(chunks):
        return parts
    words = " ".join(parts).split()
    sizes = [sum(c.isalnum() for c in chunk.group()) + 0.1 for chunk in chunks]
    shares: list[str] = []
    taken, done = 0, 0.0
    for number, size in enumerate(sizes):
        done += size
        left = len(sizes) - number - 1
        end = round(len(words) * done / sum(sizes))
        end = max(taken + 1, min(end, len(words) - left)) if left else len(words)
        shares.append(" ".join(words[taken:end]))
        taken = end
    return shares


def _plain(token: str, clean: str, at: int) -> str:
    """Return how a token that no rule has read is spoken."""
    if token in "[]()":
        around = clean[max(0, at - 1) : at], clean[at + 1 : at + 2]
        plural = clean[at : at + 3] in ("(s)", "(es")
        return " " if all(around) and not "".join(around).isspace() and not plural else ""
    if token in "{}\\":
        return " "
    if token == "#":
        return token if at > 0 and clean[at - 1].isalnum() else ""
    if token == "|":
        alone = clean[max(0, at - 1) : at + 2].strip() == "|"
        return "|" if alone else " "
    if len(token) == 1 and unicodedata.category(token)[0] == "S" and token not in _READ_SYMBOLS:
        return ""
    return token


def _join(before: str, words: str, *, ruled: bool) -> str:
    """Add what is spoken for a part of a written word to what is spoken for the parts before."""
    if ruled:
        if before.endswith(("-", "‑", "–", "—")) and before[-2:-1].isalnum():
            before = before[:-1]
        apart = before[-1:].isalnum() or before.endswith((",", ";", ":"))
        return f"{before} {words} " if apart else f"{before}{words} "
    if words[:1].isalnum():
        return before + words
    return before.rstrip(" ") + words if words.strip() else before + words


def _tidy_word(word: str) -> str:
    word = _BETWEEN.sub(" ", " ".join(word.split())).replace("_", "").strip()
    word = _REPEATED_LETTER.sub(r"\1\1\1", word)
    if len(word) > _LONGEST_SPOKEN:
        word = word[: _LONGEST_SPOKEN + 1].rpartition(" ")[0] or word[:_LONGEST_SPOKEN]
    word = _ELLIPSIS.sub("…", word)
    return _REPEATED_MARKS.sub(lambda m: "?" if "?" in m.group() else m.group(1), word)


def _tidy_words(words: list[SpeakableWord]) -> list[SpeakableWord]:
    """Resolve what depends on neighbours: lone symbols, ellipses, brackets, titles' full stops."""
    out: list[SpeakableWord] = []
    last = max((i for i, w in enumerate(words) if _has_sound(w.spoken)), default=-1)
    for index, word in enumerate(words):
        spoken = word.spoken
        if spoken and not _has_sound(spoken):
            minus = spoken == "-" and 0 < index < last and _are_numbers(words, index)
            if not minus:
                if index < last and any(c in PAUSE_MARKS or c in "-|/" for c in spoken):
                    _end_clause(out)
                spoken = ""
        if "…" in spoken:
            # espeak-ng ignores an ellipsis and runs the words together.
            end = "." if index >= last else ","
            inner = spoken.rstrip("…" + CLOSING_MARKS).replace("…", ", ").strip(", ")
            spoken = inner + end if _has_sound(inner) else ""
        if index < last and spoken.endswith(".") and spoken[:-1].lower() in TITLES:
            # espeak-ng ends the sentence at any full stop before a capital.
            spoken = spoken[:-1]
        aside = spoken and not _AREA_CODE.fullmatch(word.written)
        if aside and word.written.startswith("("):
            _end_clause(out)
        out.append(replace(word, spoken=spoken))
        if aside and index < last and _CLOSES_ASIDE.fullmatch(word.written):
            _end_clause(out)
    return out


def _end_clause(words: list[SpeakableWord]) -> None:
    """Add a pause after the last spoken word."""
    for index in range(len(words) - 1, -1, -1):
        spoken = words[index].spoken
        if _has_sound(spoken):
            if spoken[-1] not in PAUSE_MARKS:
                words[index] = replace(words[index], spoken=spoken + ",")
            return


def _are_numbers(words: list[SpeakableWord], index: int) -> bool:
    """Whether the words on both sides of `index` are numbers."""
    return all(words[i].spoken[:1].isdigit() for i in (index - 1, index + 1))


def _has_sound(spoken: str) -> bool:
    return spoken in _SPOKEN_ALONE or any(c.isalnum() for c in spoken)

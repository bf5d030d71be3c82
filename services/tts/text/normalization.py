"""Convert written text to words that can be read aloud, one for each written word."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from .abbreviations import TITLES
from .punctuation import ASCII_PAUSE_MARKS, CLOSING_MARKS, PAUSE_MARKS

MAXIMUM_CHARACTERS = 5_000
"""Longer text is truncated: about six minutes of speech."""

_LONGEST_WORD = 60
"""Letters; longer strings are not words of any language and are truncated."""
_MOST_MARKS = 4
"""Combining marks on one letter; more are noise."""
_SPOKEN_ALONE = frozenset("+=&@%×÷±<>≤≥≠≈€$£¥°½¼¾")
"""Symbols that are words by themselves; others are silent when they stand alone."""
_READ_SYMBOLS = frozenset("+=×÷±<>≤≥≠≈°№$€£¥₹%&@")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
"""Scripts without spaces between words."""

_MARKUP = re.compile(
    r"""
      (?P<fence>```.*?(?:```|\Z))
    | (?P<comment><!--.*?(?:-->|\Z))
    | (?P<tag></?[A-Za-z][^<>]{0,500}>|<[?!][^<>]{0,500}>)
    | (?P<target>\]\([^()\n]{0,1000}(?:\([^()\n]{0,200}\)[^()\n]{0,200})?\))
    | (?P<code>`[^`\n]{1,200}`)
    | (?P<url>(?:https?|ftp)://[^\s<>"'`\])}]{1,2000}|\bwww\.[^\s<>"'`\])}]{1,2000})
    | (?P<entity>&(?:[A-Za-z]{2,10}|\#[0-9]{1,6}|\#[xX][0-9A-Fa-f]{1,6});)
    | (?P<rule>^[ \t]*(?:[-*_=~|:+][ \t]*){3,}$)
    | (?P<number>^[ \t]*\d{1,3}[.)](?=[ \t]))
    | (?P<bullet>^[ \t]*(?:\#{1,6}|>+|[-*+•‣◦▪●])(?=[ \t]))
    """,
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)
_ELLIPSIS = re.compile(r"…|\.{2,}")
_REPEATED_MARKS = re.compile(rf"([{ASCII_PAUSE_MARKS}]){{2,}}")
_REPEATED_LETTER = re.compile(r"(\w)\1{4,}")
_BETWEEN = re.compile(r"(?<=\w)_+(?=\w)")
_HOST = re.compile(r"^(?:[a-z]+://)?(?:[^@/]*@)?(?:www\.)?([^/:?#]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SpeakableWord:
    """One word of a text, as written and as read aloud."""

    written: str
    """Contains no spaces."""
    spoken: str
    """May be several words, or empty for markup, emoji and the like."""


def speakable_words(text: str) -> list[SpeakableWord]:
    """Return the words of `text` in order; their `written` forms joined by spaces are the text.

    Markup (Markdown, SSML and HTML tags, code blocks), emoji, and control, invisible and direction
    marks are silent. Of a link the label is read, of a bare URL the host. Any text is safe: time
    is linear in its length, of which at most `MAXIMUM_CHARACTERS` are read.
    """
    text = text[:MAXIMUM_CHARACTERS]
    heard = list(_read(text))
    words: list[SpeakableWord] = []
    at = 0
    sounded = False
    for match in re.finditer(r"\S+", text):
        pieces: list[str] = []
        while at < len(heard) and heard[at][0] < match.end():
            pieces.append(heard[at][1])
            at += 1
        spoken = _tidy_word("".join(pieces))
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


def _read(text: str) -> Iterator[tuple[int, str]]:
    """Yield what is read aloud, as (position in the text, characters)."""
    done = 0
    for match in _MARKUP.finditer(text):
        yield from _read_plain(text, done, match.start())
        if match.lastgroup is not None and (reader := _READERS.get(match.lastgroup)) is not None:
            # At its last character, as markup may begin with the spaces of its line.
            yield match.end() - 1, reader(match.group())
        done = match.end()
    yield from _read_plain(text, done, len(text))


def _read_plain(text: str, start: int, end: int) -> Iterator[tuple[int, str]]:
    marks = 0
    for at in range(start, end):
        character = text[at]
        category = unicodedata.category(character)
        if category == "Mn":
            marks += 1
            if marks > _MOST_MARKS or "\ufe00" <= character <= "\ufe0f":
                continue
        else:
            marks = 0
        if category[0] == "C" or category == "Me":
            continue
        if category[0] == "S" and character not in _READ_SYMBOLS:
            continue
        if character == "*":
            if 0 < at < len(text) - 1 and text[at - 1].isdigit() and text[at + 1].isdigit():
                yield at, "×"
            continue
        if character == "#" and (at == 0 or not text[at - 1].isalnum()):
            continue
        if character in "[]()" or text[at : at + 2] == "![":
            continue
        if character in "{}\\":
            character = " "
        yield at, character


def _read_code(code: str) -> str:
    return "".join(c for _, c in _read_plain(code.strip("`"), 0, len(code.strip("`"))))


def _read_address(address: str) -> str:
    host = _HOST.match(address)
    end = address[len(address.rstrip(ASCII_PAUSE_MARKS)) :][:1]
    return (host.group(1).rstrip(ASCII_PAUSE_MARKS) if host else "") + end


def _read_entity(entity: str) -> str:
    character = html.unescape(entity)
    return "" if character in ("<", ">") or character == entity else character


_READERS: dict[str, Callable[[str], str]] = {
    "code": _read_code,
    "url": _read_address,
    "entity": _read_entity,
    "number": lambda number: number.strip()[:-1] + ",",
}


def _tidy_word(word: str) -> str:
    word = _BETWEEN.sub(" ", " ".join(word.split())).strip("_ ")
    word = _REPEATED_LETTER.sub(r"\1\1\1", word)
    if len(word) > _LONGEST_WORD and not _UNSPACED.search(word):
        word = " ".join(part[:_LONGEST_WORD] for part in word[: 2 * _LONGEST_WORD].split())
    word = _ELLIPSIS.sub("…", word)
    return _REPEATED_MARKS.sub(lambda m: "?" if "?" in m.group() else m.group(1), word)


def _tidy_words(words: list[SpeakableWord]) -> list[SpeakableWord]:
    """Resolve what depends on neighbours: lone symbols, ellipses, titles with a full stop."""
    out: list[SpeakableWord] = []
    last = max((i for i, w in enumerate(words) if _has_sound(w.spoken)), default=-1)
    for index, word in enumerate(words):
        spoken = word.spoken
        if spoken and not _has_sound(spoken):
            minus = spoken == "-" and 0 < index < last and _are_numbers(words, index)
            if not minus:
                if index < last and any(c in PAUSE_MARKS or c == "-" for c in spoken):
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
        out.append(replace(word, spoken=spoken))
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

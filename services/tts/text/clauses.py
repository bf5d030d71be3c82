"""Cut text into clauses, so that its sound starts early."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Final

from .normalization import SpeakableWord
from .punctuation import (
    CLAUSE_MARKS,
    PAUSE_MARKS,
    QUOTATION_MARKS,
    WIDE_CLAUSE_MARKS,
    ends_with_pause,
)

_FIRST_EFFORT = 60
"""A sentence up to this length is spoken whole; a longer one starts with a clause of it."""
_LATER_EFFORT = 130
"""Length of later clauses: while one is heard, the next is computed."""
_LEAST_EFFORT = 18
"""A shorter clause would sound clipped."""
_MOST_FIRST_EFFORT = 130
"""A first clause without a pause up to this length is cut between words: all of it is read before
the first sound, which takes a medium voice about 100 ms for this length."""
_MOST_EFFORT = 200
"""The limit for later clauses: a longer one would delay other rooms."""
_DIGIT_EFFORT = 4
"""A digit takes about as long to say as four letters."""

_CLAUSE_END: Final = re.compile(
    # Between two numbers, as in "May 5, 2024", a mark ends no clause.
    rf"(?<!\d)[{CLAUSE_MARKS}](?=\s)|(?<=\d)[{CLAUSE_MARKS}](?=\s+[^\s\d])|[{WIDE_CLAUSE_MARKS}]"
)
_AROUND_A_WORD: Final = "".join(PAUSE_MARKS) + QUOTATION_MARKS

_CONJUNCTIONS: Final[dict[str, frozenset[str]]] = {
    "en": frozenset(
        "and but or nor so because although though while whereas if unless until when whenever"
        " where which who whose that since before after than then".split()
    ),
    "de": frozenset("und aber oder denn weil dass wenn als ob damit bevor nachdem während".split()),
    "fr": frozenset("et mais ou donc car parce que qui quand lorsque si puisque comme".split()),
    "es": frozenset("y pero o porque que cuando si aunque como donde mientras".split()),
    "it": frozenset("e ma o perché che quando se anche come dove mentre".split()),
    "nl": frozenset("en maar of want omdat dat als toen terwijl voordat nadat".split()),
    "pt": frozenset("e mas ou porque que quando se embora como onde enquanto".split()),
}
_PREPOSITIONS: Final[dict[str, frozenset[str]]] = {
    "en": frozenset(
        "about above across after against along among around as at before behind below beneath"
        " beside between beyond by despite during except for from in inside into near on onto"
        " outside over past since through throughout toward towards under until up upon with within"
        " without".split()
    ),
    "de": frozenset(
        "an auf aus bei durch für gegen hinter in mit nach neben ohne seit über um"
        " unter von vor während wegen zu zum zur zwischen im am".split()
    ),
    "fr": frozenset(
        "à avec chez contre dans depuis derrière devant en entre par pendant pour sans"
        " sous sur vers".split()
    ),
    "es": frozenset(
        "a ante con contra desde durante en entre hacia hasta para por sin sobre según".split()
    ),
    "it": frozenset(
        "a con contro da dal dopo durante fra in nel per senza sopra sotto su sul tra verso".split()
    ),
    "nl": frozenset(
        "aan bij door in met na naar om onder op over per sinds tegen tijdens tot"
        " tussen uit van voor zonder".split()
    ),
    "pt": frozenset(
        "a ante até com contra desde durante em entre no na para por sem sob sobre".split()
    ),
}
_NONE: Final[frozenset[str]] = frozenset()


def cut_clauses(
    words: Sequence[SpeakableWord], *, language: str = "en"
) -> list[list[SpeakableWord]]:
    """Cut `words` where a speaker may pause: after punctuation, else before a conjunction, else
    before a preposition.

    `language` is an ISO 639-1 code; languages without a list of these words are cut at
    punctuation only. Every word is returned once, in order; one that is a clause by itself, such
    as a number of twenty digits, in parts (`SpeakableWord.share`). If there are several clauses,
    each has something to speak.
    """
    words = [part for word in words for part in _in_parts(word)]
    ends = list(accumulate(_effort(word) for word in words))
    clauses: list[list[SpeakableWord]] = []
    start, done, limit = 0, 0, _FIRST_EFFORT
    while ends and ends[-1] - done > limit:
        cut = _find_cut(words, ends, start, done, limit, language)
        if cut is None:
            break
        clauses.append(list(words[start:cut]))
        start, done, limit = cut, ends[cut - 1], _LATER_EFFORT
    clauses.append(list(words[start:]))
    return clauses


def last_clause_end(text: str, *, minimum: int, limit: int) -> int | None:
    """Return the end of the last clause in `text[:limit]`, or None if it ends before `minimum`."""
    ends = [match.end() for match in _CLAUSE_END.finditer(text, 0, limit)]
    return ends[-1] if ends and ends[-1] >= minimum else None


def _in_parts(word: SpeakableWord) -> list[SpeakableWord]:
    """Cut a word that takes long to say, at pauses in what is spoken for it, else between words."""
    if _effort(word) <= _FIRST_EFFORT or " " not in word.spoken:
        return [word]
    parts: list[str] = []
    part = ""
    for spoken in word.spoken.split():
        part = f"{part} {spoken}" if part else spoken
        if len(part) >= _FIRST_EFFORT or (len(part) >= _LEAST_EFFORT and ends_with_pause(part)):
            parts.append(part)
            part = ""
    if part:
        parts.append(part)
    length = sum(map(len, parts))
    first, *others = (SpeakableWord("", part, len(part) / length) for part in parts)
    return [replace(first, written=word.written), *others]


def _find_cut(
    words: Sequence[SpeakableWord],
    ends: Sequence[int],
    start: int,
    done: int,
    limit: int,
    language: str,
) -> int | None:
    """Return the index of the first word of the next clause."""
    conjunctions = _CONJUNCTIONS.get(language, _NONE)
    prepositions = _PREPOSITIONS.get(language, _NONE)
    possible = [
        index
        for index in range(start + 1, len(words))
        if ends[index - 1] - done >= _LEAST_EFFORT and ends[-1] - ends[index - 1] >= _LEAST_EFFORT
    ]
    near = [index for index in possible if ends[index - 1] - done <= limit]
    marked = [index for index in near if ends_with_pause(words[index - 1].spoken)]
    if marked:
        # The first sound waits for the first clause, so it is the shortest possible.
        return marked[0] if start == 0 else marked[-1]
    for starters in (conjunctions, prepositions):
        if joined := [index for index in near if _bare(words[index]) in starters]:
            return joined[-1]
    most = _MOST_FIRST_EFFORT if start == 0 else _MOST_EFFORT
    fair = [
        index
        for index in possible
        if ends_with_pause(words[index - 1].spoken)
        or _bare(words[index]) in conjunctions | prepositions
    ]
    if fair and ends[fair[0] - 1] - done <= most:
        return fair[0]
    if ends[-1] - done <= most:
        return None
    return max((i for i in possible if ends[i - 1] - done <= most), default=None)


def _effort(word: SpeakableWord) -> int:
    """Estimate how long the word takes to say, in letters."""
    if not word.spoken:
        return 0
    digits = sum(c.isdigit() for c in word.spoken)
    return len(word.spoken) + 1 + (_DIGIT_EFFORT - 1) * digits


def _bare(word: SpeakableWord) -> str:
    return word.spoken.strip(_AROUND_A_WORD).lower()

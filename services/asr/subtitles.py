"""Subtitles in SubRip form (SRT) from transcribed segments."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from .files import Segment
from .transcription import RecognizedWord

_LINE_CHARACTERS = 42
_LINES = 2
_CUE_SECONDS = 7.0
_PAUSE_SECONDS = 0.8
"""A longer pause begins a new subtitle."""
_SHORTEST_SECONDS = 1.0
"""Least duration of a subtitle, unless the next one is due."""
_SENTENCE_END = (".", "!", "?", "…")


@dataclass(frozen=True, slots=True)
class Cue:
    """One subtitle."""

    start_seconds: float
    end_seconds: float
    text: str


def srt(segments: Iterable[Segment]) -> str:
    """Return a complete SRT file; empty without segments.

    Subtitles have at most two lines of 42 characters, as far as the words allow, last at most 7 s,
    and never overlap. Word times make them exact; otherwise they follow the length of the text.
    """
    blocks = [
        f"{number}\n{_time(cue.start_seconds)} --> {_time(cue.end_seconds)}\n{_wrapped(cue.text)}\n"
        for number, cue in enumerate(cues(segments), start=1)
    ]
    return "\n".join(blocks)


def cues(segments: Iterable[Segment]) -> list[Cue]:
    """Return the subtitles of consecutive segments, in order and without overlap."""
    found = [cue for segment in segments for cue in _cues_of(segment)]
    shown: list[Cue] = []
    for index, cue in enumerate(found):
        start = max(cue.start_seconds, shown[-1].end_seconds if shown else 0.0)
        end = max(cue.end_seconds, start + _SHORTEST_SECONDS)
        if index + 1 < len(found):
            end = min(end, max(found[index + 1].start_seconds, start + 0.001))
        shown.append(replace(cue, start_seconds=start, end_seconds=end))
    return shown


def _cues_of(segment: Segment) -> Iterator[Cue]:
    for words in _groups(segment.words or _estimated_words(segment)):
        yield Cue(words[0].start_seconds, words[-1].end_seconds, " ".join(w.text for w in words))


def _groups(words: Sequence[RecognizedWord]) -> Iterator[list[RecognizedWord]]:
    group: list[RecognizedWord] = []
    for word in words:
        if group and _is_full(group, word):
            yield group
            group = []
        group.append(word)
    if group:
        yield group


def _is_full(group: Sequence[RecognizedWord], word: RecognizedWord) -> bool:
    """Whether `word` begins a new subtitle."""
    text = " ".join(w.text for w in group)
    return (
        len(_lines(f"{text} {word.text}", _LINE_CHARACTERS)) > _LINES
        or word.end_seconds - group[0].start_seconds > _CUE_SECONDS
        or word.start_seconds - group[-1].end_seconds > _PAUSE_SECONDS
        or (text.endswith(_SENTENCE_END) and len(text) > _LINE_CHARACTERS)
    )


def _estimated_words(segment: Segment) -> list[RecognizedWord]:
    """Time the words in proportion to their length."""
    texts = segment.text.split()
    total = sum(len(text) + 1 for text in texts)
    seconds = segment.end_seconds - segment.start_seconds
    words = []
    before = 0
    for text in texts:
        start = segment.start_seconds + seconds * before / total
        before += len(text) + 1
        end = segment.start_seconds + seconds * before / total
        words.append(RecognizedWord(text, start, end, segment.confidence))
    return words


def _wrapped(text: str) -> str:
    """Wrap to one line, or to two of about equal length."""
    if len(text) <= _LINE_CHARACTERS:
        return text
    for width in range(len(text) // 2, _LINE_CHARACTERS):
        lines = _lines(text, width)
        if len(lines) <= _LINES:
            return "\n".join(lines)
    return "\n".join(_lines(text, _LINE_CHARACTERS))


def _lines(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def _time(seconds: float) -> str:
    milliseconds = round(1000 * max(0.0, seconds))
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    whole, milliseconds = divmod(milliseconds, 1000)
    return f"{hours:02}:{minutes:02}:{whole:02},{milliseconds:03}"

"""Subtitles as SubRip (SRT) and WebVTT files from transcribed segments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from .files import Segment
from .scripts import columns
from .transcription import RecognizedWord
from .words import estimated_words, written_words

_LINE_COLUMNS = 42
"""Of a line: 42 letters, or 16 characters of Chinese, Japanese or Korean (Netflix, Timed Text Style
Guides)."""
_WIDE_COLUMNS = 2.6
_LINES = 2
_CUE_SECONDS = 7.0
_PAUSE_SECONDS = 0.8
"""A longer pause begins a new subtitle."""
_SHORTEST_SECONDS = 1.0
"""Least duration of a subtitle, unless the next one is due."""
_SENTENCE_END = tuple(".!?…。！？｡؟।")
_CLOSING = "\"'”’»)]」』）】"


@dataclass(frozen=True, slots=True)
class Cue:
    """One subtitle."""

    start_seconds: float
    end_seconds: float
    text: str
    lines: tuple[str, ...]
    """The text, broken."""
    speaker: str = ""


def srt(segments: Iterable[Segment]) -> str:
    """Return a complete SRT file; empty without segments.

    Subtitles have at most two lines of 42 columns, as far as the words allow, last at most 7 s, and
    never overlap, unless two speakers do. Word times make them exact; otherwise they follow the
    length of the text. A speaker's name stands before the text: "Ada: hello".
    """
    blocks = []
    for number, cue in enumerate(cues(segments), start=1):
        text = "\n".join(cue.lines)
        named = f"{cue.speaker}: {text}" if cue.speaker else text
        times = f"{_time(cue.start_seconds, ',')} --> {_time(cue.end_seconds, ',')}"
        blocks.append(f"{number}\n{times}\n{named}\n")
    return "\n".join(blocks)


def vtt(segments: Iterable[Segment]) -> str:
    """Return a complete WebVTT file, with the subtitles of `srt`; speakers are voice spans."""
    blocks = ["WEBVTT\n"]
    for cue in cues(segments):
        text = _escaped("\n".join(cue.lines))
        named = f"<v {_escaped(cue.speaker)}>{text}" if cue.speaker else text
        blocks.append(
            f"{_time(cue.start_seconds, '.')} --> {_time(cue.end_seconds, '.')}\n{named}\n"
        )
    return "\n".join(blocks)


def cues(segments: Iterable[Segment]) -> list[Cue]:
    """Return the subtitles, in order of time; those of one speaker do not overlap."""
    found: dict[str, list[Cue]] = {}
    for segment in segments:
        found.setdefault(segment.speaker, []).extend(_cues_of(segment))
    shown = [cue for of_one in found.values() for cue in _in_turn(of_one)]
    return sorted(shown, key=lambda cue: cue.start_seconds)


def _in_turn(found: Sequence[Cue]) -> Iterator[Cue]:
    """Show each long enough to be read, and none beyond the start of the next."""
    before = 0.0
    for index, cue in enumerate(found):
        start = max(cue.start_seconds, before)
        end = max(cue.end_seconds, start + _SHORTEST_SECONDS)
        if index + 1 < len(found):
            end = min(end, max(found[index + 1].start_seconds, start + 0.001))
        before = end
        yield replace(cue, start_seconds=start, end_seconds=end)


@dataclass(frozen=True, slots=True)
class _Written:
    """A word as it stands in the text, with the space after it."""

    text: str
    word: RecognizedWord


def _cues_of(segment: Segment) -> Iterator[Cue]:
    text = " ".join(segment.text.split())
    words = segment.words or estimated_words(
        text, segment.start_seconds, segment.end_seconds, segment.confidence
    )
    written = [
        _Written(as_written, word)
        for as_written, word in zip(written_words(text, words), words, strict=True)
    ]
    # The name shares the first line.
    lead = _width(f"{segment.speaker}: ") if segment.speaker else 0.0
    for group in _cut(written, lead):
        texts = [word.text for word in group]
        yield Cue(
            group[0].word.start_seconds,
            group[-1].word.end_seconds,
            "".join(texts).strip(),
            _balanced(texts, lead),
            segment.speaker,
        )


def _cut(words: Sequence[_Written], lead: float) -> Iterator[list[_Written]]:
    group: list[_Written] = []
    for word in words:
        if group and _is_full(group, word, lead):
            yield group
            group = []
        group.append(word)
    if group:
        yield group


def _is_full(group: Sequence[_Written], following: _Written, lead: float) -> bool:
    """Whether the following word begins a new subtitle."""
    texts = [word.text for word in group]
    ended = "".join(texts).rstrip().rstrip(_CLOSING).endswith(_SENTENCE_END)
    return (
        len(_lines([*texts, following.text], _LINE_COLUMNS, lead)) > _LINES
        or following.word.end_seconds - group[0].word.start_seconds > _CUE_SECONDS
        or following.word.start_seconds - group[-1].word.end_seconds > _PAUSE_SECONDS
        or (ended and lead + _width("".join(texts)) > _LINE_COLUMNS)
    )


def _balanced(words: Sequence[str], lead: float) -> tuple[str, ...]:
    """Break into one line, or into two of about equal length."""
    whole = lead + _width("".join(words))
    if whole > _LINE_COLUMNS:
        for width in range(int(whole / 2), _LINE_COLUMNS):
            lines = _lines(words, width, lead)
            if len(lines) <= _LINES:
                return tuple(lines)
    return tuple(_lines(words, _LINE_COLUMNS, lead))


def _lines(words: Sequence[str], width: float, lead: float) -> list[str]:
    """Fill lines of that many columns, of which `lead` are taken in the first one.

    A word that is longer has a line of its own.
    """
    lines: list[str] = []
    for word in words:
        taken = lead if len(lines) == 1 else 0.0
        if lines and taken + _width(lines[-1] + word) <= width:
            lines[-1] += word
        else:
            lines.append(word)
    return [line.strip() for line in lines]


def _width(text: str) -> float:
    return columns(text.rstrip(), wide=_WIDE_COLUMNS)


def _escaped(text: str) -> str:
    """Replace what WebVTT takes for a tag or a time."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _time(seconds: float, point: str) -> str:
    milliseconds = round(1000 * max(0.0, seconds))
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    whole, milliseconds = divmod(milliseconds, 1000)
    return f"{hours:02}:{minutes:02}:{whole:02}{point}{milliseconds:03}"

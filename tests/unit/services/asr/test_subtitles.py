"""Subtitles are well-formed, short, in order and never overlap."""

from __future__ import annotations

import re
from itertools import pairwise

from services.asr.files import Segment
from services.asr.subtitles import cues, srt
from services.asr.transcription import RecognizedWord

BLOCK = re.compile(
    r"(\d+)\n(\d\d:\d\d:\d\d,\d{3}) --> (\d\d:\d\d:\d\d,\d{3})\n((?:[^\n]+\n){1,2})(?:\n|\Z)"
)


def segment(text: str, start: float, end: float, *, timed: bool = True) -> Segment:
    texts = text.split()
    step = (end - start) / max(1, len(texts))
    words = tuple(
        RecognizedWord(word, start + i * step, start + (i + 1) * step, 0.9)
        for i, word in enumerate(texts)
    )
    return Segment(start, end, text, "en", 0.9, words if timed else ())


def test_file_consists_of_numbered_blocks_and_nothing_else() -> None:
    text = srt([segment("hello there", 0.5, 1.5), segment("good bye", 3661.25, 3662.5)])
    assert text == (
        "1\n00:00:00,500 --> 00:00:01,500\nhello there\n"
        "\n"
        "2\n01:01:01,250 --> 01:01:02,500\ngood bye\n"
    )


def test_long_speech_becomes_subtitles_of_two_short_lines() -> None:
    words = " ".join(f"word{i}" for i in range(200))
    text = srt([segment(words, 0.0, 100.0)])
    blocks = BLOCK.findall(text)
    assert [int(block[0]) for block in blocks] == list(range(1, len(blocks) + 1))
    assert "".join(BLOCK.split(text)[::5]) == ""
    assert all(len(line) <= 42 for block in blocks for line in block[3].splitlines())
    assert " ".join(block[3] for block in blocks).split() == words.split()


def test_subtitles_are_short_and_never_overlap() -> None:
    found = cues([segment("one two three four five", float(i), i + 1.2) for i in range(20)])
    assert all(cue.start_seconds < cue.end_seconds for cue in found)
    assert all(a.end_seconds <= b.start_seconds for a, b in pairwise(found))
    slow = cues([segment("one two three four five six", 0.0, 60.0)])
    assert all(cue.end_seconds - cue.start_seconds <= 10.0 for cue in slow)
    assert len(slow) == 6


def test_pause_begins_a_new_subtitle() -> None:
    words = (RecognizedWord("before", 0.0, 0.5, 1.0), RecognizedWord("after", 3.0, 3.5, 1.0))
    found = cues([Segment(0.0, 3.5, "before after", "en", 1.0, words)])
    assert [cue.text for cue in found] == ["before", "after"]
    assert found[1].start_seconds == 3.0


def test_short_word_stays_long_enough_to_be_read() -> None:
    (cue,) = cues([segment("yes", 2.0, 2.1)])
    assert (cue.start_seconds, cue.end_seconds) == (2.0, 3.0)


def test_text_without_word_times_is_spread_over_its_segment() -> None:
    words = " ".join(f"word{i}" for i in range(40))
    found = cues([segment(words, 10.0, 30.0, timed=False)])
    assert found[0].start_seconds == 10.0
    assert found[-1].end_seconds <= 30.0 + 1.0
    assert " ".join(cue.text for cue in found) == words


def test_word_longer_than_a_line_is_kept_whole() -> None:
    word = "x" * 60
    assert word in srt([segment(f"{word} and more", 0.0, 2.0)]).splitlines()


def test_nothing_said_gives_an_empty_file() -> None:
    assert srt([]) == ""

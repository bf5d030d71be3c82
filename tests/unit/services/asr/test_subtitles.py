"""Subtitles are well-formed, short, in order, and say every word of the transcript once."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import pytest

from services.asr.files import Segment
from services.asr.subtitles import cues, srt, vtt
from services.asr.transcription import RecognizedWord
from services.asr.words import estimated_words

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


_CHINESE = (
    "他说：“今天的天气非常好，我们去公园散步吧。”然后大家都高高兴兴地出门去了，一路上有说有笑，" * 3
)
_JAPANESE = (
    "「東京」へ行ったら、コンピューターを買いましょう。それから、おいしいラーメンも食べたいですね。"
    * 3
)


@pytest.mark.parametrize("text", [_CHINESE, _JAPANESE])
@pytest.mark.parametrize("timed", [True, False])
def test_scripts_without_spaces_are_broken_where_a_line_may_begin(text: str, timed: bool) -> None:
    step = 40.0 / len(text)
    words = tuple(
        RecognizedWord(word.text, i * step, (i + 1) * step, 0.9)
        for i, word in enumerate(estimated_words(text, 0.0, 40.0, 0.9))
    )
    found = cues([Segment(0.0, 40.0, text, "ja", 0.9, words if timed else ())])
    lines = [line for cue in found for line in cue.lines]
    assert "".join(lines) == text
    assert len(found) > 4
    assert all(1 <= len(cue.lines) <= 2 for cue in found)
    assert max(map(len, lines)) <= 17
    assert not [line for line in lines if line[0] in "，。、」”：っょゅー"]
    assert not [line for line in lines if line[-1] in "「“"]


def test_mixed_text_keeps_the_spaces_that_it_has() -> None:
    text = "我用 Python 写 code。"
    assert cues([segment(text, 0.0, 2.0, timed=False)])[0].text == text


def test_sentence_that_ends_in_a_quote_ends_a_long_subtitle() -> None:
    first = "He said “this is quite a long sentence, is it not?”"
    found = cues([segment(f"{first} Then nothing.", 0.0, 5.0)])
    assert [cue.text for cue in found] == [first, "Then nothing."]


def test_speakers_are_named_and_may_overlap_each_other_only() -> None:
    ada = replace(segment("how are you <today> & tomorrow", 0.0, 3.0), speaker="Ada")
    ben = replace(segment("very well indeed", 1.0, 2.0), speaker="Ben & Co")
    assert srt([ada, ben]) == (
        "1\n00:00:00,000 --> 00:00:03,000\nAda: how are you <today> & tomorrow\n\n"
        "2\n00:00:01,000 --> 00:00:02,000\nBen & Co: very well indeed\n"
    )
    assert vtt([ada, ben]) == (
        "WEBVTT\n\n"
        "00:00:00.000 --> 00:00:03.000\n"
        "<v Ada>how are you &lt;today&gt; &amp; tomorrow\n\n"
        "00:00:01.000 --> 00:00:02.000\n<v Ben &amp; Co>very well indeed\n"
    )


def test_a_name_takes_its_room_in_the_line() -> None:
    words = " ".join(["seven"] * 30)
    named = replace(segment(words, 0.0, 20.0), speaker="Bartholomew Hightower")
    text = srt([named])
    assert all(len(line) <= 42 for line in text.splitlines())
    assert text.count("seven") == 30


def test_webvtt_without_words_is_a_header() -> None:
    assert vtt([]) == "WEBVTT\n"

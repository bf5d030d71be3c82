"""Speech in a long recording is found as it is read, in order, in pieces that fit a model."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from services.vad.segments import SpeechSegment, speech_segments
from services.vad.silero import VoiceActivityModel
from tests.support.recordings import (
    SAMPLE_RATE,
    Recording,
    Samples,
    recording,
    recordings,
    silence,
)

LIMIT_SECONDS = 8.5


def chunks(samples: Samples, seconds: float = 1.0) -> Iterator[Samples]:
    step = round(seconds * SAMPLE_RATE)
    for start in range(0, len(samples), step):
        yield samples[start : start + step]


def found(model: VoiceActivityModel, samples: Samples, seconds: float = 1.0) -> list[SpeechSegment]:
    return list(speech_segments(chunks(samples, seconds), model, limit_seconds=LIMIT_SECONDS))


def end_seconds(stretch: SpeechSegment) -> float:
    return stretch.start_seconds + len(stretch.samples) / SAMPLE_RATE


def test_each_utterance_between_long_pauses_is_a_stretch(
    voice_activity: VoiceActivityModel,
) -> None:
    turns = [recording("turn_05"), recording("turn_08"), recording("turn_02")]
    parts, starts = [silence(2.0)], []
    for turn in turns:
        starts.append(sum(map(len, parts)) / SAMPLE_RATE + turn.speech_start_seconds)
        parts += [turn.samples, silence(2.0)]
    stretches = found(voice_activity, np.concatenate(parts))
    assert [s.start_seconds for s in stretches] == pytest.approx(starts, abs=0.5)
    for stretch, turn in zip(stretches, turns, strict=True):
        spoken = turn.speech_end_seconds - turn.speech_start_seconds
        assert len(stretch.samples) / SAMPLE_RATE == pytest.approx(spoken, abs=1.2)


def test_samples_are_those_of_the_recording(voice_activity: VoiceActivityModel) -> None:
    samples = np.concatenate((silence(3.0), recording("turn_08").samples, silence(3.0)))
    (stretch,) = found(voice_activity, samples)
    first = round(stretch.start_seconds * SAMPLE_RATE)
    np.testing.assert_array_equal(stretch.samples, samples[first : first + len(stretch.samples)])


@pytest.mark.parametrize("seconds", [0.1, 0.93, 7.0])
def test_size_of_the_parts_it_is_read_in_makes_no_difference(
    voice_activity: VoiceActivityModel, seconds: float
) -> None:
    samples = recordings("long")[0].samples
    expected = found(voice_activity, samples)
    stretches = found(voice_activity, samples, seconds)
    assert [s.start_seconds for s in stretches] == [s.start_seconds for s in expected]
    assert [len(s.samples) for s in stretches] == [len(s.samples) for s in expected]


@pytest.mark.parametrize("long", recordings("long"), ids=str)
def test_unbroken_speech_is_cut_and_nothing_of_it_lost(
    voice_activity: VoiceActivityModel, long: Recording
) -> None:
    stretches = found(voice_activity, long.samples)
    assert len(stretches) > 2
    assert all(len(s.samples) <= (LIMIT_SECONDS + 0.1) * SAMPLE_RATE for s in stretches)
    for before, after in pairwise(stretches):
        assert end_seconds(before) <= after.start_seconds + 1 / SAMPLE_RATE
        left_out = (
            round(end_seconds(before) * SAMPLE_RATE),
            round(after.start_seconds * SAMPLE_RATE),
        )
        assert np.abs(long.samples[slice(*left_out)]).max(initial=0.0) < 0.05


def test_speech_up_to_the_last_sample_is_taken_whole(voice_activity: VoiceActivityModel) -> None:
    turn = recording("turn_08")
    cut = turn.samples[: round(0.6 * turn.speech_end_seconds * SAMPLE_RATE)]
    (stretch,) = found(voice_activity, cut)
    assert end_seconds(stretch) == pytest.approx(len(cut) / SAMPLE_RATE, abs=0.05)


@pytest.mark.parametrize(
    "samples", [np.empty(0, dtype=np.float32), silence(0.01), silence(20.0)], ids=len
)
def test_nobody_speaks(voice_activity: VoiceActivityModel, samples: Samples) -> None:
    assert found(voice_activity, samples) == []

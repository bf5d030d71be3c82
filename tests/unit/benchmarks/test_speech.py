"""What the benchmark's callers say."""

from __future__ import annotations

from collections import Counter

import numpy as np

from benchmarks.speech import complete_requests, people, talk
from services.audio.samples import SAMPLE_RATE
from tests.support.sound import audible_span, read_sound


def test_callers_speak_short_requests_of_synthetic_voices() -> None:
    assert len(talk()) == 6
    assert set(talk()) <= set(complete_requests())
    samples = read_sound(talk()[0].path)
    assert samples.dtype == np.float32
    assert abs(len(samples) / SAMPLE_RATE - talk()[0].seconds) < 0.05


def test_callers_speak_recordings_of_several_people_and_kinds() -> None:
    kinds = Counter(recording.form for recording in people())
    assert kinds == {"request": 5, "telephone": 2, "accent": 2, "child": 1}
    assert {r.form for r in people()[:4]} == set(kinds)


def test_the_last_audible_sample_of_a_person_is_that_of_the_last_word() -> None:
    for recording in people():
        samples = read_sound(recording.path)
        silence = len(samples) - audible_span(samples)[1]
        assert 0.3 <= silence / SAMPLE_RATE <= 0.7, recording


def test_telephone_speech_of_another_rate_comes_at_that_of_callers() -> None:
    (first, *_) = [r for r in people() if r.form == "telephone"]
    assert abs(len(read_sound(first.path)) / SAMPLE_RATE - first.seconds) < 0.05

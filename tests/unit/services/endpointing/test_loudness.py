"""A voice in the background is told from the caller's by its level."""

from __future__ import annotations

import itertools
from collections import defaultdict

import numpy as np

from services.audio.samples import Samples
from services.endpointing.loudness import Loudness, UsualLevel
from tests.support.people import people, person

WINDOW = 512


def level(samples: Samples) -> float:
    meter = Loudness()
    for start in range(0, len(samples) - WINDOW, WINDOW):
        meter.push(samples[start : start + WINDOW])
    assert meter.level is not None
    return meter.level


def test_no_caller_is_background_of_themself() -> None:
    of_one = defaultdict(list)
    for recording in people("request", "pause"):
        if recording.file.startswith("coffee_"):
            of_one[recording.file.rpartition("_")[0]].append(level(recording.samples))
    pairs = [pair for levels in of_one.values() for pair in itertools.permutations(levels, 2)]
    for one, other in pairs:
        usual = UsualLevel()
        usual.learn(one)
        assert not usual.is_background(other)
    assert len(pairs) > 50


def test_a_television_10_decibels_below_is_background() -> None:
    usual = UsualLevel()
    voice = person("coffee_01_2").samples
    usual.learn(level(voice))
    for decibels in (-10.0, -15.0, -20.0):
        assert usual.is_background(level(voice * 10 ** (decibels / 20)))
    assert not usual.is_background(level(voice * 10 ** (-6.0 / 20)))


def test_nobody_is_background_before_anything_was_said() -> None:
    assert not UsualLevel().is_background(-80.0)


def test_a_caller_who_speaks_up_from_farther_away_again_and_again_is_heard() -> None:
    usual = UsualLevel()
    usual.learn(-20.0)
    tries = 0
    while usual.is_background(-31.0):
        usual.lower()
        tries += 1
    assert tries == 2
    # Once heard, that is their level.
    usual.learn(-31.0)
    usual.learn(-31.0)
    assert not usual.is_background(-36.0)


def test_a_short_sound_has_no_level_yet() -> None:
    meter = Loudness()
    for _ in range(3):
        meter.push(np.full(WINDOW, 0.1, dtype=np.float32))
    assert meter.level is None

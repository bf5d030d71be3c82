"""Who of several people gets the floor, judged by the real detector."""

from __future__ import annotations

import numpy as np
import pytest

from services.audio.samples import SAMPLE_RATE
from services.livekit_local.callers import Speaker
from services.livekit_local.room_audio import HeldTrack
from services.vad.silero import (
    WINDOW_SECONDS,
    VoiceActivityDetector,
    VoiceActivityModel,
    VoiceActivityOptions,
)
from tests.support.frames import frames
from tests.support.recordings import Samples, recording, silence

SHORT_SECONDS = 0.6
LONG_SECONDS = 3.1


@pytest.fixture
def track(voice_activity: VoiceActivityModel) -> HeldTrack:
    """Somebody's track, while another has the floor."""
    detector = VoiceActivityDetector(voice_activity, VoiceActivityOptions())
    return HeldTrack(Speaker("somebody", "track"), detector)


def hold(track: HeldTrack, samples: Samples, *, others_pause: bool) -> bool:
    """Whether the floor was wanted at any time meanwhile."""
    wanted = False
    for frame in frames(samples, seconds=WINDOW_SECONDS):
        track.hold(frame, others_pause=others_pause)
        wanted = wanted or track.wants_floor
    return wanted


def kept_seconds(track: HeldTrack) -> float:
    return sum(frame.duration for frame in track.release())


@pytest.mark.parametrize("name", ["silence", "hiss", "hum", "chords", "clicks"])
def test_what_is_no_speech_wants_no_floor_and_is_hardly_kept(track: HeldTrack, name: str) -> None:
    assert not hold(track, recording(f"nonspeech_{name}").samples, others_pause=True)
    assert kept_seconds(track) < SHORT_SECONDS


def test_who_speaks_wants_the_floor_and_is_kept_from_before_the_first_word(
    track: HeldTrack,
) -> None:
    said = recording("turn_21_rms").samples
    assert hold(track, np.concatenate((silence(5), said)), others_pause=False)
    assert track.wants_floor
    assert len(said) / SAMPLE_RATE < kept_seconds(track) < LONG_SECONDS
    assert not track.wants_floor


def test_of_long_speech_the_last_is_kept(track: HeldTrack) -> None:
    hold(track, recording("long_0_en-us").samples, others_pause=False)
    assert kept_seconds(track) < LONG_SECONDS


def test_a_word_into_a_pause_waits_for_the_floor(track: HeldTrack) -> None:
    word = np.concatenate((recording("turn_03_rms").samples, silence(0.5)))
    assert hold(track, word, others_pause=True)
    assert track.wants_floor


def test_a_word_that_another_talks_over_is_not_kept(track: HeldTrack) -> None:
    word = np.concatenate((recording("turn_03_rms").samples, silence(0.5)))
    assert hold(track, word, others_pause=False)
    assert not track.wants_floor


def test_a_word_that_nobody_makes_way_for_is_too_old_at_last(track: HeldTrack) -> None:
    word = np.concatenate((recording("turn_03_rms").samples, silence(5)))
    assert hold(track, word, others_pause=True)
    assert not track.wants_floor

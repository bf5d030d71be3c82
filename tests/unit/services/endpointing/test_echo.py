"""The agent's own voice in a microphone is told from a caller's."""

from __future__ import annotations

import numpy as np
import pytest

from services.audio.samples import SAMPLE_RATE, Samples
from services.endpointing.echo import ECHO_LIKENESS, STEPS_PER_SECOND, likeness, spectrum
from tests.support.caller import Surroundings
from tests.support.people import person

HOP = 320
HALF_A_SECOND = SAMPLE_RATE // 2


def levelled(samples: Samples) -> Samples:
    loud = samples[np.abs(samples) > 0.01]
    louder: Samples = (samples * (0.063 / np.sqrt(np.mean(loud**2)))).astype(np.float32)
    return louder


AGENT = levelled(person("jfk").samples)


def returned(decibels: float, delay_seconds: float) -> Samples:
    """The agent's voice as a microphone beside the loudspeaker picks it up."""
    room = Surroundings(echo_decibels=decibels, echo_delay_seconds=delay_seconds)
    frames = []
    for start in range(0, len(AGENT) - HOP, HOP):
        room.hear(AGENT[start : start + HOP])
        frames.append(room.next_frame())
    noise = np.random.default_rng(1).standard_normal(len(frames) * HOP) * 1e-3
    return (np.concatenate(frames) + noise).astype(np.float32)


def places() -> list[int]:
    """Where the agent speaks for half a second, at least 1.2 s after its beginning."""
    steps = range(2 * SAMPLE_RATE, len(AGENT) - 2 * SAMPLE_RATE, SAMPLE_RATE)
    return [s for s in steps if np.sqrt(np.mean(AGENT[s : s + HALF_A_SECOND] ** 2)) > 0.04]


@pytest.mark.parametrize("decibels", [-6.0, -12.0, -20.0])
@pytest.mark.parametrize("delay_seconds", [0.05, 0.25, 0.8])
def test_an_echo_is_known_at_any_level_and_delay(decibels: float, delay_seconds: float) -> None:
    microphone = returned(decibels, delay_seconds)
    delay = round(delay_seconds * SAMPLE_RATE)
    found = []
    for place in places():
        end = place + delay + HALF_A_SECOND
        heard = spectrum(microphone[place + delay : end], SAMPLE_RATE)
        earliest = end - HALF_A_SECOND - round(1.2 * SAMPLE_RATE)
        played = spectrum(AGENT[earliest:end], SAMPLE_RATE)
        alike, best = likeness(heard, played)
        found.append(alike)
        measured = 1.2 - best / STEPS_PER_SECOND
        assert abs(measured - delay_seconds) < 0.05
    assert min(found) >= ECHO_LIKENESS
    assert len(found) >= 4


@pytest.mark.parametrize(
    "name", ["coffee_01_2", "req_half_an_hour", "word_no_24ad3ebe", "child_0112", "phone_02"]
)
def test_a_caller_is_none(name: str) -> None:
    voice = levelled(person(name).samples)
    start = int(np.flatnonzero(np.abs(voice) > 0.03)[0])
    heard = spectrum(voice[start : start + HALF_A_SECOND], SAMPLE_RATE)
    for place in places():
        played = spectrum(AGENT[place - round(1.2 * SAMPLE_RATE) : place], SAMPLE_RATE)
        assert likeness(heard, played)[0] < ECHO_LIKENESS


def test_a_voice_at_another_rate_compares_as_well() -> None:
    rate = 22_050
    moments = np.arange(int(len(AGENT) * rate / SAMPLE_RATE)) * (SAMPLE_RATE / rate)
    resampled = np.interp(moments, np.arange(len(AGENT)), AGENT).astype(np.float32)
    start = 3.0
    heard = AGENT[round(start * SAMPLE_RATE) :][:HALF_A_SECOND]
    played = resampled[round((start - 0.5) * rate) : round((start + 0.5) * rate)]
    assert likeness(spectrum(heard, SAMPLE_RATE), spectrum(played, rate))[0] >= 0.9


def test_too_little_audio_is_like_nothing() -> None:
    nothing = spectrum(np.zeros(10, dtype=np.float32), SAMPLE_RATE)
    assert likeness(nothing, spectrum(AGENT, SAMPLE_RATE)) == (0.0, 0)
    assert likeness(spectrum(AGENT, SAMPLE_RATE), nothing) == (0.0, 0)

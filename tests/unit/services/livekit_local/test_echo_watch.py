"""A call's echo of the agent is learned, and then known before it can pause the agent."""

from __future__ import annotations

import numpy as np

from services.audio.samples import SAMPLE_RATE, Samples
from services.livekit_local.echo_watch import EchoWatch
from services.vad.silero import WINDOW_SAMPLES, WINDOW_SECONDS
from tests.support.people import person


def levelled(name: str) -> Samples:
    samples = person(name).samples
    loud = samples[np.abs(samples) > 0.01]
    louder: Samples = (samples * (0.06 / np.sqrt(np.mean(loud**2)))).astype(np.float32)
    return louder


class Played:
    """What an agent has played up to a moment that the test sets."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        self.now = 0.0

    def sound_before(self, seconds: float) -> tuple[Samples, int]:
        end = round(self.now * SAMPLE_RATE)
        return self._samples[max(0, end - round(seconds * SAMPLE_RATE)) : end], SAMPLE_RATE


def hear(watch: EchoWatch, agent: Played, voice: Samples, start: float, seconds: float) -> float:
    """Have the watch hear that voice, as the agent plays from `start` on; returns its share."""
    watch.begin()
    for count in range(round(seconds / WINDOW_SECONDS)):
        watch.push(voice[count * WINDOW_SAMPLES : (count + 1) * WINDOW_SAMPLES])
        agent.now = start + (count + 1) * WINDOW_SECONDS
        watch.consider((count + 1) * WINDOW_SECONDS, agent)
    return watch.share


AGENT = levelled("jfk")
DELAY = 0.4


def echo_at(start: float) -> Samples:
    """What comes back from `start` on of what the agent plays."""
    first = round((start - DELAY) * SAMPLE_RATE)
    return AGENT[first:] * 0.3


def test_an_echo_becomes_certain_and_is_then_known_early() -> None:
    watch, agent = EchoWatch(), Played(AGENT)
    for start in (3.0, 4.0):
        # So little may be chance.
        assert hear(watch, agent, echo_at(start), start, 0.35) == 0.5
        assert not watch.hears_agent
    assert hear(watch, agent, echo_at(3.0), 3.0, 0.5) == 0.5
    # And so may one voice.
    assert not watch.hears_agent
    hear(watch, agent, echo_at(5.0), 5.0, 1.0)
    assert watch.hears_agent
    hear(watch, agent, echo_at(7.0), 7.0, 0.2)
    assert watch.hears_agent
    assert watch.share == 1.0


def test_words_that_are_the_agents_make_a_first_echo_certain() -> None:
    watch, agent = EchoWatch(), Played(AGENT)
    hear(watch, agent, echo_at(3.0), 3.0, 0.35)
    watch.confirm()
    assert watch.hears_agent


def test_an_echo_that_is_not_heard_any_more_is_forgotten() -> None:
    watch, agent = EchoWatch(), Played(AGENT)
    hear(watch, agent, echo_at(3.0), 3.0, 0.35)
    watch.confirm()
    for name in ("coffee_01_2", "coffee_09_3"):
        voice = levelled(name)
        voice = voice[int(np.flatnonzero(np.abs(voice) > 0.03)[0]) :]
        assert hear(watch, agent, voice, 6.0, 0.5) < 0.5
    # One that comes back has to be found anew.
    assert hear(watch, agent, echo_at(7.0), 7.0, 0.35) == 0.5


def test_callers_are_never_taken_for_an_echo_even_beside_a_loudspeaker() -> None:
    watch, agent = EchoWatch(), Played(AGENT)
    hear(watch, agent, echo_at(5.0), 5.0, 1.0)
    assert watch.hears_agent
    for name in ("coffee_01_2", "coffee_09_3", "word_no_24ad3ebe", "child_0112", "phone_02"):
        voice = levelled(name)
        voice = voice[int(np.flatnonzero(np.abs(voice) > 0.03)[0]) :]
        both = voice + np.resize(echo_at(6.0), len(voice)) * 0.5
        assert hear(watch, agent, both.astype(np.float32), 6.0, 0.5) < 0.8, name
        assert not watch.hears_agent, name

"""Listeners and an echo do not stop the agent; who speaks, does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np

from services.audio.samples import Samples
from tests.genuine_models.conftest import Join
from tests.support.caller import Caller, Segment, Surroundings
from tests.support.people import person

_PATIENCE_SECONDS = 30.0
_LEVEL = 0.06
"""Root mean square of whatever is said."""
_SOME_WORDS = 20
"""Characters that the agent says only if it goes on: more than were on their way."""


def _levelled(name: str, decibels: float = 0.0) -> Samples:
    samples = person(name).samples
    loud = samples[np.abs(samples) > 0.01]
    factor = _LEVEL / np.sqrt(np.mean(np.square(loud))) * 10.0 ** (decibels / 20.0)
    levelled: Samples = np.clip(samples * factor, -1.0, 1.0).astype(np.float32)
    return levelled


def _said_by_agent(caller: Caller) -> list[Segment]:
    said = [s for s in caller.segments.values() if s.identity != caller.identity]
    return [s for s in said if s.text.strip()]


def _shown_of_caller(caller: Caller) -> list[Segment]:
    said = [s for s in caller.segments.values() if s.identity == caller.identity]
    return [s for s in said if s.text.strip()]


async def _until(caller: Caller, true: Callable[[], bool]) -> None:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while not true():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError([*caller.segments.values()]) from None


async def test_assent_of_people_does_not_stop_the_agent_and_stop_does(
    join: Join,
) -> None:
    caller = (await join()).caller
    await caller.send_text("count to one hundred")
    await caller.wait_for_words("two")
    _, counting = _said_by_agent(caller)
    for name in ("word_yes_9e2ce5e3", "word_yes_b83c1acf"):
        await caller.say(_levelled(name))
        said = len(counting.text)
        await _until(caller, lambda: len(counting.text) > said + _SOME_WORDS)  # noqa: B023
    # It went on with what it was saying.
    assert len(_said_by_agent(caller)) == 2
    await _until(caller, lambda: all(s.final for s in _shown_of_caller(caller)))
    assert _shown_of_caller(caller)
    assert all(s.aside for s in _shown_of_caller(caller))
    await caller.say(_levelled("word_stop_8fe52b97"))
    await _until(caller, lambda: counting.final)
    assert "hundred" not in counting.text


async def test_the_agents_voice_from_a_loudspeaker_does_not_stop_it(join: Join) -> None:
    caller = (await join()).caller
    caller.surround(Surroundings(echo_decibels=-20.0, echo_delay_seconds=0.15))
    await caller.send_text("count to ten")
    await caller.wait_for_words("ten", _PATIENCE_SECONDS)
    await caller.wait_for_silence()
    await _until(caller, lambda: not _shown_of_caller(caller))
    assert len(_said_by_agent(caller)) == 2

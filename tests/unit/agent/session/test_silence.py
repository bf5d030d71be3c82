"""Callers who say nothing are asked once, and let go if they do not answer."""

from __future__ import annotations

import asyncio

import pytest

from agent.session.silence import SilenceLimits, SilenceWatch

pytestmark = pytest.mark.unit

LIMITS = SilenceLimits(first_word_seconds=0.05, silence_seconds=0.05, silence_answer_seconds=0.05)


class Room:
    """What the watch had done."""

    def __init__(self, limits: SilenceLimits = LIMITS) -> None:
        self.done: list[str] = []
        self.awaited = False
        self.happened = asyncio.Event()
        self.watch = SilenceWatch(
            limits,
            ask=lambda: self._note("asked"),
            leave=lambda: self._note("left"),
            awaited=lambda: self.awaited,
        )

    def _note(self, what: str) -> None:
        self.done.append(what)
        self.happened.set()

    async def next(self) -> str:
        """What is done next."""
        await asyncio.wait_for(self.happened.wait(), 10.0)
        self.happened.clear()
        return self.done[-1]


async def test_who_says_nothing_is_asked_once_and_let_go() -> None:
    room = Room()
    room.watch.begin()
    assert await room.next() == "asked"
    assert await room.next() == "left"
    assert room.done == ["asked", "left"]


async def test_who_answers_is_asked_again_later() -> None:
    room = Room()
    room.watch.begin()
    assert await room.next() == "asked"
    room.watch.caller_spoke()
    assert await room.next() == "asked"
    room.watch.close()


async def test_the_question_itself_is_no_answer() -> None:
    room = Room()
    room.watch.begin()
    assert await room.next() == "asked"
    room.watch.agent_spoke()
    assert await room.next() == "left"


async def test_who_listens_to_the_agent_is_neither_asked_nor_let_go() -> None:
    room = Room()
    room.watch.agent_speaks()
    room.watch.begin()
    # As long as six silences, here and below.
    await asyncio.sleep(0.3)
    assert room.done == []
    room.watch.agent_spoke()
    assert await room.next() == "asked"
    room.watch.agent_speaks()
    await asyncio.sleep(0.3)
    assert room.done == ["asked"]
    room.watch.agent_spoke()
    assert await room.next() == "left"


async def test_who_waits_for_a_timer_is_not_asked() -> None:
    room = Room()
    room.awaited = True
    room.watch.begin()
    # As long as ten silences; the loop's order shows that none of them was taken for one.
    await asyncio.sleep(0.5)
    assert room.done == []
    room.awaited = False
    assert await room.next() == "asked"
    room.watch.close()


async def test_without_limits_nobody_is_asked() -> None:
    room = Room(SilenceLimits(0.0, 0.0, 0.05))
    room.watch.begin()
    room.watch.caller_spoke()
    await asyncio.sleep(0.2)
    assert room.done == []


async def test_a_word_during_the_goodbye_keeps_the_call() -> None:
    room = Room()
    room.watch.begin()
    assert await room.next() == "asked"
    assert await room.next() == "left"
    assert room.watch.leaving
    room.watch.caller_spoke()
    assert not room.watch.leaving
    assert await room.next() == "asked"
    room.watch.close()

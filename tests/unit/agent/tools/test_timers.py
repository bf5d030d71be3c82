"""Timers and reminders: set, told, cancelled, due, and ended with the room."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from agent.tools import RoomState
from agent.tools.timers import (
    FULL,
    NOT_A_TIME,
    TOO_LONG,
    cancel_timer,
    set_alarm,
    set_reminder,
    set_timer,
    time_left,
)
from tests.support.manual_clock import ManualClock


class Room:
    """A room's state with a clock in hand, and what it has announced."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.state = RoomState(clock=self.clock)
        self.announced: list[str] = []
        self.state.announce = self.announced.append


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    room = Room()
    yield room
    await room.state.aclose()


def timer_tasks() -> list[str]:
    return [t.get_name() for t in asyncio.all_tasks() if t.get_name().startswith("timer-")]


async def test_a_timer_speaks_when_it_is_due_and_not_before(room: Room) -> None:
    assert set_timer(room.state, "five minutes") == "Timer set for five minutes."
    await room.clock.advance(299)
    assert room.announced == []
    await room.clock.advance(1)
    assert room.announced == ["Your five minute timer is done."]
    assert room.state.timers.entries() == []
    assert timer_tasks() == []


async def test_a_length_of_time_is_said_as_the_caller_put_it(room: Room) -> None:
    assert set_timer(room.state, "60 minutes") == "Timer set for sixty minutes."
    assert (
        set_timer(room.state, "an hour and a half") == "Timer set for one hour and thirty minutes."
    )
    await room.clock.advance(3600)
    assert room.announced == ["Your sixty minute timer is done."]


async def test_a_reminder_says_what_it_is_about(room: Room) -> None:
    reply = set_reminder(room.state, "call my mother", "in ten minutes")
    assert reply == "I will remind you in ten minutes to call your mother."
    await room.clock.advance(600)
    assert room.announced == ["You wanted me to remind you to call your mother."]


async def test_a_time_of_day_is_waited_for(room: Room) -> None:
    assert set_timer(room.state, "at 4 pm") == "Timer set for four in the afternoon."
    assert (
        set_reminder(room.state, "feed the cat", "half past five")
        == "I will remind you at five thirty in the afternoon to feed the cat."
    )
    await room.clock.advance(15 * 60)
    assert room.announced == ["It is four in the afternoon and your timer is done."]
    await room.clock.advance(90 * 60)
    assert room.announced[1:] == ["You wanted me to remind you to feed the cat."]


async def test_an_alarm_takes_a_bare_hour_but_a_timer_does_not(room: Room) -> None:
    assert set_alarm(room.state, "seven") == "Timer set for seven in the evening."
    assert set_alarm(room.state, "7:30 am") == "Timer set for seven thirty in the morning."
    assert set_timer(room.state, "seven") == NOT_A_TIME
    assert set_timer(room.state, "seven thirty") == "Timer set for seven thirty in the evening."


async def test_timers_come_in_the_order_in_which_they_are_due(room: Room) -> None:
    set_timer(room.state, "two minutes")
    set_timer(room.state, "one minute")
    await room.clock.advance(60)
    await room.clock.advance(60)
    assert room.announced == ["Your one minute timer is done.", "Your two minute timer is done."]


async def test_time_left_is_told(room: Room) -> None:
    assert time_left(room.state) == "There are no timers."
    set_timer(room.state, "five minutes")
    await room.clock.advance(70)
    assert time_left(room.state) == "There are three minutes and fifty seconds left."
    await room.clock.advance(170)
    assert time_left(room.state) == "There is one minute left."
    set_reminder(room.state, "open the door", "in an hour")
    assert time_left(room.state) == (
        "You have a five minute timer with one minute left "
        "and a reminder to open the door with one hour left."
    )


async def test_the_only_timer_is_cancelled_without_naming_it(room: Room) -> None:
    assert cancel_timer(room.state) == "There are no timers."
    set_timer(room.state, "five minutes")
    assert cancel_timer(room.state) == "Okay, the five minute timer is off."
    await room.clock.advance(300)
    assert room.announced == []
    assert timer_tasks() == []


async def test_one_of_several_timers_has_to_be_named(room: Room) -> None:
    set_timer(room.state, "five minutes")
    set_timer(room.state, "ten minutes")
    set_reminder(room.state, "open the door", "in an hour")
    assert cancel_timer(room.state).endswith("Please say which one, or all timers.")
    assert cancel_timer(room.state, "ten minute") == "Okay, the ten minute timer is off."
    assert "no such timer" in cancel_timer(room.state, "ten minute")
    assert cancel_timer(room.state, "door") == "Okay, the reminder to open the door is off."
    assert [entry.seconds for entry in room.state.timers.entries()] == [300]
    set_timer(room.state, "one hour")
    assert cancel_timer(room.state, "all my") == "Okay, all timers are off."
    assert room.state.timers.entries() == []


@pytest.mark.parametrize("when", ["", "banana", "five", "for", "zero seconds"])
async def test_words_that_are_no_time_set_no_timer(room: Room, when: str) -> None:
    assert set_timer(room.state, when) == NOT_A_TIME
    assert set_reminder(room.state, "open the door", when) == NOT_A_TIME
    assert timer_tasks() == []


async def test_a_reminder_of_nothing_is_not_set(room: Room) -> None:
    assert "what to remind you of" in set_reminder(room.state, "😀", "in ten minutes")
    assert timer_tasks() == []


async def test_a_timer_beyond_a_week_is_refused(room: Room) -> None:
    assert set_timer(room.state, "eight days") == TOO_LONG
    assert set_timer(room.state, "999999999999 hours") == TOO_LONG
    assert timer_tasks() == []


async def test_the_number_of_timers_is_bounded(room: Room) -> None:
    replies = [set_timer(room.state, "five minutes") for _ in range(25)]
    assert replies.count(FULL) == 5
    assert len(timer_tasks()) == 20


async def test_a_long_reminder_is_cut(room: Room) -> None:
    set_reminder(room.state, "walk " * 200, "in ten minutes")
    await room.clock.advance(600)
    assert len(room.announced[0]) < 200


async def test_no_timer_survives_the_room(room: Room) -> None:
    set_timer(room.state, "five minutes")
    set_timer(room.state, "ten minutes")
    await room.state.aclose()
    assert timer_tasks() == []
    assert set_timer(room.state, "five minutes") == FULL
    await room.clock.advance(600)
    assert room.announced == []
    await room.state.aclose()


async def test_the_rooms_of_a_worker_have_timers_of_their_own(room: Room) -> None:
    other = Room()
    set_timer(room.state, "five minutes")
    assert time_left(other.state) == "There are no timers."
    await other.state.aclose()
    assert len(timer_tasks()) == 1


async def test_the_system_clock_waits_in_real_seconds() -> None:
    state = RoomState()
    announced = asyncio.Event()
    state.announce = lambda sentence: announced.set()
    state.timers.add(0, "now")
    await asyncio.wait_for(announced.wait(), timeout=5)
    assert state.clock.now().tzinfo is not None
    await state.aclose()

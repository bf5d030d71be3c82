"""Time and date, the list, chance, and the end of the call."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import pytest

from agent.tools import NotUnderstoodError, RoomState
from agent.tools.call import end_call
from agent.tools.chance import flip_coin, pick_number, roll_dice
from agent.tools.clock import date_of, days_until, time_now, year_now
from agent.tools.lists import (
    MAX_ITEMS,
    add_to_list,
    clear_list,
    read_list,
    remove_from_list,
)
from tests.support.manual_clock import ManualClock


@pytest.fixture
def state() -> RoomState:
    return RoomState(clock=ManualClock(), random=Random(3))


def test_time_day_and_date(state: RoomState) -> None:
    assert time_now(state) == "It is three forty five in the afternoon."
    assert date_of(state) == "Today is Saturday the twenty first of November."
    assert date_of(state, "tomorrow") == "Tomorrow is Sunday the twenty second of November."
    assert date_of(state, "yesterday") == "Yesterday was Friday the twentieth of November."
    assert date_of(state, "Christmas") == "Christmas is Friday the twenty fifth of December."
    assert year_now(state) == "It is twenty twenty six."


def test_days_until(state: RoomState) -> None:
    assert days_until(state, "christmas") == "There are thirty four days until Christmas."
    assert days_until(state, "tomorrow") == "There is one day until tomorrow."
    assert days_until(state, "today") == "There are zero days until today."


def test_a_past_day_is_counted_back(state: RoomState) -> None:
    assert days_until(state, "November 20th, 2026") == (
        "November twentieth twenty twenty six was one day ago."
    )


def test_an_unknown_day_is_not_understood(state: RoomState) -> None:
    for ask in (date_of, days_until):
        with pytest.raises(NotUnderstoodError):
            ask(state, "dinner")


def test_the_date_follows_the_clock_over_midnight() -> None:
    state = RoomState(clock=ManualClock(datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)))
    assert date_of(state, "tomorrow") == "Tomorrow is Friday the first of January."


def test_the_list_grows_shrinks_and_is_read(state: RoomState) -> None:
    assert read_list(state) == "Your list has no things."
    assert add_to_list(state, "milk") == "Added milk to your list."
    assert read_list(state) == "Your list has one thing, milk."
    assert add_to_list(state, "the eggs, some bread and milk") == (
        "Added eggs, bread and milk to your list."
    )
    assert read_list(state) == "Your list has three things, milk, eggs and bread."
    assert remove_from_list(state, "the eggs") == "Removed eggs from your list."
    assert remove_from_list(state, "eggs") == "Sorry, eggs is not on your list."
    assert clear_list(state) == "Okay, your list has no things now."
    assert state.items == []


def test_things_that_a_model_names_in_one_string_are_taken_apart(state: RoomState) -> None:
    add_to_list(state, "milk, fish and chips; 1,000 nails, and M&M's")
    assert state.items == ["milk", "fish and chips", "1000 nails", "m and m"]
    assert remove_from_list(state, "fish and chips") == "Removed fish and chips from your list."


def test_the_list_is_bounded(state: RoomState) -> None:
    for number in range(MAX_ITEMS):
        add_to_list(state, f"thing {number}")
    assert add_to_list(state, "one more") == "Sorry, your list is full."
    assert add_to_list(state, "thing 1") == "Added thing 1 to your list."
    assert len(state.items) == MAX_ITEMS
    assert "beginning with thing 0" in read_list(state)
    assert "thing 40" not in read_list(state)


def test_items_are_cut_and_nothing_is_not_added(state: RoomState) -> None:
    add_to_list(state, "x" * 5000)
    assert len(state.items[0]) < 100
    assert "what to add" in add_to_list(state, "😀 ...")
    assert len(state.items) == 1


def test_coins_and_dice_are_within_their_bounds(state: RoomState) -> None:
    assert {flip_coin(state) for _ in range(50)} == {"Heads.", "Tails."}
    numbers = {"one", "two", "three", "four", "five", "six"}
    assert {roll_dice(state).split()[-1].rstrip(".") for _ in range(200)} == numbers
    assert roll_dice(state, count=2).count(" a") == 3
    assert pick_number(state, low=7, high=7) == "The answer is seven."
    assert pick_number(state, low=9, high=8) in ("The answer is eight.", "The answer is nine.")


@pytest.mark.parametrize("arguments", [{"count": 0}, {"count": 7}, {"sides": 1}, {"sides": 10**9}])
def test_impossible_dice_are_refused(state: RoomState, arguments: dict[str, int]) -> None:
    assert roll_dice(state, **arguments).startswith("Sorry")


def test_numbers_too_far_apart_are_not_picked_from(state: RoomState) -> None:
    with pytest.raises(NotUnderstoodError):
        pick_number(state, low=0, high=10**15)


def test_chance_is_repeatable_with_a_seed() -> None:
    first, second = (RoomState(random=Random(5)) for _ in range(2))
    assert [roll_dice(first) for _ in range(20)] == [roll_dice(second) for _ in range(20)]


def test_the_end_of_the_call_is_asked_for(state: RoomState) -> None:
    asked: list[bool] = []
    state.end_call = lambda: asked.append(True)
    assert end_call(state) == "Goodbye, talk to you soon."
    assert asked == [True]

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Awaitable, Callable

import pytest

from services.shared.load_once import LoadOnce

PATIENCE_SECONDS = 20.0


class Thing:
    pass


class SlowLoad:
    """A load that ends when it is allowed to."""

    def __init__(self, *outcomes: Exception) -> None:
        self.started = threading.Event()
        self.allowed = threading.Event()
        self._outcomes = list(outcomes)

    def __call__(self) -> Thing:
        self.started.set()
        assert self.allowed.wait(PATIENCE_SECONDS)
        if self._outcomes:
            raise self._outcomes.pop(0)
        return Thing()


def in_loops_of_their_own(
    count: int, ask: Callable[[], Awaitable[Thing]], load: SlowLoad
) -> list[Thing | Exception]:
    """Ask from `count` threads with an event loop each; the load ends once all wait."""
    answers: list[Thing | Exception] = []
    waiting = threading.Barrier(count + 1)

    async def wait_for_it() -> None:
        task = asyncio.ensure_future(ask())
        # The task runs up to its wait before this one goes on.
        await asyncio.sleep(0)
        waiting.wait(PATIENCE_SECONDS)
        try:
            answers.append(await asyncio.wait_for(task, PATIENCE_SECONDS))
        except ValueError as error:
            answers.append(error)

    threads = [threading.Thread(target=lambda: asyncio.run(wait_for_it())) for _ in range(count)]
    for thread in threads:
        thread.start()
    waiting.wait(PATIENCE_SECONDS)
    load.allowed.set()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    return answers


def test_three_event_loops_at_once_get_one_thing_from_one_load() -> None:
    load = SlowLoad()
    once = LoadOnce("thing", load)
    answers = in_loops_of_their_own(3, once.get, load)
    assert len(answers) == 3
    assert {id(answer) for answer in answers} == {id(once.peek())}
    assert isinstance(answers[0], Thing)
    assert once.loads == 1


def test_a_failed_load_is_told_to_all_who_waited_and_tried_again() -> None:
    load = SlowLoad(ValueError("broken file"))
    once = LoadOnce("thing", load)
    answers = in_loops_of_their_own(3, once.get, load)
    assert [str(answer) for answer in answers] == ["broken file"] * 3
    assert once.peek() is None
    assert isinstance(once.get_blocking(), Thing)
    assert once.loads == 2


async def test_a_waiter_that_gives_up_harms_nobody() -> None:
    load = SlowLoad()
    once = LoadOnce("thing", load)
    impatient, patient = (asyncio.create_task(once.get()) for _ in range(2))
    assert await asyncio.to_thread(load.started.wait, PATIENCE_SECONDS)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    load.allowed.set()
    assert await patient is once.peek()
    assert once.loads == 1


def test_a_loop_that_ends_while_it_waits_harms_nobody() -> None:
    load = SlowLoad()
    once = LoadOnce("thing", load)

    async def give_up() -> None:
        waiter = asyncio.create_task(once.get())
        assert await asyncio.to_thread(load.started.wait, PATIENCE_SECONDS)
        assert not waiter.done()

    asyncio.run(give_up())
    load.allowed.set()
    assert isinstance(once.get_blocking(), Thing)
    assert once.loads == 1


def test_nothing_is_loaded_before_somebody_asks() -> None:
    once = LoadOnce("thing", Thing)
    assert once.peek() is None
    assert once.take() is None
    assert once.loads == 0


def test_peek_does_not_wait_for_a_load() -> None:
    load = SlowLoad()
    once = LoadOnce("thing", load)
    waiter = threading.Thread(target=once.get_blocking)
    waiter.start()
    assert load.started.wait(PATIENCE_SECONDS)
    assert once.peek() is None
    assert once.take() is None
    load.allowed.set()
    waiter.join(PATIENCE_SECONDS)
    assert isinstance(once.peek(), Thing)


def test_what_is_taken_is_loaded_anew_for_the_next() -> None:
    once = LoadOnce("thing", Thing)
    first = once.get_blocking()
    assert once.take() is first
    assert once.take() is None
    second = once.get_blocking()
    assert second is not first
    assert once.loads == 2


def test_a_replacement_is_what_everybody_gets_from_then_on() -> None:
    once = LoadOnce("thing", Thing)
    replacement = Thing()
    assert once.put(replacement) is None
    assert once.get_blocking() is replacement
    another = Thing()
    assert once.put(another) is replacement
    assert once.peek() is another
    assert once.loads == 0


def test_a_replacement_goes_before_a_load_in_progress_whose_outcome_is_given_away() -> None:
    load = SlowLoad()
    discarded: queue.SimpleQueue[Thing] = queue.SimpleQueue()
    once = LoadOnce("thing", load, discard=discarded.put)
    waiting = once.start()
    assert load.started.wait(PATIENCE_SECONDS)
    replacement = Thing()
    assert once.put(replacement) is None
    assert waiting.result(PATIENCE_SECONDS) is replacement
    load.allowed.set()
    assert discarded.get(timeout=PATIENCE_SECONDS) is not replacement
    assert once.peek() is replacement


def test_a_load_that_fails_after_it_was_replaced_takes_nothing_away() -> None:
    load = SlowLoad(ValueError("broken file"))
    once = LoadOnce("thing", load)
    once.start()
    assert load.started.wait(PATIENCE_SECONDS)
    loading = [thread for thread in threading.enumerate() if thread.name == "load-thing"]
    replacement = Thing()
    once.put(replacement)
    load.allowed.set()
    for thread in loading:
        thread.join(PATIENCE_SECONDS)
    assert once.peek() is replacement

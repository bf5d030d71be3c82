from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from concurrent.futures import wait as wait_for_futures
from queue import Queue
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

from services.inference import (
    DeskFull,
    EngineUnavailable,
    InferenceDesk,
    InferenceError,
    InferenceTimeout,
    JobRecord,
    Priority,
    Run,
    RunCancelled,
    Superseded,
    Urgency,
    Withdrawn,
)
from services.inference import scheduler as desk_module

PATIENCE_SECONDS = 20.0
"""How long a test waits for what must happen before it fails."""
AT_ONCE = 0.001
"""Seconds; a deadline that has passed by the time anybody looks."""


class Held:
    """A job that keeps its thread until it is released, whatever it is told."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.released = threading.Event()
        self.told_to_stop = threading.Event()
        self.run: Run | None = None
        self.thread: threading.Thread | None = None

    def __call__(self, run: Run) -> str:
        self.run = run
        self.thread = threading.current_thread()
        run.on_cancel(self.told_to_stop.set)
        self.started.set()
        assert self.released.wait(PATIENCE_SECONDS)
        return "held"


class Desks:
    """Makes desks and held jobs, and ends them all."""

    def __init__(self) -> None:
        self._desks: list[InferenceDesk] = []
        self._held: list[Held] = []

    def open(self, **options: Any) -> InferenceDesk:
        desk = InferenceDesk(**{"slots": 1, **options})
        self._desks.append(desk)
        return desk

    def held(self) -> Held:
        job = Held()
        self._held.append(job)
        return job

    def occupy(self, desk: InferenceDesk, **options: Any) -> Held:
        """Take one slot of the desk with a job that stays until it is released."""
        job = self.held()
        submit(desk, job, **options)
        assert job.started.wait(PATIENCE_SECONDS)
        return job

    def end(self) -> None:
        for job in self._held:
            job.released.set()
        for desk in self._desks:
            assert desk.close(timeout_seconds=PATIENCE_SECONDS)


@pytest.fixture
def desks() -> Iterator[Desks]:
    made = Desks()
    yield made
    made.end()


def submit(
    desk: InferenceDesk,
    job: Callable[[Run], Any] = lambda run: "done",
    *,
    engine: str = "engine",
    room: str = "room",
    priority: Priority = Priority.FINAL,
    deadline_seconds: float = 60.0,
    **options: Any,
) -> Future[Any]:
    return desk.submit(
        job,
        engine=engine,
        room=room,
        priority=priority,
        deadline_seconds=deadline_seconds,
        **options,
    )


def result_of(future: Future[Any]) -> Any:
    return future.result(PATIENCE_SECONDS)


def error_of(future: Future[Any]) -> BaseException | None:
    return future.exception(PATIENCE_SECONDS)


def noting(name: str, started: list[str]) -> Callable[[Run], None]:
    """A job that writes its name down."""
    return lambda run: started.append(name)


def order_of_starts(
    desk: InferenceDesk, occupant: Held, waiting: list[tuple[str, str, Priority]]
) -> list[str]:
    """Queue (name, room, priority) behind the occupant, release it, and tell who ran when."""
    started: list[str] = []
    futures = [
        submit(desk, noting(name, started), room=room, priority=priority)
        for name, room, priority in waiting
    ]
    occupant.released.set()
    wait_for_futures(futures, PATIENCE_SECONDS)
    return started


async def run_plainly(desk: InferenceDesk, job: Callable[[Run], Any]) -> Any:
    return await desk.run(
        job, engine="engine", room="room", priority=Priority.FINAL, deadline_seconds=60.0
    )


# Who goes first


def test_urgent_classes_go_first(desks: Desks) -> None:
    desk = desks.open()
    occupant = desks.occupy(desk)
    waiting = [(priority.name, "room", priority) for priority in reversed(Priority)]
    assert order_of_starts(desk, occupant, waiting) == ["FINAL", "SPECULATIVE", "INTERIM", "BATCH"]


def test_rooms_take_turns_within_a_class(desks: Desks) -> None:
    desk = desks.open()
    occupant = desks.occupy(desk)
    names = ["a1", "a2", "a3", "b1", "c1", "c2"]
    waiting = [(name, name[0], Priority.FINAL) for name in names]
    assert order_of_starts(desk, occupant, waiting) == ["a1", "b1", "c1", "a2", "c2", "a3"]


@pytest.mark.parametrize("priority", [Priority.INTERIM, Priority.BATCH])
def test_the_last_slot_is_kept_for_those_who_wait(desks: Desks, priority: Priority) -> None:
    desk = desks.open(slots=2)
    occupant = desks.occupy(desk, priority=priority)
    later = submit(desk, priority=priority)
    assert result_of(submit(desk, priority=Priority.SPECULATIVE)) == "done"
    assert desk.stats().queued[priority] == 1
    occupant.released.set()
    assert result_of(later) == "done"


def test_interim_and_batch_together_leave_a_slot(desks: Desks) -> None:
    desk = desks.open(slots=3)
    desks.occupy(desk, priority=Priority.BATCH)
    desks.occupy(desk, priority=Priority.INTERIM)
    later = submit(desk, priority=Priority.INTERIM)
    assert result_of(submit(desk)) == "done"
    assert not later.done()


def test_batch_work_takes_one_slot_however_many_there_are(desks: Desks) -> None:
    desk = desks.open(slots=4)
    desks.occupy(desk, priority=Priority.BATCH)
    later = submit(desk, priority=Priority.BATCH)
    assert result_of(submit(desk, priority=Priority.INTERIM)) == "done"
    assert not later.done()


def test_a_single_slot_does_background_work_too(desks: Desks) -> None:
    desk = desks.open()
    assert result_of(submit(desk, priority=Priority.INTERIM)) == "done"
    assert result_of(submit(desk, priority=Priority.BATCH)) == "done"


def test_a_desk_needs_a_slot() -> None:
    with pytest.raises(ValueError, match="at least 1, not 0"):
        InferenceDesk(slots=0)


# Rising


def test_a_promoted_call_overtakes(desks: Desks) -> None:
    desk = desks.open()
    occupant = desks.occupy(desk)
    started: list[str] = []
    futures = {
        name: submit(desk, noting(name, started), priority=priority)
        for name, priority in [
            ("first speculative", Priority.SPECULATIVE),
            ("second speculative", Priority.SPECULATIVE),
            ("final", Priority.FINAL),
        ]
    }
    assert desk.promote(futures["second speculative"], Priority.FINAL)
    assert desk.stats().queued == {
        Priority.FINAL: 2,
        Priority.SPECULATIVE: 1,
        Priority.INTERIM: 0,
        Priority.BATCH: 0,
    }
    occupant.released.set()
    wait_for_futures(futures.values(), PATIENCE_SECONDS)
    assert started == ["final", "second speculative", "first speculative"]


def test_a_promoted_call_may_take_the_last_slot(desks: Desks) -> None:
    desk = desks.open(slots=2)
    desks.occupy(desk, priority=Priority.INTERIM)
    interim = submit(desk, priority=Priority.INTERIM)
    assert desk.promote(interim, Priority.FINAL)
    assert result_of(interim) == "done"


def test_a_promoted_call_is_not_superseded(desks: Desks) -> None:
    desk = desks.open()
    occupant = desks.occupy(desk)
    interim = submit(desk, priority=Priority.INTERIM, supersede="utterance")
    desk.promote(interim, Priority.FINAL)
    submit(desk, priority=Priority.INTERIM, supersede="utterance")
    occupant.released.set()
    assert result_of(interim) == "done"


def test_only_waiting_and_less_urgent_calls_can_be_promoted(desks: Desks) -> None:
    desk = desks.open()
    running = desks.held()
    started = submit(desk, running, priority=Priority.INTERIM)
    assert running.started.wait(PATIENCE_SECONDS)
    waiting = submit(desk, priority=Priority.SPECULATIVE)
    assert not desk.promote(started, Priority.FINAL)
    assert not desk.promote(waiting, Priority.SPECULATIVE)
    assert not desk.promote(waiting, Priority.BATCH)
    assert not desk.promote(Future(), Priority.FINAL)
    running.released.set()
    result_of(waiting)
    assert not desk.promote(waiting, Priority.FINAL)


async def test_work_of_several_calls_rises_with_its_urgency(desks: Desks) -> None:
    records: list[JobRecord] = []
    desk = desks.open(observer=records.append)
    occupant = desks.occupy(desk)
    urgency = Urgency(Priority.BATCH)

    async def two_calls() -> None:
        for name in ("first", "second"):
            await desk.run(
                lambda run: None, engine=name, room="room", priority=urgency, deadline_seconds=60.0
            )

    calls = asyncio.create_task(two_calls())
    while not desk.stats().queued[Priority.BATCH]:
        await asyncio.sleep(0)
    urgency.raise_to(Priority.FINAL)
    urgency.raise_to(Priority.SPECULATIVE)
    assert urgency.priority is Priority.FINAL
    assert desk.stats().queued[Priority.FINAL] == 1
    occupant.released.set()
    await calls
    assert [(r.engine, r.priority) for r in records[1:]] == [
        ("first", Priority.FINAL),
        ("second", Priority.FINAL),
    ]


def test_a_call_rises_with_work_that_rose_before_it_was_queued(desks: Desks) -> None:
    desk = desks.open()
    desks.occupy(desk)
    urgency = Urgency(Priority.INTERIM)
    waiting = submit(desk, priority=urgency.priority)
    urgency.raise_to(Priority.FINAL)
    urgency.follow(desk, waiting)
    assert desk.stats().queued[Priority.FINAL] == 1


# Making way


def test_newer_work_takes_the_place_of_older_work_of_its_utterance(desks: Desks) -> None:
    desk = desks.open()
    occupant = desks.occupy(desk, supersede="utterance")
    older = submit(desk, priority=Priority.INTERIM, supersede="utterance")
    other = submit(desk, priority=Priority.INTERIM, supersede="another utterance")
    newer = submit(desk, priority=Priority.INTERIM, supersede="utterance")
    assert isinstance(error_of(older), Superseded)
    assert not occupant.told_to_stop.is_set()
    occupant.released.set()
    assert [result_of(other), result_of(newer)] == ["done", "done"]


def test_a_full_queue_makes_room_for_more_urgent_work_only(desks: Desks) -> None:
    desk = desks.open(queue_limit=2)
    occupant = desks.occupy(desk)
    interim = submit(desk, priority=Priority.INTERIM)
    batch = submit(desk, priority=Priority.BATCH)
    first = submit(desk)
    assert isinstance(error_of(batch), DeskFull)
    second = submit(desk)
    assert isinstance(error_of(interim), DeskFull)
    for priority in Priority:
        with pytest.raises(DeskFull, match="2 model calls are waiting already"):
            submit(desk, priority=priority)
    occupant.released.set()
    assert [result_of(first), result_of(second)] == ["done", "done"]


def test_superseding_makes_room_in_a_full_queue(desks: Desks) -> None:
    desk = desks.open(queue_limit=1)
    occupant = desks.occupy(desk)
    older = submit(desk, priority=Priority.INTERIM, supersede="utterance")
    newer = submit(desk, priority=Priority.INTERIM, supersede="utterance")
    assert isinstance(error_of(older), Superseded)
    occupant.released.set()
    assert result_of(newer) == "done"


# Cancelling


def test_cancelled_work_that_waits_never_starts(desks: Desks) -> None:
    desk = desks.open(queue_limit=1)
    occupant = desks.occupy(desk)
    started = threading.Event()
    waiting = submit(desk, lambda run: started.set())
    assert waiting.cancel()
    replacement = submit(desk)
    occupant.released.set()
    assert result_of(replacement) == "done"
    assert not started.is_set()


def test_a_cancelled_call_is_told_and_keeps_its_slot_until_its_thread_is_free(
    desks: Desks,
) -> None:
    desk = desks.open()
    running = desks.held()
    future = submit(desk, running)
    assert running.started.wait(PATIENCE_SECONDS)
    assert running.run is not None
    assert not running.run.cancelled
    assert future.cancel()
    assert running.told_to_stop.is_set()
    assert running.run.cancelled
    later = submit(desk)
    stats = desk.stats()
    assert (stats.running, stats.queued[Priority.FINAL]) == (1, 1)
    running.released.set()
    assert result_of(later) == "done"


async def test_cancelling_the_awaiting_task_stops_the_call(desks: Desks) -> None:
    desk = desks.open()
    running = desks.held()
    task = asyncio.create_task(run_plainly(desk, running))
    assert await asyncio.to_thread(running.started.wait, PATIENCE_SECONDS)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(running.told_to_stop.wait, PATIENCE_SECONDS)


def test_a_run_that_is_cancelled_already_stops_at_once() -> None:
    run = Run()
    calls: list[str] = []
    run.on_cancel(lambda: calls.append("early"))
    run.check()
    run.cancel()
    run.cancel()
    run.on_cancel(lambda: calls.append("late"))
    assert calls == ["early", "late"]
    with pytest.raises(RunCancelled):
        run.check()


def test_a_stop_that_fails_does_not_keep_the_others_from_being_called() -> None:
    run = Run()
    stopped = threading.Event()

    def broken() -> NoReturn:
        raise OSError("cannot stop")

    run.on_cancel(broken)
    run.on_cancel(stopped.set)
    run.cancel()
    assert stopped.is_set()


def test_a_job_that_leaves_when_cancelled_frees_its_slot(desks: Desks) -> None:
    records: list[JobRecord] = []
    desk = desks.open(observer=records.append)
    started, stop = threading.Event(), threading.Event()

    def polite(run: Run) -> None:
        run.on_cancel(stop.set)
        started.set()
        assert stop.wait(PATIENCE_SECONDS)
        run.check()
        raise AssertionError("check did not leave the job")

    future = submit(desk, polite)
    assert started.wait(PATIENCE_SECONDS)
    future.cancel()
    assert result_of(submit(desk)) == "done"
    assert [r.outcome for r in records] == ["cancelled", "done"]


def test_a_room_that_ends_takes_all_its_work_along(desks: Desks) -> None:
    desk = desks.open()
    running = desks.held()
    futures = [submit(desk, running, room="ending")]
    assert running.started.wait(PATIENCE_SECONDS)
    futures.append(submit(desk, room="ending", priority=Priority.BATCH))
    staying = submit(desk, room="staying")
    assert desk.cancel_room("ending") == 2
    assert desk.cancel_room("ending") == 0
    assert all(isinstance(error_of(future), Withdrawn) for future in futures)
    assert running.told_to_stop.is_set()
    running.released.set()
    assert result_of(staying) == "done"


# Running late


def test_a_call_past_its_deadline_is_told_to_stop_and_its_caller_gets_the_error(
    desks: Desks,
) -> None:
    desk = desks.open()
    stop = threading.Event()

    def slow(run: Run) -> str:
        run.on_cancel(stop.set)
        assert stop.wait(PATIENCE_SECONDS)
        return "too late"

    error = error_of(submit(desk, slow, engine="asr", deadline_seconds=AT_ONCE))
    assert isinstance(error, InferenceTimeout)
    assert str(error) == "asr took longer than 0.001 s of engine time"
    assert result_of(submit(desk)) == "done"
    assert desk.stats().written_off == 0


def test_the_deadline_does_not_count_the_wait_in_the_queue(
    desks: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    desk = desks.open()
    occupant = desks.occupy(desk, deadline_seconds=1000.0)
    waiting = submit(desk, deadline_seconds=5.0)
    clock.seconds = 100.0
    occupant.released.set()
    assert result_of(waiting) == "done"


def test_a_call_that_waited_too_long_never_starts(desks: Desks) -> None:
    desk = desks.open()
    occupant = desks.occupy(desk)
    started = threading.Event()
    waiting = submit(desk, lambda run: started.set(), queue_seconds=AT_ONCE)
    error = error_of(waiting)
    assert isinstance(error, InferenceTimeout)
    assert str(error) == "waited too long to start"
    occupant.released.set()
    assert result_of(submit(desk)) == "done"
    assert not started.is_set()


class Clock:
    """The desk's time, set by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 0.0
        monkeypatch.setattr(desk_module, "time", SimpleNamespace(monotonic=lambda: self.seconds))


def test_a_process_that_was_suspended_gives_late_calls_their_grace(
    desks: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    desk = desks.open(grace_seconds=2.0)
    running = desks.held()
    future = submit(desk, running, deadline_seconds=5.0)
    assert running.started.wait(PATIENCE_SECONDS)
    clock.seconds = 100.0
    witness = submit(desk, queue_seconds=1.0)
    assert running.told_to_stop.wait(PATIENCE_SECONDS)
    clock.seconds = 101.5
    last = submit(desk)
    # The desk has looked at all calls when it lets this one expire.
    assert isinstance(error_of(witness), InferenceTimeout)
    assert desk.stats().written_off == 0
    running.released.set()
    assert isinstance(error_of(future), InferenceTimeout)
    assert result_of(last) == "done"


# Never coming back


def wedge(desks: Desks, desk: InferenceDesk, **options: Any) -> Held:
    """Block one thread for good, until the test ends."""
    job = desks.held()
    error = error_of(submit(desk, job, deadline_seconds=AT_ONCE, **options))
    assert isinstance(error, InferenceTimeout)
    return job


def test_a_thread_that_does_not_come_back_is_replaced_up_to_the_budget(desks: Desks) -> None:
    replaced: Queue[str] = Queue()
    desk = desks.open(grace_seconds=AT_ONCE, wedge_budget=2, on_wedged=replaced.put)
    for lost in (1, 2):
        wedge(desks, desk, engine=f"engine {lost}")
        assert replaced.get(timeout=PATIENCE_SECONDS) == f"engine {lost}"
        assert result_of(submit(desk)) == "done"
        stats = desk.stats()
        assert (stats.written_off, stats.exhausted) == (lost, False)
    wedge(desks, desk, engine="engine 3")
    stats = desk.stats()
    assert (stats.written_off, stats.exhausted) == (3, True)
    with pytest.raises(DeskFull, match="too many wedged threads: this worker must be restarted"):
        submit(desk)
    assert replaced.get(timeout=PATIENCE_SECONDS) == "engine 3"


def test_work_that_no_thread_is_left_for_ends_with_an_error(
    desks: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    desk = desks.open(grace_seconds=2.0, wedge_budget=0)
    wedged = desks.occupy(desk, deadline_seconds=5.0)
    clock.seconds = 6.0
    waiting = [submit(desk)]
    assert wedged.told_to_stop.wait(PATIENCE_SECONDS)
    clock.seconds = 9.0
    waiting.append(submit(desk))
    assert all(isinstance(error_of(future), DeskFull) for future in waiting)


def test_an_exhausted_desk_goes_on_with_the_threads_it_has(desks: Desks) -> None:
    desk = desks.open(slots=2, grace_seconds=AT_ONCE, wedge_budget=0)
    wedge(desks, desk)
    assert desk.stats().exhausted
    for priority in Priority:
        assert result_of(submit(desk, priority=priority)) == "done"


def test_a_lost_thread_that_comes_back_takes_no_slot_and_ends(desks: Desks) -> None:
    desk = desks.open(grace_seconds=AT_ONCE)
    lost = wedge(desks, desk)
    desks.occupy(desk)
    waiting = submit(desk)
    lost.released.set()
    assert lost.thread is not None
    lost.thread.join(PATIENCE_SECONDS)
    assert not lost.thread.is_alive()
    assert not waiting.done()
    assert desk.stats().outcomes == {("engine", Priority.FINAL, "wedged"): 1}


def test_replacing_an_engine_may_fail(desks: Desks) -> None:
    asked = threading.Event()

    def broken(engine: str) -> NoReturn:
        asked.set()
        raise OSError("no file")

    desk = desks.open(grace_seconds=AT_ONCE, on_wedged=broken)
    wedge(desks, desk)
    assert asked.wait(PATIENCE_SECONDS)
    late = submit(desk, desks.held(), deadline_seconds=AT_ONCE)
    assert isinstance(error_of(late), InferenceTimeout)


# Failing


@pytest.mark.parametrize(
    "raised",
    [
        ValueError("bad"),
        MemoryError(),
        SystemExit(3),
        KeyboardInterrupt(),
        GeneratorExit(),
        StopIteration(),
        StopAsyncIteration(),
        asyncio.CancelledError(),
        CancelledError(),
        RunCancelled(),
    ],
    ids=repr,
)
async def test_whatever_a_job_raises_its_slot_is_free_and_its_caller_lives(
    desks: Desks, raised: BaseException
) -> None:
    desk = desks.open()

    def failing(run: Run) -> NoReturn:
        raise raised

    outcome: BaseException | None = None
    try:
        await asyncio.wait_for(run_plainly(desk, failing), PATIENCE_SECONDS)
    except (Exception, asyncio.CancelledError) as error:
        outcome = error
    if isinstance(raised, (ValueError, MemoryError, StopAsyncIteration)):
        assert outcome is raised
    elif not isinstance(raised, RunCancelled):
        assert isinstance(outcome, InferenceError)
        assert outcome.__cause__ is raised
        assert str(outcome).startswith("engine ended with ")
    assert await run_plainly(desk, lambda run: "next") == "next"
    assert desk.stats().queued[Priority.FINAL] == 0


def test_an_observer_that_fails_disturbs_nobody(desks: Desks) -> None:
    def broken(record: JobRecord) -> NoReturn:
        raise RuntimeError("no metrics today")

    desk = desks.open(observer=broken)
    assert result_of(submit(desk)) == "done"
    assert result_of(submit(desk)) == "done"


# From everywhere


def test_any_number_of_event_loops_may_use_one_desk(desks: Desks) -> None:
    desk = desks.open(slots=2)
    results: dict[int, list[int]] = {}
    barrier = threading.Barrier(4)

    def giving(value: int) -> Callable[[Run], int]:
        return lambda run: value

    def room(number: int) -> None:
        async def talk() -> list[int]:
            barrier.wait(PATIENCE_SECONDS)
            values = (run_plainly(desk, giving(100 * number + i)) for i in range(10))
            return list(await asyncio.gather(*values))

        results[number] = asyncio.run(talk())

    threads = [threading.Thread(target=room, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert results == {number: [100 * number + i for i in range(10)] for number in range(4)}
    assert desk.stats().outcomes == {("engine", Priority.FINAL, "done"): 40}


def test_a_loop_that_closed_meanwhile_does_not_cost_a_slot(desks: Desks) -> None:
    desk = desks.open()
    running = desks.held()

    async def give_up() -> None:
        future = asyncio.wrap_future(submit(desk, running))
        assert await asyncio.to_thread(running.started.wait, PATIENCE_SECONDS)
        assert not future.done()

    asyncio.run(give_up())
    running.released.set()
    assert result_of(submit(desk)) == "done"


# Ending


def test_close_ends_all_work_and_all_threads(desks: Desks) -> None:
    before = set(threading.enumerate())
    desk = desks.open(slots=2)
    running = desks.held()
    futures = [submit(desk, running), submit(desk, desks.held())]
    assert running.started.wait(PATIENCE_SECONDS)
    futures += [submit(desk, priority=priority) for priority in Priority]
    assert desk.close(timeout_seconds=0.0) is False
    for future in futures:
        error = error_of(future)
        assert isinstance(error, DeskFull)
        assert str(error) == "the inference desk is closed"
    desks.end()
    assert desk.close() is True
    assert set(threading.enumerate()) <= before
    with pytest.raises(DeskFull, match="closed"):
        submit(desk)


# Observing


def test_every_call_is_recorded_with_what_became_of_it(desks: Desks) -> None:
    records: list[JobRecord] = []
    desk = desks.open(observer=records.append, queue_limit=2)

    def failing(run: Run) -> NoReturn:
        raise ValueError

    result_of(submit(desk, engine="asr"))
    error_of(submit(desk, failing, engine="tts"))
    occupant = desks.held()
    cancelled = submit(desk, occupant, room="ending")
    assert occupant.started.wait(PATIENCE_SECONDS)
    error_of(submit(desk, queue_seconds=AT_ONCE))
    submit(desk, priority=Priority.INTERIM, supersede="utterance")
    submit(desk, priority=Priority.INTERIM, supersede="utterance")
    submit(desk, priority=Priority.BATCH)
    submit(desk).cancel()
    cancelled.cancel()
    occupant.released.set()
    stop = threading.Event()

    def slow(run: Run) -> None:
        run.on_cancel(stop.set)
        assert stop.wait(PATIENCE_SECONDS)

    error_of(submit(desk, slow, deadline_seconds=AT_ONCE, priority=Priority.SPECULATIVE))
    assert desk.close(timeout_seconds=PATIENCE_SECONDS)
    with pytest.raises(DeskFull):
        submit(desk)
    seen = [(r.engine, r.priority.name, r.outcome) for r in records]
    assert seen[:2] == [("asr", "FINAL", "done"), ("tts", "FINAL", "failed")]
    assert ("engine", "FINAL", "expired") in seen
    assert ("engine", "INTERIM", "superseded") in seen
    assert ("engine", "BATCH", "evicted") in seen
    assert ("engine", "FINAL", "refused") in seen
    assert seen.count(("engine", "FINAL", "cancelled")) == 2
    assert ("engine", "SPECULATIVE", "timeout") in seen
    assert all(r.wait_seconds >= 0.0 and r.run_seconds >= 0.0 for r in records)
    outcomes = desk.stats().outcomes
    assert sum(outcomes.values()) == len(records)
    assert outcomes["tts", Priority.FINAL, "failed"] == 1


def test_stats_show_what_runs_and_waits(desks: Desks) -> None:
    desk = desks.open()
    desks.occupy(desk)
    submit(desk, priority=Priority.INTERIM)
    stats = desk.stats()
    assert (stats.slots, stats.running, stats.queued[Priority.INTERIM]) == (1, 1, 1)
    assert (stats.written_off, stats.exhausted, desk.slots) == (0, False, 1)


async def test_nothing_of_a_finished_call_is_kept_alive() -> None:
    desk = InferenceDesk(slots=1)

    class Big:
        pass

    big = Big()
    gone = weakref.ref(big)

    def job(run: Run, held: Big = big) -> int:
        return 1

    try:
        assert (
            await desk.run(job, engine="e", room="r", priority=Priority.FINAL, deadline_seconds=5)
            == 1
        )
        del big, job
        for _ in range(200):
            gc.collect()
            if gone() is None:
                break
            await asyncio.sleep(0.01)
        assert gone() is None
    finally:
        desk.close()


def test_a_guard_is_asked_before_each_call(desks: Desks) -> None:
    asked: list[str] = []

    def guard(engine: str) -> bool:
        asked.append(engine)
        return engine != "asr"

    desk = desks.open(guard=guard)
    with pytest.raises(EngineUnavailable, match="asr keeps failing"):
        submit(desk, engine="asr")
    assert submit(desk, engine="tts").result(PATIENCE_SECONDS) == "done"
    assert submit(desk, engine="asr", guarded=False).result(PATIENCE_SECONDS) == "done"
    assert asked == ["asr", "tts"]
    assert desk.stats().outcomes["asr", Priority.FINAL, "unavailable"] == 1

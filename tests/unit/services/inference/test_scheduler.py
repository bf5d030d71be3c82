from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from concurrent.futures import wait as wait_for_futures
from queue import Queue
from typing import Any, NoReturn

import pytest

from services.inference import (
    CallRecord,
    DynamicPriority,
    EngineUnavailable,
    InferenceError,
    InferenceScheduler,
    InferenceTimeout,
    Priority,
    QueueFull,
    Run,
    RunCancelled,
    Superseded,
)

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


class Schedulers:
    """Makes schedulers and held jobs, and ends them all."""

    def __init__(self) -> None:
        self._schedulers: list[InferenceScheduler] = []
        self._held: list[Held] = []

    def open(self, **options: Any) -> InferenceScheduler:
        scheduler = InferenceScheduler(**{"slots": 1, **options})
        self._schedulers.append(scheduler)
        return scheduler

    def held(self) -> Held:
        job = Held()
        self._held.append(job)
        return job

    def occupy(self, scheduler: InferenceScheduler, **options: Any) -> Held:
        """Take one slot of the scheduler with a job that stays until it is released."""
        job = self.held()
        submit(scheduler, job, **options)
        assert job.started.wait(PATIENCE_SECONDS)
        return job

    def end(self) -> None:
        for job in self._held:
            job.released.set()
        for scheduler in self._schedulers:
            assert scheduler.close(timeout_seconds=PATIENCE_SECONDS)


@pytest.fixture
def schedulers() -> Iterator[Schedulers]:
    made = Schedulers()
    yield made
    made.end()


def submit(
    scheduler: InferenceScheduler,
    job: Callable[[Run], Any] = lambda run: "done",
    *,
    engine: str = "engine",
    owner: str = "room",
    priority: Priority = Priority.FINAL,
    deadline_seconds: float = 60.0,
    **options: Any,
) -> Future[Any]:
    return scheduler.submit(
        job,
        engine=engine,
        owner=owner,
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
    scheduler: InferenceScheduler, occupant: Held, waiting: list[tuple[str, str, Priority]]
) -> list[str]:
    """Queue (name, owner, priority) behind the occupant, release it, and tell who ran when."""
    started: list[str] = []
    futures = [
        submit(scheduler, noting(name, started), owner=owner, priority=priority)
        for name, owner, priority in waiting
    ]
    occupant.released.set()
    wait_for_futures(futures, PATIENCE_SECONDS)
    return started


async def run_plainly(scheduler: InferenceScheduler, job: Callable[[Run], Any]) -> Any:
    return await scheduler.run(
        job, engine="engine", owner="room", priority=Priority.FINAL, deadline_seconds=60.0
    )


# Who goes first


def test_urgent_classes_go_first(schedulers: Schedulers) -> None:
    scheduler = schedulers.open()
    occupant = schedulers.occupy(scheduler)
    waiting = [(priority.name, "room", priority) for priority in reversed(Priority)]
    assert order_of_starts(scheduler, occupant, waiting) == [
        "FINAL",
        "SPECULATIVE",
        "INTERIM",
        "BATCH",
    ]


def test_rooms_take_turns_within_a_class(schedulers: Schedulers) -> None:
    scheduler = schedulers.open()
    occupant = schedulers.occupy(scheduler)
    names = ["a1", "a2", "a3", "b1", "c1", "c2"]
    waiting = [(name, name[0], Priority.FINAL) for name in names]
    assert order_of_starts(scheduler, occupant, waiting) == ["a1", "b1", "c1", "a2", "c2", "a3"]


@pytest.mark.parametrize("priority", [Priority.INTERIM, Priority.BATCH])
def test_the_last_slot_is_kept_for_those_who_wait(
    schedulers: Schedulers, priority: Priority
) -> None:
    scheduler = schedulers.open(slots=2)
    occupant = schedulers.occupy(scheduler, priority=priority)
    later = submit(scheduler, priority=priority)
    assert result_of(submit(scheduler, priority=Priority.SPECULATIVE)) == "done"
    assert scheduler.stats().queued[priority] == 1
    occupant.released.set()
    assert result_of(later) == "done"


def test_interim_and_batch_together_leave_a_slot(schedulers: Schedulers) -> None:
    scheduler = schedulers.open(slots=3)
    schedulers.occupy(scheduler, priority=Priority.BATCH)
    schedulers.occupy(scheduler, priority=Priority.INTERIM)
    later = submit(scheduler, priority=Priority.INTERIM)
    assert result_of(submit(scheduler)) == "done"
    assert not later.done()


def test_batch_work_takes_one_slot_however_many_there_are(schedulers: Schedulers) -> None:
    scheduler = schedulers.open(slots=4)
    schedulers.occupy(scheduler, priority=Priority.BATCH)
    later = submit(scheduler, priority=Priority.BATCH)
    assert result_of(submit(scheduler, priority=Priority.INTERIM)) == "done"
    assert not later.done()


def test_a_single_slot_does_background_work_too(schedulers: Schedulers) -> None:
    scheduler = schedulers.open()
    assert result_of(submit(scheduler, priority=Priority.INTERIM)) == "done"
    assert result_of(submit(scheduler, priority=Priority.BATCH)) == "done"


def test_a_scheduler_needs_a_slot() -> None:
    with pytest.raises(ValueError, match="at least 1, not 0"):
        InferenceScheduler(slots=0)


# Rising


def test_a_promoted_call_overtakes(schedulers: Schedulers) -> None:
    scheduler = schedulers.open()
    occupant = schedulers.occupy(scheduler)
    started: list[str] = []
    futures = {
        name: submit(scheduler, noting(name, started), priority=priority)
        for name, priority in [
            ("first speculative", Priority.SPECULATIVE),
            ("second speculative", Priority.SPECULATIVE),
            ("final", Priority.FINAL),
        ]
    }
    assert scheduler.promote(futures["second speculative"], Priority.FINAL)
    assert scheduler.stats().queued == {
        Priority.FINAL: 2,
        Priority.SPECULATIVE: 1,
        Priority.INTERIM: 0,
        Priority.BATCH: 0,
    }
    occupant.released.set()
    wait_for_futures(futures.values(), PATIENCE_SECONDS)
    assert started == ["final", "second speculative", "first speculative"]


def test_a_promoted_call_may_take_the_last_slot(schedulers: Schedulers) -> None:
    scheduler = schedulers.open(slots=2)
    schedulers.occupy(scheduler, priority=Priority.INTERIM)
    interim = submit(scheduler, priority=Priority.INTERIM)
    assert scheduler.promote(interim, Priority.FINAL)
    assert result_of(interim) == "done"


def test_a_promoted_call_is_not_superseded(schedulers: Schedulers) -> None:
    scheduler = schedulers.open()
    occupant = schedulers.occupy(scheduler)
    interim = submit(scheduler, priority=Priority.INTERIM, supersede="utterance")
    scheduler.promote(interim, Priority.FINAL)
    submit(scheduler, priority=Priority.INTERIM, supersede="utterance")
    occupant.released.set()
    assert result_of(interim) == "done"


def test_only_waiting_and_less_urgent_calls_can_be_promoted(schedulers: Schedulers) -> None:
    scheduler = schedulers.open()
    running = schedulers.held()
    started = submit(scheduler, running, priority=Priority.INTERIM)
    assert running.started.wait(PATIENCE_SECONDS)
    waiting = submit(scheduler, priority=Priority.SPECULATIVE)
    assert not scheduler.promote(started, Priority.FINAL)
    assert not scheduler.promote(waiting, Priority.SPECULATIVE)
    assert not scheduler.promote(waiting, Priority.BATCH)
    assert not scheduler.promote(Future(), Priority.FINAL)
    running.released.set()
    result_of(waiting)
    assert not scheduler.promote(waiting, Priority.FINAL)


async def test_work_of_several_calls_rises_with_its_priority(schedulers: Schedulers) -> None:
    records: list[CallRecord] = []
    scheduler = schedulers.open(observer=records.append)
    occupant = schedulers.occupy(scheduler)
    rising = DynamicPriority(Priority.BATCH)

    async def two_calls() -> None:
        for name in ("first", "second"):
            await scheduler.run(
                lambda run: None, engine=name, owner="room", priority=rising, deadline_seconds=60.0
            )

    calls = asyncio.create_task(two_calls())
    while not scheduler.stats().queued[Priority.BATCH]:
        await asyncio.sleep(0)
    rising.raise_to(Priority.FINAL)
    rising.raise_to(Priority.SPECULATIVE)
    assert rising.current is Priority.FINAL
    assert scheduler.stats().queued[Priority.FINAL] == 1
    occupant.released.set()
    await calls
    assert [(r.engine, r.priority) for r in records[1:]] == [
        ("first", Priority.FINAL),
        ("second", Priority.FINAL),
    ]


def test_a_call_rises_with_work_that_rose_before_it_was_queued(schedulers: Schedulers) -> None:
    scheduler = schedulers.open()
    schedulers.occupy(scheduler)
    rising = DynamicPriority(Priority.INTERIM)
    waiting = submit(scheduler, priority=rising.current)
    rising.raise_to(Priority.FINAL)
    rising.follow(scheduler, waiting)
    assert scheduler.stats().queued[Priority.FINAL] == 1


# Making way


def test_newer_work_takes_the_place_of_older_work_of_its_utterance(schedulers: Schedulers) -> None:
    scheduler = schedulers.open()
    occupant = schedulers.occupy(scheduler, supersede="utterance")
    older = submit(scheduler, priority=Priority.INTERIM, supersede="utterance")
    other = submit(scheduler, priority=Priority.INTERIM, supersede="another utterance")
    newer = submit(scheduler, priority=Priority.INTERIM, supersede="utterance")
    assert isinstance(error_of(older), Superseded)
    assert not occupant.told_to_stop.is_set()
    occupant.released.set()
    assert [result_of(other), result_of(newer)] == ["done", "done"]


def test_a_full_queue_makes_room_for_more_urgent_work_only(schedulers: Schedulers) -> None:
    scheduler = schedulers.open(queue_limit=2)
    occupant = schedulers.occupy(scheduler)
    interim = submit(scheduler, priority=Priority.INTERIM)
    batch = submit(scheduler, priority=Priority.BATCH)
    first = submit(scheduler)
    assert isinstance(error_of(batch), QueueFull)
    second = submit(scheduler)
    assert isinstance(error_of(interim), QueueFull)
    for priority in Priority:
        with pytest.raises(QueueFull, match="2 model calls are waiting already"):
            submit(scheduler, priority=priority)
    occupant.released.set()
    assert [result_of(first), result_of(second)] == ["done", "done"]


def test_superseding_makes_room_in_a_full_queue(schedulers: Schedulers) -> None:
    scheduler = schedulers.open(queue_limit=1)
    occupant = schedulers.occupy(scheduler)
    older = submit(scheduler, priority=Priority.INTERIM, supersede="utterance")
    newer = submit(scheduler, priority=Priority.INTERIM, supersede="utterance")
    assert isinstance(error_of(older), Superseded)
    occupant.released.set()
    assert result_of(newer) == "done"


# Cancelling


def test_cancelled_work_that_waits_never_starts(schedulers: Schedulers) -> None:
    scheduler = schedulers.open(queue_limit=1)
    occupant = schedulers.occupy(scheduler)
    started = threading.Event()
    waiting = submit(scheduler, lambda run: started.set())
    assert waiting.cancel()
    replacement = submit(scheduler)
    occupant.released.set()
    assert result_of(replacement) == "done"
    assert not started.is_set()


def test_a_cancelled_call_is_told_and_keeps_its_slot_until_its_thread_is_free(
    schedulers: Schedulers,
) -> None:
    scheduler = schedulers.open()
    running = schedulers.held()
    future = submit(scheduler, running)
    assert running.started.wait(PATIENCE_SECONDS)
    assert running.run is not None
    assert not running.run.cancelled
    assert future.cancel()
    assert running.told_to_stop.is_set()
    assert running.run.cancelled
    later = submit(scheduler)
    stats = scheduler.stats()
    assert (stats.running, stats.queued[Priority.FINAL]) == (1, 1)
    running.released.set()
    assert result_of(later) == "done"


async def test_cancelling_the_awaiting_task_stops_the_call(schedulers: Schedulers) -> None:
    scheduler = schedulers.open()
    running = schedulers.held()
    task = asyncio.create_task(run_plainly(scheduler, running))
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


def test_a_job_that_leaves_when_cancelled_frees_its_slot(schedulers: Schedulers) -> None:
    records: list[CallRecord] = []
    scheduler = schedulers.open(observer=records.append)
    started, stop = threading.Event(), threading.Event()

    def polite(run: Run) -> None:
        run.on_cancel(stop.set)
        started.set()
        assert stop.wait(PATIENCE_SECONDS)
        run.check()
        raise AssertionError("check did not leave the job")

    future = submit(scheduler, polite)
    assert started.wait(PATIENCE_SECONDS)
    future.cancel()
    assert result_of(submit(scheduler)) == "done"
    assert [r.outcome for r in records] == ["cancelled", "done"]


# Running late


def test_a_call_past_its_deadline_is_told_to_stop_and_its_caller_gets_the_error(
    schedulers: Schedulers,
) -> None:
    scheduler = schedulers.open()
    stop = threading.Event()

    def slow(run: Run) -> str:
        run.on_cancel(stop.set)
        assert stop.wait(PATIENCE_SECONDS)
        return "too late"

    error = error_of(submit(scheduler, slow, engine="asr", deadline_seconds=AT_ONCE))
    assert isinstance(error, InferenceTimeout)
    assert str(error) == "asr took longer than 0.001 s of engine time"
    assert result_of(submit(scheduler)) == "done"
    assert scheduler.stats().written_off == 0


def test_the_deadline_does_not_count_the_wait_in_the_queue(schedulers: Schedulers) -> None:
    clock = Clock()
    scheduler = schedulers.open()
    occupant = schedulers.occupy(scheduler, deadline_seconds=1000.0)
    waiting = submit(scheduler, deadline_seconds=5.0)
    clock.seconds = 100.0
    occupant.released.set()
    assert result_of(waiting) == "done"


def test_a_call_that_waited_too_long_never_starts(schedulers: Schedulers) -> None:
    scheduler = schedulers.open()
    occupant = schedulers.occupy(scheduler)
    started = threading.Event()
    waiting = submit(scheduler, lambda run: started.set(), queue_seconds=AT_ONCE)
    error = error_of(waiting)
    assert isinstance(error, InferenceTimeout)
    assert str(error) == "waited too long to start"
    occupant.released.set()
    assert result_of(submit(scheduler)) == "done"
    assert not started.is_set()


class Clock:
    """The scheduler's time, set by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_process_that_was_suspended_gives_late_calls_their_grace(schedulers: Schedulers) -> None:
    clock = Clock()
    scheduler = schedulers.open(grace_seconds=2.0, clock=clock)
    running = schedulers.held()
    future = submit(scheduler, running, deadline_seconds=5.0)
    assert running.started.wait(PATIENCE_SECONDS)
    clock.seconds = 100.0
    witness = submit(scheduler, queue_seconds=1.0)
    assert running.told_to_stop.wait(PATIENCE_SECONDS)
    clock.seconds = 101.5
    last = submit(scheduler)
    # The scheduler has looked at all calls when it lets this one expire.
    assert isinstance(error_of(witness), InferenceTimeout)
    assert scheduler.stats().written_off == 0
    running.released.set()
    assert isinstance(error_of(future), InferenceTimeout)
    assert result_of(last) == "done"


# Never coming back


def wedge(schedulers: Schedulers, scheduler: InferenceScheduler, **options: Any) -> Held:
    """Block one thread for good, until the test ends."""
    job = schedulers.held()
    error = error_of(submit(scheduler, job, deadline_seconds=AT_ONCE, **options))
    assert isinstance(error, InferenceTimeout)
    return job


def test_a_thread_that_does_not_come_back_is_replaced_up_to_the_budget(
    schedulers: Schedulers,
) -> None:
    replaced: Queue[str] = Queue()
    scheduler = schedulers.open(grace_seconds=AT_ONCE, wedge_budget=2, on_wedged=replaced.put)
    for lost in (1, 2):
        wedge(schedulers, scheduler, engine=f"engine {lost}")
        assert replaced.get(timeout=PATIENCE_SECONDS) == f"engine {lost}"
        assert result_of(submit(scheduler)) == "done"
        stats = scheduler.stats()
        assert (stats.written_off, stats.exhausted) == (lost, False)
    wedge(schedulers, scheduler, engine="engine 3")
    stats = scheduler.stats()
    assert (stats.written_off, stats.exhausted) == (3, True)
    with pytest.raises(QueueFull, match="too many wedged threads: this worker must be restarted"):
        submit(scheduler)
    assert replaced.get(timeout=PATIENCE_SECONDS) == "engine 3"


def test_work_that_no_thread_is_left_for_ends_with_an_error(schedulers: Schedulers) -> None:
    clock = Clock()
    scheduler = schedulers.open(grace_seconds=2.0, wedge_budget=0, clock=clock)
    wedged = schedulers.occupy(scheduler, deadline_seconds=5.0)
    clock.seconds = 6.0
    waiting = [submit(scheduler)]
    assert wedged.told_to_stop.wait(PATIENCE_SECONDS)
    clock.seconds = 9.0
    waiting.append(submit(scheduler))
    assert all(isinstance(error_of(future), QueueFull) for future in waiting)


def test_an_exhausted_scheduler_goes_on_with_the_threads_it_has(schedulers: Schedulers) -> None:
    scheduler = schedulers.open(slots=2, grace_seconds=AT_ONCE, wedge_budget=0)
    wedge(schedulers, scheduler)
    assert scheduler.stats().exhausted
    for priority in Priority:
        assert result_of(submit(scheduler, priority=priority)) == "done"


def test_a_lost_thread_that_comes_back_takes_no_slot_and_ends(schedulers: Schedulers) -> None:
    scheduler = schedulers.open(grace_seconds=AT_ONCE)
    lost = wedge(schedulers, scheduler)
    schedulers.occupy(scheduler)
    waiting = submit(scheduler)
    lost.released.set()
    assert lost.thread is not None
    lost.thread.join(PATIENCE_SECONDS)
    assert not lost.thread.is_alive()
    assert not waiting.done()
    assert scheduler.stats().outcomes == {("engine", Priority.FINAL, "wedged"): 1}


def test_replacing_an_engine_may_fail(schedulers: Schedulers) -> None:
    asked = threading.Event()

    def broken(engine: str) -> NoReturn:
        asked.set()
        raise OSError("no file")

    scheduler = schedulers.open(grace_seconds=AT_ONCE, on_wedged=broken)
    wedge(schedulers, scheduler)
    assert asked.wait(PATIENCE_SECONDS)
    late = submit(scheduler, schedulers.held(), deadline_seconds=AT_ONCE)
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
    schedulers: Schedulers, raised: BaseException
) -> None:
    scheduler = schedulers.open()

    def failing(run: Run) -> NoReturn:
        raise raised

    outcome: BaseException | None = None
    try:
        await asyncio.wait_for(run_plainly(scheduler, failing), PATIENCE_SECONDS)
    except (Exception, asyncio.CancelledError) as error:
        outcome = error
    if isinstance(raised, (ValueError, MemoryError, StopAsyncIteration)):
        assert outcome is raised
    elif not isinstance(raised, RunCancelled):
        assert isinstance(outcome, InferenceError)
        assert outcome.__cause__ is raised
        assert str(outcome).startswith("engine ended with ")
    assert await run_plainly(scheduler, lambda run: "next") == "next"
    assert scheduler.stats().queued[Priority.FINAL] == 0


def test_an_observer_that_fails_disturbs_nobody(schedulers: Schedulers) -> None:
    def broken(record: CallRecord) -> NoReturn:
        raise RuntimeError("no metrics today")

    scheduler = schedulers.open(observer=broken)
    assert result_of(submit(scheduler)) == "done"
    assert result_of(submit(scheduler)) == "done"


# From everywhere


def test_any_number_of_event_loops_may_use_one_scheduler(schedulers: Schedulers) -> None:
    scheduler = schedulers.open(slots=2)
    results: dict[int, list[int]] = {}
    barrier = threading.Barrier(4)

    def giving(value: int) -> Callable[[Run], int]:
        return lambda run: value

    def room(number: int) -> None:
        async def talk() -> list[int]:
            barrier.wait(PATIENCE_SECONDS)
            values = (run_plainly(scheduler, giving(100 * number + i)) for i in range(10))
            return list(await asyncio.gather(*values))

        results[number] = asyncio.run(talk())

    threads = [threading.Thread(target=room, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert results == {number: [100 * number + i for i in range(10)] for number in range(4)}
    assert scheduler.stats().outcomes == {("engine", Priority.FINAL, "done"): 40}


def test_a_loop_that_closed_meanwhile_does_not_cost_a_slot(schedulers: Schedulers) -> None:
    scheduler = schedulers.open()
    running = schedulers.held()

    async def give_up() -> None:
        future = asyncio.wrap_future(submit(scheduler, running))
        assert await asyncio.to_thread(running.started.wait, PATIENCE_SECONDS)
        assert not future.done()

    asyncio.run(give_up())
    running.released.set()
    assert result_of(submit(scheduler)) == "done"


# Ending


def test_close_ends_all_work_and_all_threads(schedulers: Schedulers) -> None:
    before = set(threading.enumerate())
    scheduler = schedulers.open(slots=2)
    running = schedulers.held()
    futures = [submit(scheduler, running), submit(scheduler, schedulers.held())]
    assert running.started.wait(PATIENCE_SECONDS)
    futures += [submit(scheduler, priority=priority) for priority in Priority]
    assert scheduler.close(timeout_seconds=0.0) is False
    for future in futures:
        error = error_of(future)
        assert isinstance(error, QueueFull)
        assert str(error) == "the inference scheduler is closed"
    schedulers.end()
    assert scheduler.close() is True
    assert set(threading.enumerate()) <= before
    with pytest.raises(QueueFull, match="closed"):
        submit(scheduler)


# Observing


def test_every_call_is_recorded_with_what_became_of_it(schedulers: Schedulers) -> None:
    records: list[CallRecord] = []
    scheduler = schedulers.open(observer=records.append, queue_limit=2)

    def failing(run: Run) -> NoReturn:
        raise ValueError

    result_of(submit(scheduler, engine="asr"))
    error_of(submit(scheduler, failing, engine="tts"))
    occupant = schedulers.held()
    cancelled = submit(scheduler, occupant, owner="ending")
    assert occupant.started.wait(PATIENCE_SECONDS)
    error_of(submit(scheduler, queue_seconds=AT_ONCE))
    submit(scheduler, priority=Priority.INTERIM, supersede="utterance")
    submit(scheduler, priority=Priority.INTERIM, supersede="utterance")
    submit(scheduler, priority=Priority.BATCH)
    submit(scheduler).cancel()
    cancelled.cancel()
    occupant.released.set()
    stop = threading.Event()

    def slow(run: Run) -> None:
        run.on_cancel(stop.set)
        assert stop.wait(PATIENCE_SECONDS)

    error_of(submit(scheduler, slow, deadline_seconds=AT_ONCE, priority=Priority.SPECULATIVE))
    assert scheduler.close(timeout_seconds=PATIENCE_SECONDS)
    with pytest.raises(QueueFull):
        submit(scheduler)
    seen = [(r.engine, r.priority.name, r.outcome) for r in records]
    assert seen[:2] == [("asr", "FINAL", "done"), ("tts", "FINAL", "failed")]
    assert ("engine", "FINAL", "expired") in seen
    assert ("engine", "INTERIM", "superseded") in seen
    assert ("engine", "BATCH", "evicted") in seen
    assert ("engine", "FINAL", "refused") in seen
    assert seen.count(("engine", "FINAL", "cancelled")) == 2
    assert ("engine", "SPECULATIVE", "timeout") in seen
    assert all(r.wait_seconds >= 0.0 and r.run_seconds >= 0.0 for r in records)
    outcomes = scheduler.stats().outcomes
    assert sum(outcomes.values()) == len(records)
    assert outcomes["tts", Priority.FINAL, "failed"] == 1


def test_stats_show_what_runs_and_waits(schedulers: Schedulers) -> None:
    scheduler = schedulers.open()
    schedulers.occupy(scheduler)
    submit(scheduler, priority=Priority.INTERIM)
    stats = scheduler.stats()
    assert (stats.slots, stats.running, stats.queued[Priority.INTERIM]) == (1, 1, 1)
    assert (stats.written_off, stats.exhausted) == (0, False)


async def test_nothing_of_a_finished_call_is_kept_alive() -> None:
    scheduler = InferenceScheduler(slots=1)

    class Big:
        pass

    big = Big()
    gone = weakref.ref(big)

    def job(run: Run, held: Big = big) -> int:
        return 1

    try:
        assert (
            await scheduler.run(
                job, engine="e", owner="r", priority=Priority.FINAL, deadline_seconds=5
            )
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
        scheduler.close()


def test_a_guard_is_asked_before_each_call(schedulers: Schedulers) -> None:
    asked: list[str] = []

    def guard(engine: str) -> bool:
        asked.append(engine)
        return engine != "asr"

    scheduler = schedulers.open(guard=guard)
    with pytest.raises(EngineUnavailable, match="asr keeps failing"):
        submit(scheduler, engine="asr")
    assert submit(scheduler, engine="tts").result(PATIENCE_SECONDS) == "done"
    assert submit(scheduler, engine="asr", guarded=False).result(PATIENCE_SECONDS) == "done"
    assert asked == ["asr", "tts"]
    assert scheduler.stats().outcomes["asr", Priority.FINAL, "unavailable"] == 1

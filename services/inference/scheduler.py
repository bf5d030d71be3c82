"""Runs model calls in bounded threads, fairly, and ends them when they are late or not wanted."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from typing import Any, TypeVar

from .. import defaults
from .call import (
    Call,
    EngineUnavailable,
    InferenceError,
    InferenceTimeout,
    Outcome,
    Priority,
    QueueFull,
    Run,
    RunCancelled,
    Superseded,
    Withdrawn,
    presentable,
    timeout_of,
)
from .priority import DynamicPriority
from .queue import FairQueue

logger = logging.getLogger("services.inference")

T = TypeVar("T")

_LONGEST_WATCH_SECONDS = 3600.0
_NO_THREADS = "too many wedged threads: this worker must be restarted"


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One finished call, for metrics."""

    engine: str
    priority: Priority
    outcome: Outcome
    wait_seconds: float
    run_seconds: float
    work: str = ""
    """What the call was a part of, such as one utterance; empty: nothing else."""


@dataclass(frozen=True, slots=True)
class SchedulerStats:
    """A snapshot of the scheduler."""

    slots: int
    running: int
    queued: dict[Priority, int]
    written_off: int
    """Threads that did not come back from a model call and were replaced."""
    exhausted: bool
    """No more threads may be written off: the process should be replaced."""
    outcomes: dict[tuple[str, Priority, Outcome], int]


@dataclass(slots=True)
class _Overdue:
    """What the watchdog found at one look."""

    expired: list[Call[Any]] = field(default_factory=list)
    late: list[Call[Any]] = field(default_factory=list)
    wedged: list[Call[Any]] = field(default_factory=list)
    stranded: list[Call[Any]] = field(default_factory=list)
    wait_seconds: float = 0.0

    @property
    def nothing(self) -> bool:
        """Whether all is in order."""
        return not (self.expired or self.late or self.wedged or self.stranded)


class InferenceScheduler:
    """Runs model calls in `slots` threads.

    Urgent classes go first; within a class rooms take turns; interim and batch work never
    takes the last free slot when there is more than one. A call past its deadline is told to
    stop; one that still holds its thread `grace_seconds` later is written off: its caller gets
    the error, its engine's name goes to `on_wedged`, and a new thread takes the slot, for the
    first `wedge_budget` threads that are lost. After that the scheduler is exhausted and goes on
    with the threads that are left, so that rooms can end in peace.

    Every method may be called from any thread or event loop.
    """

    def __init__(
        self,
        *,
        slots: int,
        queue_limit: int = defaults.INFERENCE_QUEUE_LIMIT,
        grace_seconds: float = 2.0,
        wedge_budget: int = defaults.WEDGED_THREAD_LIMIT,
        on_wedged: Callable[[str], None] | None = None,
        observer: Callable[[CallRecord], None] | None = None,
        guard: Callable[[str], bool] | None = None,
    ) -> None:
        """Start the threads.

        `guard` is asked before each call of an engine whether it may be called; `observer` is
        told of each call's end, also of those that the guard refused. Both are called from any
        thread and must be quick; they may be set later.
        """
        if slots < 1:
            raise ValueError(f"slots must be at least 1, not {slots}")
        self._slots = slots
        self._queue_limit = queue_limit
        self._grace_seconds = grace_seconds
        self._wedge_budget = wedge_budget
        self.on_wedged = on_wedged
        self.observer = observer
        self.guard = guard
        lock = threading.RLock()
        self._condition = threading.Condition(lock)
        self._watch_condition = threading.Condition(lock)
        self._queue = FairQueue()
        self._running: set[Call[Any]] = set()
        self._outcomes: Counter[tuple[str, Priority, Outcome]] = Counter()
        self._written_off = 0
        self._exhausted = False
        self._closed = False
        self._threads: set[threading.Thread] = set()
        for _ in range(slots):
            self._start_thread()
        self._watchdog = threading.Thread(
            target=self._watch, name="inference-watchdog", daemon=True
        )
        self._watchdog.start()

    @property
    def slots(self) -> int:
        """How many calls run at once."""
        return self._slots

    async def run(
        self,
        job: Callable[[Run], T],
        *,
        engine: str,
        owner: str,
        priority: Priority | DynamicPriority,
        deadline_seconds: float,
        queue_seconds: float | None = None,
        supersede: str | None = None,
        work: str = "",
        guarded: bool = True,
    ) -> T:
        """Run `job` in a scheduler thread and give its result; awaitable from any event loop.

        `deadline_seconds` counts from the job's start, `queue_seconds` bounds the wait before
        it. Queued work with the same `supersede` key makes way. An `DynamicPriority` in place of a
        priority lets the job rise in the queue. Cancelling the awaiting task removes the job
        from the queue, or stops it. Calls of one `work`, such as an utterance, fail as one where
        engines are judged. Only the trial of a fresh engine is not `guarded`.

        Raises QueueFull, EngineUnavailable, Superseded, Withdrawn, InferenceTimeout, or the
        Exception that the job raises; anything else it raises, such as SystemExit, comes as an
        InferenceError.
        """
        urgency = priority if isinstance(priority, DynamicPriority) else None
        future = self.submit(
            job,
            engine=engine,
            owner=owner,
            priority=priority.priority if isinstance(priority, DynamicPriority) else priority,
            deadline_seconds=deadline_seconds,
            queue_seconds=queue_seconds,
            supersede=supersede,
            work=work,
            guarded=guarded,
        )
        if urgency is not None:
            urgency.follow(self, future)
        return await asyncio.wrap_future(future)

    def submit(
        self,
        job: Callable[[Run], T],
        *,
        engine: str,
        owner: str,
        priority: Priority,
        deadline_seconds: float,
        queue_seconds: float | None = None,
        supersede: str | None = None,
        work: str = "",
        guarded: bool = True,
    ) -> Future[T]:
        """Like `run`, but returns a future; cancelling the future cancels the work."""
        item = Call(
            job=job,
            engine=engine,
            owner=owner,
            priority=priority,
            deadline_seconds=deadline_seconds,
            queue_seconds=queue_seconds,
            supersede=supersede,
            queued_at=time.monotonic(),
            work=work,
        )
        if guarded and self.guard is not None and not self.guard(engine):
            self._record(item, "unavailable")
            raise EngineUnavailable(f"{engine} keeps failing and is left alone for a while")
        try:
            replaced, evicted = self._admit(item)
        except QueueFull:
            self._record(item, "refused")
            raise
        for old in replaced:
            self._finish(old, "superseded", error=Superseded("newer work took its place"))
        if evicted is not None:
            self._finish(evicted, "evicted", error=QueueFull("more urgent work took its place"))
        item.future.add_done_callback(lambda f: self._cancel(item) if f.cancelled() else None)
        return item.future

    def _admit(self, item: Call[Any]) -> tuple[list[Call[Any]], Call[Any] | None]:
        """Queue a call; returns those whose place it takes. Raises QueueFull."""
        replaced: list[Call[Any]] = []
        evicted: Call[Any] | None = None
        with self._condition:
            if self._closed:
                raise QueueFull("the inference scheduler is closed")
            if not self._live_slots:
                raise QueueFull(_NO_THREADS)
            if item.supersede is not None:
                replaced = [i for i in self._queue if i.supersede == item.supersede]
            if len(self._queue) - len(replaced) >= self._queue_limit:
                evicted = self._queue.least_urgent()
                if evicted is None or evicted.priority <= item.priority:
                    raise QueueFull(f"{len(self._queue)} model calls are waiting already")
                self._queue.remove(evicted)
            for old in replaced:
                self._queue.remove(old)
            self._append(item)
            self._watch_condition.notify()
        return replaced, evicted

    def promote(self, future: Future[Any], priority: Priority) -> bool:
        """Move a call that still waits into a more urgent class, where nothing supersedes it.

        `future` is what `submit` returned. False when the call does not wait, or is as urgent
        already.
        """
        with self._condition:
            item = next((i for i in self._queue if i.future is future), None)
            if item is None or item.priority <= priority:
                return False
            self._queue.remove(item)
            item.priority = priority
            item.supersede = None
            self._append(item)
            return True

    def cancel_room(self, room: str) -> int:
        """End everything that was queued or runs for `room`; returns how many there were.

        Their callers get Withdrawn.
        """
        with self._condition:
            items = [i for i in (*self._queue, *self._running) if i.owner == room]
        return sum(
            self._withdraw(item, Withdrawn("the room's work was cancelled")) for item in items
        )

    def stats(self) -> SchedulerStats:
        """A consistent snapshot."""
        with self._condition:
            return SchedulerStats(
                slots=self._slots,
                running=len(self._running),
                queued=self._queue.lengths(),
                written_off=self._written_off,
                exhausted=self._exhausted,
                outcomes=dict(self._outcomes),
            )

    def close(self, *, timeout_seconds: float = 5.0) -> bool:
        """End all work and the threads; False when a thread did not end in time.

        Callers that still wait get QueueFull.
        """
        with self._condition:
            self._closed = True
            items = [*self._queue, *self._running]
            threads = [*self._threads, self._watchdog]
            self._condition.notify_all()
            self._watch_condition.notify_all()
        for item in items:
            self._withdraw(item, QueueFull("the inference scheduler is closed"))
        end = time.monotonic() + timeout_seconds
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._work, name="inference", daemon=True)
        self._threads.add(thread)
        thread.start()

    @property
    def _live_slots(self) -> int:
        """Slots that have a thread."""
        return self._slots - max(0, self._written_off - self._wedge_budget)

    def _append(self, item: Call[Any]) -> None:
        self._queue.append(item)
        self._condition.notify()

    def _work(self) -> None:
        me = threading.current_thread()
        while True:
            with self._condition:
                while (
                    item := self._queue.take(self._running, self._live_slots)
                ) is None and not self._closed:
                    self._condition.wait()
                if item is None:
                    self._threads.discard(me)
                    return
                item.started_at = time.monotonic()
                self._running.add(item)
                self._watch_condition.notify()
            self._execute(item)
            with self._condition:
                self._running.discard(item)
                if item.abandoned:
                    # Another thread holds this slot by now.
                    self._threads.discard(me)
                    return
                if self._queue:
                    self._condition.notify()

    def _execute(self, item: Call[Any]) -> None:
        if item.future.done():
            self._record(item, "cancelled")
            return
        try:
            result = item.job(item.run)
        except BaseException as error:
            if item.timed_out:
                self._finish(item, "timeout", error=timeout_of(item))
            elif isinstance(error, RunCancelled):
                self._finish(item, "cancelled")
            else:
                self._finish(item, "failed", error=presentable(item, error))
            # The traceback holds this frame, and with it the item: break the cycle here.
            del error
        else:
            if item.timed_out:
                self._finish(item, "timeout", error=timeout_of(item))
            elif item.run.cancelled:
                self._finish(item, "cancelled")
            else:
                self._finish(item, "done", result=result)

    def _cancel(self, item: Call[Any]) -> None:
        with self._condition:
            was_queued = self._queue.remove(item)
        item.run.cancel()
        if was_queued:
            self._record(item, "cancelled")

    def _withdraw(self, item: Call[Any], error: InferenceError) -> bool:
        """End an item for somebody who is not its caller; False when it had ended already."""
        with self._condition:
            was_queued = self._queue.remove(item)
        try:
            item.future.set_exception(error)
        except InvalidStateError:
            return False
        item.run.cancel()
        if was_queued:
            self._record(item, "cancelled")
        return True

    def _finish(
        self,
        item: Call[Any],
        outcome: Outcome,
        *,
        result: Any = None,
        error: BaseException | None = None,
    ) -> None:
        if item.abandoned and outcome != "wedged":
            return
        self._record(item, outcome)
        try:
            if error is not None:
                item.future.set_exception(error)
            elif outcome == "done":
                item.future.set_result(result)
            else:
                item.future.cancel()
        except InvalidStateError:
            pass

    def _record(self, item: Call[Any], outcome: Outcome) -> None:
        now = time.monotonic()
        started = item.started_at
        with self._condition:
            self._outcomes[(item.engine, item.priority, outcome)] += 1
        if self.observer is not None:
            record = CallRecord(
                engine=item.engine,
                priority=item.priority,
                outcome=outcome,
                wait_seconds=(started or now) - item.queued_at,
                run_seconds=0.0 if started is None else now - started,
                work=item.work,
            )
            try:
                self.observer(record)
            except Exception:
                logger.exception("observing a model call failed")

    def _watch(self) -> None:
        """End calls that are past their deadline, write off threads that do not come back."""
        while True:
            with self._condition:
                if self._closed:
                    return
                overdue = self._overdue(time.monotonic())
                if overdue.nothing:
                    # Whatever was looked at must not be kept alive by this thread's wait.
                    wait_seconds = overdue.wait_seconds
                    del overdue
                    self._watch_condition.wait(wait_seconds)
                    continue
            self._end_overdue(overdue)
            del overdue

    def _end_overdue(self, overdue: _Overdue) -> None:
        for item in overdue.expired:
            self._finish(item, "expired", error=InferenceTimeout("waited too long to start"))
        for item in overdue.late:
            item.run.cancel()
        for item in overdue.wedged:
            self._report_wedged(item)
        for item in overdue.stranded:
            self._finish(item, "evicted", error=QueueFull(_NO_THREADS))

    def _overdue(self, now: float) -> _Overdue:
        """Sort out what must end now; the lock is held."""
        found = _Overdue()
        wake = now + _LONGEST_WATCH_SECONDS
        for item in list(self._queue):
            if item.queue_seconds is None:
                continue
            ends = item.queued_at + item.queue_seconds
            if ends <= now:
                self._queue.remove(item)
                found.expired.append(item)
            else:
                wake = min(wake, ends)
        for item in self._running:
            assert item.started_at is not None
            ends = item.started_at + item.deadline_seconds
            if item.abandoned:
                continue
            if ends > now:
                wake = min(wake, ends)
            elif item.told_at is None:
                # Grace counts from here: this process may have been suspended meanwhile.
                item.told_at = now
                if not item.run.cancelled:
                    item.timed_out = True
                    found.late.append(item)
                wake = min(wake, now + self._grace_seconds)
            elif item.told_at + self._grace_seconds > now:
                wake = min(wake, item.told_at + self._grace_seconds)
            else:
                found.wedged.append(item)
        for item in found.wedged:
            self._write_off(item)
        if not self._live_slots:
            found.stranded = list(self._queue)
            for item in found.stranded:
                self._queue.remove(item)
        found.wait_seconds = max(0.0, wake - now)
        return found

    def _write_off(self, item: Call[Any]) -> None:
        item.abandoned = True
        self._running.discard(item)
        self._written_off += 1
        if self._written_off <= self._wedge_budget:
            self._start_thread()
        else:
            self._exhausted = True

    def _report_wedged(self, item: Call[Any]) -> None:
        self._finish(item, "wedged", error=timeout_of(item))
        logger.error(
            "model call does not stop: its thread is written off",
            extra={
                "engine": item.engine,
                "written_off": self._written_off,
                "budget": self._wedge_budget,
            },
        )
        if self.on_wedged is not None:
            try:
                self.on_wedged(item.engine)
            except Exception:
                logger.exception("replacing a wedged engine failed", extra={"engine": item.engine})

"""Admits model calls to the queue, in fair turns, and cancels those that are no longer wanted."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass
from typing import Any, TypeVar

from .. import defaults
from .call import Call, EngineUnavailable, Outcome, Priority, QueueFull, Run, Superseded
from .outcomes import CallRecord, Outcomes
from .priority import DynamicPriority
from .queue import FairQueue
from .workers import NO_THREADS, Workers

T = TypeVar("T")

_CLOSED = "the inference scheduler is closed"


@dataclass(frozen=True, slots=True)
class SchedulerStats:
    """A snapshot of the scheduler."""

    slots: int
    running: int
    queued: dict[Priority, int]
    written_off: int
    """Threads that never returned from a model call and were replaced."""
    exhausted: bool
    """No more threads may be written off: the process should be replaced."""
    outcomes: dict[tuple[str, Priority, Outcome], int]


class InferenceScheduler:
    """Runs model calls in `slots` threads; every method may be called from any thread or loop.

    Urgent classes go first; within a class owners (rooms, mostly) take turns; interim and batch
    calls never take the last free slot when there is more than one. `Workers` describes what
    happens to calls that are late.
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
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start the threads.

        `guard` decides before each call whether its engine may be called; `observer` receives a
        record of every call that ended, including those that the guard refused. Both are called
        from any thread, must be quick, and may be set later.
        """
        if slots < 1:
            raise ValueError(f"slots must be at least 1, not {slots}")
        self.guard = guard
        self._slots = slots
        self._queue_limit = queue_limit
        self._clock = clock
        self._lock = threading.RLock()
        self._queue = FairQueue()
        self._closed = False
        self._outcomes = Outcomes(self._lock, clock, observer)
        self._workers = Workers(
            self._queue,
            self._outcomes,
            self._lock,
            clock,
            slots=slots,
            grace_seconds=grace_seconds,
            wedge_budget=wedge_budget,
            on_wedged=on_wedged,
        )

    @property
    def observer(self) -> Callable[[CallRecord], None] | None:
        """Receives a record of every call that ended."""
        return self._outcomes.observer

    @observer.setter
    def observer(self, observer: Callable[[CallRecord], None] | None) -> None:
        self._outcomes.observer = observer

    async def run(
        self,
        function: Callable[[Run], T],
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
        """Call `function` in an inference thread and return its result.

        Awaitable from any event loop; cancelling the awaiting task removes the call from the
        queue, or stops it.

        Args:
            function: the work; receives the handle by which it notices cancellation.
            engine: name of the model, for the circuit breaker and in records.
            owner: the key by which calls take turns, such as the room's name.
            priority: its class; a `DynamicPriority` may rise while the call waits.
            deadline_seconds: the longest run, counted from the start.
            queue_seconds: the longest wait before it.
            supersede: queued calls with the same key give way to this one.
            work: calls of the same work, such as an utterance, count as one failure.
            guarded: False only for the trial of a fresh engine.

        Raises QueueFull, EngineUnavailable, Superseded, InferenceTimeout, or the Exception that
        `function` raises; anything else it raises, such as SystemExit, becomes an InferenceError.
        """
        dynamic = priority if isinstance(priority, DynamicPriority) else None
        future = self.submit(
            function,
            engine=engine,
            owner=owner,
            priority=priority.current if isinstance(priority, DynamicPriority) else priority,
            deadline_seconds=deadline_seconds,
            queue_seconds=queue_seconds,
            supersede=supersede,
            work=work,
            guarded=guarded,
        )
        if dynamic is not None:
            dynamic.follow(self, future)
        return await asyncio.wrap_future(future)

    def submit(
        self,
        function: Callable[[Run], T],
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
        """Like `run`, but return a future; cancelling the future cancels the call."""
        call = Call(
            function=function,
            engine=engine,
            owner=owner,
            priority=priority,
            deadline_seconds=deadline_seconds,
            queue_seconds=queue_seconds,
            supersede=supersede,
            queued_at=self._clock(),
            work=work,
        )
        if guarded and self.guard is not None and not self.guard(engine):
            self._outcomes.record(call, "unavailable")
            raise EngineUnavailable(f"{engine} keeps failing and is left alone for a while")
        try:
            replaced, evicted = self._admit(call)
        except QueueFull:
            self._outcomes.record(call, "refused")
            raise
        finish = self._outcomes.finish
        for old in replaced:
            finish(old, "superseded", error=Superseded("newer work took its place"))
        if evicted is not None:
            finish(evicted, "evicted", error=QueueFull("more urgent work took its place"))
        call.future.add_done_callback(lambda f: self._cancel(call) if f.cancelled() else None)
        return call.future

    def promote(self, future: Future[Any], priority: Priority) -> bool:
        """Move a waiting call to a more urgent class, in which nothing supersedes it.

        `future` is the one returned by `submit`. Returns False if the call does not wait, or is
        at least as urgent already.
        """
        with self._lock:
            call = next((one for one in self._queue if one.future is future), None)
            if call is None or call.priority <= priority:
                return False
            self._queue.remove(call)
            call.priority = priority
            call.supersede = None
            self._append(call)
            return True

    def stats(self) -> SchedulerStats:
        """Return a consistent snapshot."""
        with self._lock:
            return SchedulerStats(
                slots=self._slots,
                running=len(self._workers.running),
                queued=self._queue.lengths(),
                written_off=self._workers.written_off,
                exhausted=self._workers.exhausted,
                outcomes=self._outcomes.counts,
            )

    def close(self, *, timeout_seconds: float = 5.0) -> bool:
        """End all calls and threads; return False if a thread did not end in time.

        Callers that still wait get QueueFull.
        """
        with self._lock:
            self._closed = True
            calls = [*self._queue, *self._workers.running]
            threads = self._workers.stop()
        for call in calls:
            self._withdraw(call)
        end = time.monotonic() + timeout_seconds
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def _admit(self, call: Call[Any]) -> tuple[list[Call[Any]], Call[Any] | None]:
        """Queue a call; return the superseded calls and the evicted one. Raises QueueFull."""
        replaced: list[Call[Any]] = []
        evicted: Call[Any] | None = None
        with self._lock:
            if self._closed:
                raise QueueFull(_CLOSED)
            if not self._workers.live_slots:
                raise QueueFull(NO_THREADS)
            if call.supersede is not None:
                replaced = [old for old in self._queue if old.supersede == call.supersede]
            if len(self._queue) - len(replaced) >= self._queue_limit:
                evicted = self._queue.least_urgent()
                if evicted is None or evicted.priority <= call.priority:
                    raise QueueFull(f"{len(self._queue)} model calls are waiting already")
                self._queue.remove(evicted)
            for old in replaced:
                self._queue.remove(old)
            self._append(call)
        return replaced, evicted

    def _append(self, call: Call[Any]) -> None:
        self._queue.append(call)
        self._workers.wake()

    def _cancel(self, call: Call[Any]) -> None:
        with self._lock:
            was_queued = self._queue.remove(call)
        call.run.cancel()
        if was_queued:
            self._outcomes.record(call, "cancelled")

    def _withdraw(self, call: Call[Any]) -> None:
        """End a call because the scheduler closes."""
        with self._lock:
            was_queued = self._queue.remove(call)
        try:
            call.future.set_exception(QueueFull(_CLOSED))
        except InvalidStateError:
            return
        call.run.cancel()
        if was_queued:
            self._outcomes.record(call, "cancelled")

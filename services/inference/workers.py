"""The threads that run model calls, and the watchdog that ends late calls and replaces threads."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .call import (
    Call,
    InferenceTimeout,
    QueueFull,
    RunCancelled,
    presentable,
    timeout_of,
)
from .outcomes import Outcomes
from .queue import FairQueue

logger = logging.getLogger("services.inference")

NO_THREADS = "too many wedged threads: this worker must be restarted"
_LONGEST_WATCH_SECONDS = 3600.0


@dataclass(slots=True)
class _Overdue:
    """Calls that the watchdog has to end, and how long it may sleep if there are none."""

    expired: list[Call[Any]] = field(default_factory=list)
    late: list[Call[Any]] = field(default_factory=list)
    wedged: list[Call[Any]] = field(default_factory=list)
    stranded: list[Call[Any]] = field(default_factory=list)
    wait_seconds: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.expired or self.late or self.wedged or self.stranded)


class Workers:
    """Runs the calls of `queue` in `slots` threads.

    A call past its deadline is asked to stop. One that still holds its thread `grace_seconds`
    later is written off: its caller gets the error, its engine's name goes to `on_wedged`, and a
    new thread takes the slot, for the first `wedge_budget` threads lost. After that the remaining
    threads carry on, so that rooms can end in peace.

    All state, the queue included, is guarded by `lock`.
    """

    def __init__(
        self,
        queue: FairQueue,
        outcomes: Outcomes,
        lock: threading.RLock,
        clock: Callable[[], float],
        *,
        slots: int,
        grace_seconds: float,
        wedge_budget: int,
        on_wedged: Callable[[str], None] | None,
    ) -> None:
        """Start the threads."""
        self.running: set[Call[Any]] = set()
        self.written_off = 0
        self._queue = queue
        self._outcomes = outcomes
        self._clock = clock
        self._slots = slots
        self._grace_seconds = grace_seconds
        self._wedge_budget = wedge_budget
        self._on_wedged = on_wedged
        self._closed = False
        self._work = threading.Condition(lock)
        self._watch = threading.Condition(lock)
        self._threads: set[threading.Thread] = set()
        for _ in range(slots):
            self._start_thread()
        self._watchdog = threading.Thread(
            target=self._end_late_calls, name="inference-watchdog", daemon=True
        )
        self._watchdog.start()

    @property
    def live_slots(self) -> int:
        """Slots that still have a thread."""
        return self._slots - max(0, self.written_off - self._wedge_budget)

    @property
    def exhausted(self) -> bool:
        """Whether more threads were lost than may be replaced."""
        return self.written_off > self._wedge_budget

    def wake(self) -> None:
        """Have a thread and the watchdog look at a call that was queued; the lock is held."""
        self._work.notify()
        self._watch.notify()

    def stop(self) -> list[threading.Thread]:
        """Let every thread end once it is idle, and return them; the lock is held."""
        self._closed = True
        self._work.notify_all()
        self._watch.notify_all()
        return [*self._threads, self._watchdog]

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._run_calls, name="inference", daemon=True)
        self._threads.add(thread)
        thread.start()

    def _run_calls(self) -> None:
        me = threading.current_thread()
        while True:
            with self._work:
                while (
                    call := self._queue.take(self.running, self.live_slots)
                ) is None and not self._closed:
                    self._work.wait()
                if call is None:
                    self._threads.discard(me)
                    return
                call.started_at = self._clock()
                self.running.add(call)
                self._watch.notify()
            self._execute(call)
            with self._work:
                self.running.discard(call)
                if call.abandoned:
                    # Another thread has taken this slot.
                    self._threads.discard(me)
                    return
                if self._queue:
                    self._work.notify()

    def _execute(self, call: Call[Any]) -> None:
        finish = self._outcomes.finish
        if call.future.done():
            self._outcomes.record(call, "cancelled")
            return
        try:
            result = call.function(call.run)
        except BaseException as error:
            if call.timed_out:
                finish(call, "timeout", error=timeout_of(call))
            elif isinstance(error, RunCancelled):
                finish(call, "cancelled")
            else:
                finish(call, "failed", error=presentable(call, error))
            # The traceback holds this frame, and with it the call: break the cycle.
            del error
        else:
            if call.timed_out:
                finish(call, "timeout", error=timeout_of(call))
            elif call.run.cancelled:
                finish(call, "cancelled")
            else:
                finish(call, "done", result=result)

    def _end_late_calls(self) -> None:
        while True:
            with self._watch:
                if self._closed:
                    return
                overdue = self._find_overdue(self._clock())
                if not overdue:
                    # The calls just inspected must not be kept alive during the wait.
                    wait_seconds = overdue.wait_seconds
                    del overdue
                    self._watch.wait(wait_seconds)
                    continue
            self._end(overdue)
            del overdue

    def _find_overdue(self, now: float) -> _Overdue:
        """Collect the calls that must end now, taking them out of queue and slots."""
        found = _Overdue(expired=self._queue.take_expired(now))
        wake = min(now + _LONGEST_WATCH_SECONDS, self._queue.next_expiry())
        for call in self.running:
            assert call.started_at is not None
            ends = call.started_at + call.deadline_seconds
            if ends > now:
                wake = min(wake, ends)
            elif call.stop_requested_at is None:
                # Grace counts from here: the process may have been suspended in between.
                call.stop_requested_at = now
                if not call.run.cancelled:
                    call.timed_out = True
                    found.late.append(call)
                wake = min(wake, now + self._grace_seconds)
            elif call.stop_requested_at + self._grace_seconds > now:
                wake = min(wake, call.stop_requested_at + self._grace_seconds)
            else:
                found.wedged.append(call)
        for call in found.wedged:
            self._write_off(call)
        if not self.live_slots:
            found.stranded = list(self._queue)
            for call in found.stranded:
                self._queue.remove(call)
        found.wait_seconds = max(0.0, wake - now)
        return found

    def _end(self, overdue: _Overdue) -> None:
        finish = self._outcomes.finish
        for call in overdue.expired:
            finish(call, "expired", error=InferenceTimeout("waited too long to start"))
        for call in overdue.late:
            call.run.cancel()
        for call in overdue.wedged:
            finish(call, "wedged", error=timeout_of(call))
            self._report_wedged(call)
        for call in overdue.stranded:
            finish(call, "evicted", error=QueueFull(NO_THREADS))

    def _write_off(self, call: Call[Any]) -> None:
        call.abandoned = True
        self.running.discard(call)
        self.written_off += 1
        if not self.exhausted:
            self._start_thread()

    def _report_wedged(self, call: Call[Any]) -> None:
        logger.error(
            "model call does not stop: its thread is written off",
            extra={
                "engine": call.engine,
                "written_off": self.written_off,
                "budget": self._wedge_budget,
            },
        )
        if self._on_wedged is not None:
            try:
                self._on_wedged(call.engine)
            except Exception:
                logger.exception("replacing a wedged engine failed", extra={"engine": call.engine})

"""The inference desk: the one place where models run, in bounded threads, fairly and stoppably."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, InvalidStateError
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Generic, Literal, TypeVar

logger = logging.getLogger("services.inference")

T = TypeVar("T")

_LONGEST_WATCH_SECONDS = 3600.0
_NO_THREADS = "too many wedged threads: this worker must be restarted"

Outcome = Literal[
    "done", "failed", "timeout", "wedged", "cancelled", "superseded", "evicted", "expired"
]


class Priority(IntEnum):
    """Classes of work, most urgent first."""

    FINAL = 0
    """Somebody waits for it now: a final transcript, the first sound of a reply."""
    SPECULATIVE = 1
    """Will probably be needed: a decode at a pause, the next sentence of a reply."""
    INTERIM = 2
    """Nice to have: a transcript of an utterance that is still going on."""
    BATCH = 3
    """Nobody waits in a conversation: files handed in for transcription."""


class InferenceError(Exception):
    """A model call did not give a result."""


class InferenceTimeout(InferenceError):
    """The call ran longer than its deadline, or waited longer than it may, and was ended."""


class DeskFull(InferenceError):
    """The queue is full of more urgent work, or the desk has closed: the work was not done."""


class Superseded(InferenceError):
    """Newer work of the same utterance took this one's place before it began."""


class Withdrawn(InferenceError):
    """Somebody else than the caller cancelled the work: its room has ended."""


class RunCancelled(BaseException):
    """Raised inside a job by `Run.check` to leave it; never reaches the caller."""


class Run:
    """What a job sees of itself while it runs in a desk thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stops: list[Callable[[], None]] = []
        self._cancelled = False

    @property
    def cancelled(self) -> bool:
        """Whether the result is no longer wanted; safe to read from any thread."""
        return self._cancelled

    def on_cancel(self, stop: Callable[[], None]) -> None:
        """Have `stop` called, from another thread, when this run must end (now, if it must)."""
        with self._lock:
            if not self._cancelled:
                self._stops.append(stop)
                return
        stop()

    def check(self) -> None:
        """Leave the job when its result is no longer wanted."""
        if self._cancelled:
            raise RunCancelled

    def cancel(self) -> None:
        """Ask the job to end; returns at once. Safe from any thread, and twice."""
        with self._lock:
            if self._cancelled:
                return
            self._cancelled = True
            stops, self._stops = self._stops, []
        for stop in stops:
            try:
                stop()
            except Exception:
                logger.exception("stopping a run failed")


class Urgency:
    """How urgent some work is that may take several calls, one after another.

    It may rise while the work waits or runs: a decode that was only likely to be needed, and
    that somebody waits for now.
    """

    def __init__(self, priority: Priority) -> None:
        self._lock = threading.Lock()
        self._priority = priority
        self._waiting: tuple[InferenceDesk, Future[Any]] | None = None

    @property
    def priority(self) -> Priority:
        """The class that the next call of this work is queued in."""
        return self._priority

    def raise_to(self, priority: Priority) -> None:
        """Make the work at least as urgent as `priority`; safe from any thread."""
        with self._lock:
            self._priority = min(self._priority, priority)
            waiting = self._waiting
        if waiting is not None:
            desk, future = waiting
            desk.promote(future, priority)

    def follow(self, desk: InferenceDesk, future: Future[Any]) -> None:
        """Take `future` as the call that is to be promoted with this work."""
        with self._lock:
            self._waiting = (desk, future)
            priority = self._priority
        # It may have risen between the call's submission and now.
        desk.promote(future, priority)


@dataclass(frozen=True, slots=True)
class JobRecord:
    """One finished call, for metrics."""

    engine: str
    priority: Priority
    outcome: Outcome
    wait_seconds: float
    run_seconds: float


@dataclass(frozen=True, slots=True)
class DeskStats:
    """A snapshot of the desk."""

    slots: int
    running: int
    queued: dict[Priority, int]
    written_off: int
    """Threads that did not come back from a model call and were replaced."""
    exhausted: bool
    """No more threads may be written off: the process should be replaced."""
    outcomes: dict[tuple[str, Priority, Outcome], int]


@dataclass(eq=False, slots=True)
class _Item(Generic[T]):
    job: Callable[[Run], T]
    engine: str
    room: str
    priority: Priority
    deadline_seconds: float
    queue_seconds: float | None
    supersede: str | None
    queued_at: float
    future: Future[T] = field(default_factory=Future)
    run: Run = field(default_factory=Run)
    started_at: float | None = None
    told_at: float | None = None
    """When it was told to stop for being late."""
    timed_out: bool = False
    abandoned: bool = False


@dataclass(slots=True)
class _Overdue:
    """What the watchdog found at one look."""

    expired: list[_Item[Any]] = field(default_factory=list)
    late: list[_Item[Any]] = field(default_factory=list)
    wedged: list[_Item[Any]] = field(default_factory=list)
    stranded: list[_Item[Any]] = field(default_factory=list)
    wait_seconds: float = 0.0

    @property
    def nothing(self) -> bool:
        """Whether all is in order."""
        return not (self.expired or self.late or self.wedged or self.stranded)


class InferenceDesk:
    """Runs model calls in `slots` threads.

    Urgent classes go first; within a class rooms take turns; interim and batch work never
    takes the last free slot when there is more than one. A call past its deadline is told to
    stop; one that still holds its thread `grace_seconds` later is written off: its caller gets
    the error, its engine's name goes to `on_wedged`, and a new thread takes the slot, for the
    first `wedge_budget` threads that are lost. After that the desk is exhausted and goes on
    with the threads that are left, so that rooms can end in peace.

    Every method may be called from any thread or event loop.
    """

    def __init__(
        self,
        *,
        slots: int,
        queue_limit: int = 64,
        grace_seconds: float = 2.0,
        wedge_budget: int = 2,
        on_wedged: Callable[[str], None] | None = None,
        observer: Callable[[JobRecord], None] | None = None,
    ) -> None:
        if slots < 1:
            raise ValueError(f"slots must be at least 1, not {slots}")
        self._slots = slots
        self._queue_limit = queue_limit
        self._grace_seconds = grace_seconds
        self._wedge_budget = wedge_budget
        self.on_wedged = on_wedged
        self.observer = observer
        lock = threading.RLock()
        self._condition = threading.Condition(lock)
        self._watch_condition = threading.Condition(lock)
        self._queues: dict[Priority, OrderedDict[str, deque[_Item[Any]]]] = {
            priority: OrderedDict() for priority in Priority
        }
        self._queued = 0
        self._running: set[_Item[Any]] = set()
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
        room: str,
        priority: Priority | Urgency,
        deadline_seconds: float,
        queue_seconds: float | None = None,
        supersede: str | None = None,
    ) -> T:
        """Run `job` in a desk thread and give its result; awaitable from any event loop.

        `deadline_seconds` counts from the job's start, `queue_seconds` bounds the wait before
        it. Queued work with the same `supersede` key makes way. An `Urgency` in place of a
        priority lets the job rise in the queue. Cancelling the awaiting task removes the job
        from the queue, or stops it.

        Raises DeskFull, Superseded, Withdrawn, InferenceTimeout, or the Exception that the job
        raises; anything else it raises, such as SystemExit, comes as an InferenceError.
        """
        urgency = priority if isinstance(priority, Urgency) else None
        future = self.submit(
            job,
            engine=engine,
            room=room,
            priority=priority.priority if isinstance(priority, Urgency) else priority,
            deadline_seconds=deadline_seconds,
            queue_seconds=queue_seconds,
            supersede=supersede,
        )
        if urgency is not None:
            urgency.follow(self, future)
        return await asyncio.wrap_future(future)

    def submit(
        self,
        job: Callable[[Run], T],
        *,
        engine: str,
        room: str,
        priority: Priority,
        deadline_seconds: float,
        queue_seconds: float | None = None,
        supersede: str | None = None,
    ) -> Future[T]:
        """Like `run`, but returns a future; cancelling the future cancels the work."""
        item = _Item(
            job=job,
            engine=engine,
            room=room,
            priority=priority,
            deadline_seconds=deadline_seconds,
            queue_seconds=queue_seconds,
            supersede=supersede,
            queued_at=time.monotonic(),
        )
        replaced: list[_Item[Any]] = []
        evicted: _Item[Any] | None = None
        with self._condition:
            if self._closed:
                raise DeskFull("the inference desk is closed")
            if not self._live_slots:
                raise DeskFull(_NO_THREADS)
            if supersede is not None:
                replaced = [i for i in self._queued_items() if i.supersede == supersede]
            if self._queued - len(replaced) >= self._queue_limit:
                evicted = self._least_urgent()
                if evicted is None or evicted.priority <= priority:
                    raise DeskFull(f"{self._queued} model calls are waiting already")
                self._remove(evicted)
            for old in replaced:
                self._remove(old)
            self._append(item)
            self._watch_condition.notify()
        for old in replaced:
            self._finish(old, "superseded", error=Superseded("newer work took its place"))
        if evicted is not None:
            self._finish(evicted, "evicted", error=DeskFull("more urgent work took its place"))
        item.future.add_done_callback(lambda f: self._cancel(item) if f.cancelled() else None)
        return item.future

    def promote(self, future: Future[Any], priority: Priority) -> bool:
        """Move a call that still waits into a more urgent class, where nothing supersedes it.

        `future` is what `submit` returned. False when the call does not wait, or is as urgent
        already.
        """
        with self._condition:
            item = next((i for i in self._queued_items() if i.future is future), None)
            if item is None or item.priority <= priority:
                return False
            self._remove(item)
            item.priority = priority
            item.supersede = None
            self._append(item)
            return True

    def cancel_room(self, room: str) -> int:
        """End everything that was queued or runs for `room`; returns how many there were.

        Their callers get Withdrawn.
        """
        with self._condition:
            items = [i for i in (*self._queued_items(), *self._running) if i.room == room]
        return sum(
            self._withdraw(item, Withdrawn("the room's work was cancelled")) for item in items
        )

    def stats(self) -> DeskStats:
        """A consistent snapshot."""
        with self._condition:
            return DeskStats(
                slots=self._slots,
                running=len(self._running),
                queued={
                    p: sum(len(q) for q in rooms.values()) for p, rooms in self._queues.items()
                },
                written_off=self._written_off,
                exhausted=self._exhausted,
                outcomes=dict(self._outcomes),
            )

    def close(self, *, timeout_seconds: float = 5.0) -> bool:
        """End all work and the threads; False when a thread did not end in time.

        Callers that still wait get DeskFull.
        """
        with self._condition:
            self._closed = True
            items = [*self._queued_items(), *self._running]
            threads = [*self._threads, self._watchdog]
            self._condition.notify_all()
            self._watch_condition.notify_all()
        for item in items:
            self._withdraw(item, DeskFull("the inference desk is closed"))
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

    def _append(self, item: _Item[Any]) -> None:
        self._queues[item.priority].setdefault(item.room, deque()).append(item)
        self._queued += 1
        self._condition.notify()

    def _queued_items(self) -> list[_Item[Any]]:
        return [i for rooms in self._queues.values() for q in rooms.values() for i in q]

    def _least_urgent(self) -> _Item[Any] | None:
        for priority in reversed(Priority):
            for queue in self._queues[priority].values():
                return queue[0]
        return None

    def _remove(self, item: _Item[Any]) -> bool:
        rooms = self._queues[item.priority]
        queue = rooms.get(item.room)
        if queue is None or item not in queue:
            return False
        queue.remove(item)
        self._queued -= 1
        if not queue:
            del rooms[item.room]
        return True

    def _take(self) -> _Item[Any] | None:
        """The next item that may start now: most urgent class, then the room that waits longest."""
        busy = Counter(i.priority for i in self._running)
        background = busy[Priority.INTERIM] + busy[Priority.BATCH]
        for priority, rooms in self._queues.items():
            if not rooms:
                continue
            if priority >= Priority.INTERIM and background >= max(1, self._live_slots - 1):
                return None
            if priority is Priority.BATCH and busy[Priority.BATCH]:
                return None
            room, queue = rooms.popitem(last=False)
            item = queue.popleft()
            if queue:
                rooms[room] = queue
            self._queued -= 1
            return item
        return None

    def _work(self) -> None:
        me = threading.current_thread()
        while True:
            with self._condition:
                while (item := self._take()) is None and not self._closed:
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
                if self._queued:
                    self._condition.notify()

    def _execute(self, item: _Item[Any]) -> None:
        if item.future.done():
            self._record(item, "cancelled")
            return
        try:
            result = item.job(item.run)
        except BaseException as error:
            if item.timed_out:
                self._finish(item, "timeout", error=_timeout(item))
            elif isinstance(error, RunCancelled):
                self._finish(item, "cancelled")
            else:
                self._finish(item, "failed", error=_presentable(item, error))
            # The traceback holds this frame, and with it the item: break the cycle here.
            del error
        else:
            if item.timed_out:
                self._finish(item, "timeout", error=_timeout(item))
            elif item.run.cancelled:
                self._finish(item, "cancelled")
            else:
                self._finish(item, "done", result=result)

    def _cancel(self, item: _Item[Any]) -> None:
        with self._condition:
            was_queued = self._remove(item)
        item.run.cancel()
        if was_queued:
            self._record(item, "cancelled")

    def _withdraw(self, item: _Item[Any], error: InferenceError) -> bool:
        """End an item for somebody who is not its caller; False when it had ended already."""
        with self._condition:
            was_queued = self._remove(item)
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
        item: _Item[Any],
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

    def _record(self, item: _Item[Any], outcome: Outcome) -> None:
        now = time.monotonic()
        started = item.started_at
        with self._condition:
            self._outcomes[(item.engine, item.priority, outcome)] += 1
        if self.observer is not None:
            record = JobRecord(
                engine=item.engine,
                priority=item.priority,
                outcome=outcome,
                wait_seconds=(started or now) - item.queued_at,
                run_seconds=0.0 if started is None else now - started,
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
            self._finish(item, "evicted", error=DeskFull(_NO_THREADS))

    def _overdue(self, now: float) -> _Overdue:
        """Sort out what must end now; the lock is held."""
        found = _Overdue()
        wake = now + _LONGEST_WATCH_SECONDS
        for item in self._queued_items():
            if item.queue_seconds is None:
                continue
            ends = item.queued_at + item.queue_seconds
            if ends <= now:
                self._remove(item)
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
            found.stranded = self._queued_items()
            for item in found.stranded:
                self._remove(item)
        found.wait_seconds = max(0.0, wake - now)
        return found

    def _write_off(self, item: _Item[Any]) -> None:
        item.abandoned = True
        self._running.discard(item)
        self._written_off += 1
        if self._written_off <= self._wedge_budget:
            self._start_thread()
        else:
            self._exhausted = True

    def _report_wedged(self, item: _Item[Any]) -> None:
        self._finish(item, "wedged", error=_timeout(item))
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


def _presentable(item: _Item[Any], error: BaseException) -> Exception:
    """What an event loop can raise in the caller: others would end or hang the loop."""
    if isinstance(error, Exception) and not isinstance(error, (StopIteration, CancelledError)):
        return error
    presentable = InferenceError(f"{item.engine} ended with {error!r}")
    presentable.__cause__ = error
    return presentable


def _timeout(item: _Item[Any]) -> InferenceTimeout:
    return InferenceTimeout(
        f"{item.engine} took longer than {item.deadline_seconds:g} s of engine time"
    )

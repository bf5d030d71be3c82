"""One model call: how urgent it is, how it may end, what it sees of itself."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Generic, Literal, TypeVar

logger = logging.getLogger("services.inference")

T = TypeVar("T")

Outcome = Literal[
    "done",
    "failed",
    "timeout",
    "wedged",
    "cancelled",
    "superseded",
    "evicted",
    "expired",
    "refused",
    "unavailable",
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


class QueueFull(InferenceError):
    """The queue is full of more urgent work, or the scheduler has closed: the work was not done."""


class EngineUnavailable(InferenceError):
    """The engine keeps failing and is left alone for a while: the work was not done."""


class Superseded(InferenceError):
    """Newer work of the same utterance took this one's place before it began."""


class Withdrawn(InferenceError):
    """Somebody else than the caller cancelled the work: its room has ended."""


class RunCancelled(BaseException):
    """Raised inside a job by `Run.check` to leave it; never reaches the caller."""


class Run:
    """What a job sees of itself while it runs in a scheduler thread."""

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


@dataclass(eq=False, slots=True)
class Call(Generic[T]):
    """One call from its submission to its end; guarded by the scheduler's lock."""

    job: Callable[[Run], T]
    engine: str
    owner: str
    priority: Priority
    deadline_seconds: float
    queue_seconds: float | None
    supersede: str | None
    queued_at: float
    work: str = ""
    future: Future[T] = field(default_factory=Future)
    run: Run = field(default_factory=Run)
    started_at: float | None = None
    told_at: float | None = None
    """When it was told to stop for being late."""
    timed_out: bool = False
    abandoned: bool = False


def presentable(item: Call[T], error: BaseException) -> Exception:
    """What an event loop can raise in the caller: others would end or hang the loop."""
    if isinstance(error, Exception) and not isinstance(error, (StopIteration, CancelledError)):
        return error
    presentable = InferenceError(f"{item.engine} ended with {error!r}")
    presentable.__cause__ = error
    return presentable


def timeout_of(item: Call[T]) -> InferenceTimeout:
    """What the caller of a call that is past its deadline gets."""
    return InferenceTimeout(
        f"{item.engine} took longer than {item.deadline_seconds:g} s of engine time"
    )

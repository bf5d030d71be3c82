"""One model call: its priority, its errors, and the handle by which it notices cancellation."""

from __future__ import annotations

import logging
import math
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
    """Classes of calls, most urgent first."""

    FINAL = 0
    """A caller is waiting for it: a final transcript, the first sound of a reply."""
    SPECULATIVE = 1
    """Likely to be needed: a decode at a pause, the next sentence of a reply."""
    INTERIM = 2
    """Nice to have: an interim transcript of an utterance in progress."""
    BATCH = 3
    """No conversation depends on it: the transcription of an uploaded file."""


class InferenceError(Exception):
    """A model call gave no result."""


class InferenceTimeout(InferenceError):
    """The call was ended because it ran past its deadline, or waited too long to start."""


class QueueFull(InferenceError):
    """The queue is full of more urgent calls, or the scheduler is closed; nothing was run."""


class EngineUnavailable(InferenceError):
    """The circuit breaker of the engine is open; nothing was run."""


class EngineLost(InferenceError):
    """The process that the engine runs in has ended or cannot be reached; it may be back soon."""


class Superseded(InferenceError):
    """A newer call took this one's place before it began."""


class RunCancelled(BaseException):
    """Raised by `Run.check` to leave a cancelled call; never reaches the caller."""


class Run:
    """The handle by which a running call notices that it was cancelled."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stops: list[Callable[[], None]] = []
        self._cancelled = False

    @property
    def cancelled(self) -> bool:
        """Whether the result is no longer wanted; may be read from any thread."""
        return self._cancelled

    def on_cancel(self, stop: Callable[[], None]) -> None:
        """Call `stop` upon cancellation, from another thread; at once if already cancelled."""
        with self._lock:
            if not self._cancelled:
                self._stops.append(stop)
                return
        stop()

    def check(self) -> None:
        """Raise RunCancelled if the result is no longer wanted."""
        if self._cancelled:
            raise RunCancelled

    def cancel(self) -> None:
        """Ask the call to end, and return at once. Idempotent, from any thread."""
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

    function: Callable[[Run], T]
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
    stop_requested_at: float | None = None
    """When it was asked to stop for being late."""
    timed_out: bool = False
    abandoned: bool = False

    @property
    def expires_at(self) -> float:
        """When it has waited in the queue for as long as it may."""
        return math.inf if self.queue_seconds is None else self.queued_at + self.queue_seconds


def presentable(call: Call[T], error: BaseException) -> Exception:
    """Return an error that an event loop can raise: others would end or hang the loop."""
    if isinstance(error, Exception) and not isinstance(error, (StopIteration, CancelledError)):
        return error
    presentable = InferenceError(f"{call.engine} ended with {error!r}")
    presentable.__cause__ = error
    return presentable


def timeout_of(call: Call[T]) -> InferenceTimeout:
    """Return the error for a call past its deadline."""
    return InferenceTimeout(
        f"{call.engine} took longer than {call.deadline_seconds:g} s of engine time"
    )

"""Calls of a model in a speech process, guarded and counted like those in this process."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass

from ..inference import (
    CallRecord,
    DynamicPriority,
    EngineUnavailable,
    InferenceScheduler,
    InferenceTimeout,
    Outcome,
    Priority,
    QueueFull,
    Superseded,
)
from ..tts.types import SynthesisTimeout
from .frames import Header, field
from .link import WAIT_SECONDS, SpeechLink

logger = logging.getLogger("services.speech_process")


@dataclass(frozen=True, slots=True)
class RemoteModel:
    """A model of the speech process, as it describes it."""

    name: str
    demo: bool
    source: str
    note: str
    wanted: Header
    """How it is asked for."""
    facts: Header

    @classmethod
    def read(cls, wanted: Header, header: Header) -> RemoteModel:
        """Return what was answered to `wanted`. Raises FrameError."""
        return cls(
            wanted=wanted,
            name=field(header, "name", str),
            demo=field(header, "demo", bool),
            source=field(header, "source", str),
            note=field(header, "note", str),
            facts=header,
        )


class Calls:
    """Sends calls, with the circuit breaker and the metrics that calls in this process have."""

    def __init__(self, link: SpeechLink, scheduler: InferenceScheduler) -> None:
        """`scheduler` has the `guard` and the `observer`; no call runs in its threads."""
        self.link = link
        self._scheduler = scheduler

    @contextlib.contextmanager
    def counted(
        self, engine: str, priority: Priority | DynamicPriority, *, work: str = ""
    ) -> Iterator[None]:
        """Ask whether `engine` may be called, and tell how the call ended."""
        guard, started = self._scheduler.guard, time.monotonic()

        def record(outcome: Outcome) -> None:
            observer = self._scheduler.observer
            if observer is None:
                return
            seconds = 0.0 if outcome == "unavailable" else time.monotonic() - started
            try:
                observer(CallRecord(engine, current(priority), outcome, 0.0, seconds, work))
            except Exception:
                logger.exception("the observer of model calls failed")

        if guard is not None and not guard(engine):
            record("unavailable")
            raise EngineUnavailable(f"{engine} keeps failing and is left alone for a while")
        try:
            yield
        except BaseException as error:
            record(_outcome(error))
            raise
        record("done")


def current(priority: Priority | DynamicPriority) -> Priority:
    """Return the priority as it is now."""
    return priority.current if isinstance(priority, DynamicPriority) else priority


def wait_seconds(queue_seconds: float | None) -> float:
    """Return how long a call waits for a server that is not there."""
    return WAIT_SECONDS if queue_seconds is None else min(WAIT_SECONDS, queue_seconds)


def _outcome(error: BaseException) -> Outcome:
    """Return how a call ended. A full queue or a newer call says nothing of the engine."""
    match error:
        case Superseded():
            return "superseded"
        case QueueFull():
            return "refused"
        case EngineUnavailable():
            return "unavailable"
        case InferenceTimeout() | SynthesisTimeout():
            return "timeout"
        case Exception():
            return "failed"
    return "cancelled"

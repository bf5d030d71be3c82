"""How model calls end: each gets its result or error, is counted, and is reported."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import InvalidStateError
from dataclasses import dataclass
from typing import Any

from .call import Call, Outcome, Priority

logger = logging.getLogger("services.inference")


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One finished call, for metrics."""

    engine: str
    priority: Priority
    outcome: Outcome
    wait_seconds: float
    run_seconds: float
    work: str = ""
    """What the call was part of, such as an utterance; empty if it stood alone."""


class Outcomes:
    """Ends calls, counts the outcomes, and reports each call to `observer`, from any thread."""

    def __init__(
        self,
        lock: threading.RLock,
        clock: Callable[[], float],
        observer: Callable[[CallRecord], None] | None,
    ) -> None:
        self.observer = observer
        self._lock = lock
        self._clock = clock
        self._counts: Counter[tuple[str, Priority, Outcome]] = Counter()

    @property
    def counts(self) -> dict[tuple[str, Priority, Outcome], int]:
        """Calls ended so far, by engine, priority and outcome."""
        with self._lock:
            return dict(self._counts)

    def finish(
        self,
        call: Call[Any],
        outcome: Outcome,
        *,
        result: Any = None,
        error: BaseException | None = None,
    ) -> None:
        """Record the outcome and settle the call's future, unless that has happened already."""
        if call.abandoned and outcome != "wedged":
            return
        self.record(call, outcome)
        try:
            if error is not None:
                call.future.set_exception(error)
            elif outcome == "done":
                call.future.set_result(result)
            else:
                call.future.cancel()
        except InvalidStateError:
            pass

    def record(self, call: Call[Any], outcome: Outcome) -> None:
        """Count the outcome and report it."""
        now = self._clock()
        started = call.started_at
        with self._lock:
            self._counts[call.engine, call.priority, outcome] += 1
        if self.observer is None:
            return
        record = CallRecord(
            engine=call.engine,
            priority=call.priority,
            outcome=outcome,
            wait_seconds=(now if started is None else started) - call.queued_at,
            run_seconds=0.0 if started is None else now - started,
            work=call.work,
        )
        try:
            self.observer(record)
        except Exception:
            logger.exception("the observer of model calls failed")

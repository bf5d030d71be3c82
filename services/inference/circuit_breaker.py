"""Circuit breakers: an engine that keeps failing is not called for a while, then tried again."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from enum import Enum

from .. import defaults
from .outcomes import CallRecord

logger = logging.getLogger("services.inference.circuit_breaker")


class CircuitState(Enum):
    """Whether an engine may be called."""

    CLOSED = "closed"
    """The engine works."""
    OPEN = "open"
    """The engine failed repeatedly and is not called."""
    HALF_OPEN = "half-open"
    """One call is let through as a trial."""


class CircuitBreaker:
    """Guards one engine; safe from any thread.

    Every allowed call must be reported as a success or a failure, or as neutral if its end says
    nothing about the engine, as with a cancelled call.
    """

    def __init__(
        self,
        engine: str,
        *,
        failures: int = defaults.CIRCUIT_FAILURES,
        open_seconds: float = defaults.CIRCUIT_OPEN_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        on_change: Callable[[str, CircuitState], object] | None = None,
    ) -> None:
        """Create a closed breaker.

        Args:
            engine: its name in logs.
            failures: number in a row that opens the circuit.
            open_seconds: time to a trial, and from a trial without an outcome to the next.
            clock: monotonic, in seconds.
            on_change: called with the engine and its new state, in the thread that caused it.
        """
        if failures < 1:
            raise ValueError(f"failures must be at least 1, not {failures}")
        self.engine = engine
        self._failures = failures
        self._open_seconds = open_seconds
        self._clock = clock
        self._on_change = on_change
        self._lock = threading.Lock()
        self._state = CircuitState.CLOSED
        self._in_a_row = 0
        self._last_failed = ""
        self._opened_at = 0.0
        self._trial_at: float | None = None

    @property
    def state(self) -> CircuitState:
        """The current state; half-open as soon as a trial is due."""
        with self._lock:
            if self._state is CircuitState.OPEN and self._trial_is_due():
                return CircuitState.HALF_OPEN
            return self._state

    @property
    def usable(self) -> bool:
        """Whether a call would be allowed, without claiming it."""
        with self._lock:
            return self._allows()

    def allow(self) -> bool:
        """Claim a call; in a half-open circuit the first claim gets the trial."""
        with self._lock:
            if not self._allows():
                return False
            changed = False
            if self._state is not CircuitState.CLOSED:
                changed = self._state is CircuitState.OPEN
                self._state = CircuitState.HALF_OPEN
                self._trial_at = self._clock()
        if changed:
            self._report(CircuitState.HALF_OPEN)
        return True

    def success(self) -> None:
        """Report a result, even of a call that began before the circuit opened."""
        with self._lock:
            self._in_a_row = 0
            self._last_failed = ""
            self._trial_at = None
            changed = self._state is not CircuitState.CLOSED
            self._state = CircuitState.CLOSED
        if changed:
            self._report(CircuitState.CLOSED)

    def failure(self, work: str = "") -> None:
        """Report a call that failed or did not end in time.

        Successive failures of the same `work` count as one: an utterance is decoded several times,
        and one that cannot be decoded must not cost other rooms the engine.
        """
        with self._lock:
            if not work or work != self._last_failed:
                self._in_a_row += 1
            self._last_failed = work
            opens = (
                self._in_a_row >= self._failures
                if self._state is CircuitState.CLOSED
                # A call made without a claim is a trial as well.
                else self._state is CircuitState.HALF_OPEN or self._trial_is_due()
            )
            if opens:
                self._state = CircuitState.OPEN
                self._opened_at = self._clock()
                self._trial_at = None
        if opens:
            self._report(CircuitState.OPEN)

    def neutral(self) -> None:
        """Report a call without a verdict; if it was the trial, the next call becomes the trial."""
        with self._lock:
            self._trial_at = None

    def _allows(self) -> bool:
        if self._state is CircuitState.CLOSED:
            return True
        if self._state is CircuitState.OPEN:
            return self._trial_is_due()
        lost = self._trial_at is not None and self._clock() >= self._trial_at + self._open_seconds
        return self._trial_at is None or lost

    def _trial_is_due(self) -> bool:
        return self._clock() >= self._opened_at + self._open_seconds

    def _report(self, state: CircuitState) -> None:
        logger.log(
            logging.ERROR if state is CircuitState.OPEN else logging.INFO,
            "circuit changed",
            extra={"engine": self.engine, "state": state.value},
        )
        if self._on_change is not None:
            try:
                self._on_change(self.engine, state)
            except Exception:
                logger.exception(
                    "the observer of a circuit breaker failed", extra={"engine": self.engine}
                )


class Circuits:
    """One breaker per engine, updated from the scheduler's records. Safe from any thread."""

    def __init__(
        self,
        *,
        failures: int = defaults.CIRCUIT_FAILURES,
        open_seconds: float = defaults.CIRCUIT_OPEN_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        on_change: Callable[[str, CircuitState], object] | None = None,
    ) -> None:
        """Take the arguments of every `CircuitBreaker`."""
        self._failures = failures
        self._open_seconds = open_seconds
        self._clock = clock
        self._on_change = on_change
        self._lock = threading.Lock()
        self._breakers: dict[str, CircuitBreaker] = {}

    def of(self, engine: str) -> CircuitBreaker:
        """Return the breaker of an engine, created on first use."""
        with self._lock:
            breaker = self._breakers.get(engine)
            if breaker is None:
                breaker = CircuitBreaker(
                    engine,
                    failures=self._failures,
                    open_seconds=self._open_seconds,
                    clock=self._clock,
                    on_change=self._on_change,
                )
                self._breakers[engine] = breaker
            return breaker

    def allow(self, engine: str) -> bool:
        """Claim a call of an engine; the scheduler's `guard`. See `CircuitBreaker.allow`."""
        return self.of(engine).allow()

    def observe(self, record: CallRecord) -> None:
        """Take a finished model call into account; the scheduler's `observer`.

        Calls that waited too long or were superseded or cancelled say nothing about the engine, and
        those that a breaker refused never ran.
        """
        if record.outcome == "unavailable":
            return
        breaker = self.of(record.engine)
        if record.outcome == "done":
            breaker.success()
        elif record.outcome in ("failed", "timeout", "wedged"):
            breaker.failure(record.work)
        else:
            breaker.neutral()

    def states(self) -> dict[str, CircuitState]:
        """Return the state of each engine, for metrics and health."""
        with self._lock:
            breakers = list(self._breakers.values())
        return {breaker.engine: breaker.state for breaker in breakers}

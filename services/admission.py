"""Admission: whether this worker accepts one more room, and the load it reports."""

from __future__ import annotations

import contextlib
import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum

from . import defaults
from .memory.levels import Level

logger = logging.getLogger("services.admission")

RESERVATION_SECONDS = 30.0
"""How long an accepted room may take to begin; LiveKit assigns it within 7.5 s or never."""
PROMISE_SECONDS = 5.0
"""How long a place is kept for a room for which an agent was requested."""

ROOM_BYTES = 30 * 2**20
"""Memory of a room, for deriving the number of rooms from the resources."""
ROOM_CORES = 0.25
ROOMS_PER_PROCESS = 10
"""With more, the interpreter lock becomes the bottleneck."""

_OPEN_LOAD = 0.69
"""LiveKit offers no room to workers that report 0.7 or more (its `target_load`)."""
_BUSY_LOAD = 0.695
"""Reported while refusing for a moment: the worker is offered rooms last, and so knows of them."""
_STRAIN_ROOMS = 0.9
_MEMORY_STRAIN = {Level.HEALTHY: 0.0, Level.WARNING: 0.5, Level.HIGH: 1.0, Level.CRITICAL: 1.0}


class Refusal(Enum):
    """Why a room is refused."""

    FULL = "full"
    MEMORY = "memory"
    LOOP_LAG = "loop lag"
    BACKLOG = "backlog"
    ASR_UNAVAILABLE = "recogniser unavailable"
    THREADS_EXHAUSTED = "too many wedged threads"
    HELD = "held"
    """Held by another part: not ready, draining."""


PASSING = frozenset({Refusal.FULL, Refusal.LOOP_LAG, Refusal.BACKLOG})
"""Refusals that pass soon, after which a room may wait for a place."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """Conditions other than the room count."""

    memory: Level = Level.HEALTHY
    headroom_bytes: int | None = None
    """Memory left; None when unknown."""
    loop_lag_seconds: float = 0.0
    """Lasting lag of the event loops."""
    waiting_calls: int = 0
    """Queued model calls that a conversation is waiting for."""
    asr_unavailable: bool = False
    """The recogniser's circuit is open; not half open, as then a room is what tries it."""
    tts_unavailable: bool = False
    """The voice's circuit is open: replies come as text."""
    threads_exhausted: bool = False
    """The scheduler has lost all the threads it may lose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionLimits:
    """Limits beyond which rooms are refused."""

    max_rooms: int = defaults.MAX_ROOMS
    """0: as many as the resources allow."""
    cores: float = 1.0
    """Cores that the process may use."""
    loop_lag_seconds: float = defaults.LOOP_LAG_LIMIT_SECONDS
    waiting_calls: int = 16
    room_bytes: int = ROOM_BYTES
    reservation_seconds: float = RESERVATION_SECONDS


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to an offer."""

    accepted: bool
    refusal: Refusal | None = None
    detail: str = ""
    """For the log, such as `5 of 5 rooms`."""


class Admission:
    """Counts rooms and places, and decides. Safe from any thread.

    An accepted offer holds a place until its room begins or the reservation expires, so that two
    simultaneous offers cannot both take the last one. A room without callers gives up its place to
    the first offer that finds no other.
    """

    def __init__(
        self,
        limits: AdmissionLimits,
        read: Callable[[], Conditions],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`read` must be quick: it is called for each offer and twice a second."""
        self._limits = limits
        self._read = read
        self._clock = clock
        self._lock = threading.Lock()
        self._reserved: dict[str, float] = {}
        self._promised: dict[str, float] = {}
        self._rooms: set[str] = set()
        self._vacant: dict[str, Callable[[], None]] = {}
        """Rooms without callers, longest first, each with a callable that ends it."""
        self._ending: set[str] = set()
        """Rooms that are ending and whose place is taken."""
        self._holds: dict[str, None] = {}
        self._answers: Counter[Refusal | None] = Counter()
        self._last_refusal: Refusal | None = None

    @property
    def rooms(self) -> int:
        """Rooms in progress."""
        with self._lock:
            return len(self._rooms)

    @property
    def capacity(self) -> int:
        """Maximum number of rooms at once, under the current conditions."""
        return self._capacity(self._read())

    @property
    def answers(self) -> dict[Refusal | None, int]:
        """Number of offers by answer; None stands for acceptance."""
        with self._lock:
            return dict(self._answers)

    def offer(
        self,
        job: str,
        room: str = "",
        *,
        load_bytes: int = 0,
        asr_unavailable: bool | None = None,
    ) -> Decision:
        """Decide on a room; when accepted, a place is reserved under `job`.

        A place promised to `room` is used, and a room without callers is ended if there is no other
        place.

        Args:
            job: the offer.
            room: its name.
            load_bytes: what the room needs of models that are not loaded yet.
            asr_unavailable: whether the circuit of the room's recogniser is open; None where that
                is the one of the conditions.
        """
        conditions = self._read()
        if asr_unavailable is not None:
            conditions = replace(conditions, asr_unavailable=asr_unavailable)
        leave: Callable[[], None] | None = None
        with self._lock:
            self._expire()
            self._promised.pop(room, None)
            decision = self._decide(conditions, job, load_bytes)
            if decision.refusal is Refusal.FULL and self._vacant:
                empty = next(iter(self._vacant))
                leave = self._vacant.pop(empty)
                self._rooms.discard(empty)
                self._ending.add(empty)
                decision = self._decide(conditions, job, load_bytes)
            self._answers[decision.refusal] += 1
            if decision.accepted:
                self._reserved[job] = self._clock() + self._limits.reservation_seconds
            self._log_change(decision)
        if leave is not None:
            leave()
        return decision

    def promise(self, room: str) -> bool:
        """Keep a place for `room`, which is about to be offered; False if there is none."""
        conditions = self._read()
        with self._lock:
            self._expire()
            if room in self._promised:
                return True
            accepted = self._decide(conditions).accepted
            if accepted:
                self._promised[room] = self._clock() + PROMISE_SECONDS
            return accepted

    def withdraw(self, room: str) -> None:
        """Withdraw a promise."""
        with self._lock:
            self._promised.pop(room, None)

    def vacant(self, job: str, leave: Callable[[], None] | None) -> None:
        """Report that the room of `job` has no callers, and how to end it; None: it has some again.

        `leave` is called from any thread and must return at once.
        """
        with self._lock:
            self._vacant.pop(job, None)
            if job in self._ending:
                if leave is not None:
                    # It is ending already.
                    return
                # A caller came at the last moment: one room more than there should be.
                self._ending.discard(job)
                self._rooms.add(job)
            if leave is not None and job in self._rooms:
                self._vacant[job] = leave

    def release(self, job: str) -> None:
        """Release a reserved place: the room went elsewhere."""
        with self._lock:
            self._reserved.pop(job, None)

    @contextlib.contextmanager
    def room(self, job: str) -> Iterator[None]:
        """Hold a place for as long as the room lasts; takes the place reserved under `job`."""
        with self._lock:
            self._reserved.pop(job, None)
            self._rooms.add(job)
        try:
            yield
        finally:
            with self._lock:
                self._rooms.discard(job)
                self._vacant.pop(job, None)
                self._ending.discard(job)

    def hold(self, reason: str, on: bool = True) -> None:
        """Refuse every room for `reason` until called with `on=False`."""
        with self._lock:
            if on:
                self._holds[reason] = None
            else:
                self._holds.pop(reason, None)

    def refusal(self) -> Decision:
        """Return the answer to an offer made now, without reserving or counting."""
        conditions = self._read()
        with self._lock:
            self._expire()
            return self._decide(conditions)

    def load(self) -> float:
        """Return the load to report: 1 while every room is refused, else in [0, 0.695].

        It is the share of taken places, where strain counts as up to one more: enough to prefer
        another worker, too little to keep the last place from being offered. A worker that is busy
        for a moment stays below LiveKit's limit, as it learns of waiting rooms from offers.
        """
        conditions = self._read()
        with self._lock:
            self._expire()
            decision = self._decide(conditions)
            self._log_change(decision)
            taken = len(self._rooms) + len(self._reserved) + len(self._promised)
        if decision.refusal is not None:
            return _BUSY_LOAD if decision.refusal in PASSING else 1.0
        strained = taken + _STRAIN_ROOMS * self._strain(conditions)
        return _OPEN_LOAD * strained / max(1, self._capacity(conditions))

    def _strain(self, conditions: Conditions) -> float:
        """Return the highest of the conditions, each as a share of its limit, in [0, 1]."""
        limits = self._limits
        return min(
            1.0,
            max(
                _MEMORY_STRAIN[conditions.memory],
                conditions.loop_lag_seconds / limits.loop_lag_seconds,
                conditions.waiting_calls / limits.waiting_calls,
                1.0 if conditions.tts_unavailable else 0.0,
            ),
        )

    def _decide(self, conditions: Conditions, job: str = "", load_bytes: int = 0) -> Decision:
        limits = self._limits
        # A repeated offer already has its place.
        kept = len(self._reserved) + len(self._promised) - (job in self._reserved)
        taken = len(self._rooms) + kept
        capacity = self._capacity(conditions)
        if self._holds:
            return Decision(False, Refusal.HELD, ", ".join(self._holds))
        if conditions.threads_exhausted:
            return Decision(False, Refusal.THREADS_EXHAUSTED)
        if conditions.memory is Level.CRITICAL:
            return Decision(False, Refusal.MEMORY)
        headroom = conditions.headroom_bytes
        if load_bytes and headroom is not None and load_bytes + limits.room_bytes > headroom:
            return Decision(False, Refusal.MEMORY, f"its models need {load_bytes >> 20} MB")
        if taken >= capacity:
            return Decision(False, Refusal.FULL, f"{taken} of {capacity} rooms")
        if conditions.asr_unavailable:
            return Decision(False, Refusal.ASR_UNAVAILABLE)
        if conditions.loop_lag_seconds >= limits.loop_lag_seconds:
            return Decision(False, Refusal.LOOP_LAG, f"{conditions.loop_lag_seconds:.2f} s")
        if conditions.waiting_calls >= limits.waiting_calls:
            return Decision(False, Refusal.BACKLOG, f"{conditions.waiting_calls} calls wait")
        return Decision(True)

    def _capacity(self, conditions: Conditions) -> int:
        limits = self._limits
        if limits.max_rooms > 0:
            return limits.max_rooms
        by_cores = min(ROOMS_PER_PROCESS, max(1, math.floor(limits.cores / ROOM_CORES)))
        if conditions.headroom_bytes is None:
            return by_cores
        by_memory = len(self._rooms) + conditions.headroom_bytes // limits.room_bytes
        return min(by_cores, by_memory)

    def _log_change(self, decision: Decision) -> None:
        if decision.refusal is self._last_refusal:
            return
        self._last_refusal = decision.refusal
        logger.info(
            "rooms are taken again" if decision.accepted else "no more rooms are taken",
            extra={
                "reason": decision.refusal.value if decision.refusal else "",
                "detail": decision.detail,
            },
        )

    def _expire(self) -> None:
        now = self._clock()
        for job in [job for job, until in self._reserved.items() if until <= now]:
            del self._reserved[job]
            logger.warning("an accepted room did not begin", extra={"job": job})
        for room in [room for room, until in self._promised.items() if until <= now]:
            del self._promised[room]

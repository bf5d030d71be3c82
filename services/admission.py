"""Who gets in: whether this worker takes one more room, and how loaded it says it is."""

from __future__ import annotations

import contextlib
import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

from . import defaults
from .memory.levels import Level

logger = logging.getLogger("services.admission")

RESERVATION_SECONDS = 30.0
"""How long an accepted room may take to begin; LiveKit assigns it within 7.5 s or not at all."""
PROMISE_SECONDS = 5.0
"""How long a place is kept for a room that an agent has been asked for."""

ROOM_BYTES = 30 * 2**20
"""What a room needs, where the number of rooms follows from the resources."""
ROOM_CORES = 0.25
ROOMS_PER_PROCESS = 10
"""More share one interpreter lock badly, whatever the machine has."""

_OPEN_LOAD = 0.69
"""LiveKit offers a room to nobody once all workers report 0.7 or more (its `target_load`)."""
_BUSY_LOAD = 0.695
"""Of a worker that takes no room for a moment: offered last, so that it hears who waits."""
_STRAIN_ROOMS = 0.9
_MEMORY_STRAIN = {Level.HEALTHY: 0.0, Level.WARNING: 0.5, Level.HIGH: 1.0, Level.CRITICAL: 1.0}


class Refusal(Enum):
    """Why no room is taken."""

    FULL = "full"
    MEMORY = "memory"
    LOOP_LAG = "loop lag"
    BACKLOG = "backlog"
    DEAF = "recogniser unavailable"
    WORN_OUT = "too many wedged threads"
    HELD = "held"
    """Somebody said so: not ready, draining."""


PASSING = frozenset({Refusal.FULL, Refusal.LOOP_LAG, Refusal.BACKLOG})
"""Refusals that are over soon: whoever meets one may wait for a place."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What else than the number of rooms decides."""

    memory: Level = Level.HEALTHY
    headroom_bytes: int | None = None
    """What memory still allows; None when not known."""
    loop_lag_seconds: float = 0.0
    """By which timers are late, and keep being late."""
    waiting_calls: int = 0
    """Model calls that somebody in a conversation waits for, and that have not begun."""
    deaf: bool = False
    """The recogniser's circuit is open; not half open, as then a room is what tries it."""
    mute: bool = False
    """The voice's circuit is open: replies come as text."""
    worn_out: bool = False
    """The scheduler has lost all the threads it may lose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionLimits:
    """From where on rooms are refused."""

    max_rooms: int = defaults.MAX_ROOMS
    """0: as many as the resources allow."""
    cores: float = 1.0
    """What the process may use."""
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

    An accepted offer holds a place until its room begins, or until the reservation expires, so
    that two offers at once cannot both take the last one. A room that nobody is in gives its
    place up to the first offer that finds no other.
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
        """Rooms that nobody is in, longest first, with the way to end each."""
        self._ending: set[str] = set()
        """Rooms that are to end, whose place another has."""
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
        """Rooms that are possible at once, as things are."""
        return self._capacity(self._read())

    @property
    def answers(self) -> dict[Refusal | None, int]:
        """How often each refusal was given, and None for accepted offers."""
        with self._lock:
            return dict(self._answers)

    def offer(self, job: str, room: str = "") -> Decision:
        """Decide on a room; when accepted, a place is reserved under `job`.

        A place that was promised to `room` is taken, and a room without callers is ended where
        there is no other place.
        """
        conditions = self._read()
        leave: Callable[[], None] | None = None
        with self._lock:
            self._expire()
            self._promised.pop(room, None)
            decision = self._decide(conditions, job)
            if decision.refusal is Refusal.FULL and self._vacant:
                empty = next(iter(self._vacant))
                leave = self._vacant.pop(empty)
                self._rooms.discard(empty)
                self._ending.add(empty)
                decision = self._decide(conditions, job)
            self._answers[decision.refusal] += 1
            if decision.accepted:
                self._reserved[job] = self._clock() + self._limits.reservation_seconds
            self._log_change(decision)
        if leave is not None:
            leave()
        return decision

    def promise(self, room: str) -> bool:
        """Keep a place for `room`, which is about to be offered; False where there is none."""
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
        """Call a promise off."""
        with self._lock:
            self._promised.pop(room, None)

    def vacant(self, job: str, leave: Callable[[], None] | None) -> None:
        """Say that nobody is in the room of `job`, and how it is ended; None: somebody is again.

        `leave` is called from any thread and must return at once.
        """
        with self._lock:
            self._vacant.pop(job, None)
            if job in self._ending:
                if leave is not None:
                    # It is on its way out, and nobody has come.
                    return
                # Somebody came at the last moment: one room more than there should be.
                self._ending.discard(job)
                self._rooms.add(job)
            if leave is not None and job in self._rooms:
                self._vacant[job] = leave

    def release(self, job: str) -> None:
        """Give a reserved place back: the room went elsewhere."""
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
        """Refuse every room for `reason`, until that is called off."""
        with self._lock:
            if on:
                self._holds[reason] = None
            else:
                self._holds.pop(reason, None)

    def refusal(self) -> Decision:
        """What an offer would get now; nothing is reserved or counted."""
        conditions = self._read()
        with self._lock:
            self._expire()
            return self._decide(conditions)

    def load(self) -> float:
        """How loaded the worker is: 1 when it takes no room, else in [0, 0.695].

        The share of the places that are taken, where strain counts as up to one more: enough to
        prefer another worker, too little to keep the last place from being offered. Nor is a worker
        left out that is busy for a moment: whom nobody offers a room knows nobody that waits.
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
        """The highest of each condition's share of its limit, in [0, 1]."""
        limits = self._limits
        return min(
            1.0,
            max(
                _MEMORY_STRAIN[conditions.memory],
                conditions.loop_lag_seconds / limits.loop_lag_seconds,
                conditions.waiting_calls / limits.waiting_calls,
                1.0 if conditions.mute else 0.0,
            ),
        )

    def _decide(self, conditions: Conditions, job: str = "") -> Decision:
        limits = self._limits
        # An offer that is repeated already has its place.
        kept = len(self._reserved) + len(self._promised) - (job in self._reserved)
        taken = len(self._rooms) + kept
        capacity = self._capacity(conditions)
        if self._holds:
            return Decision(False, Refusal.HELD, ", ".join(self._holds))
        if conditions.worn_out:
            return Decision(False, Refusal.WORN_OUT)
        if conditions.memory is Level.CRITICAL:
            return Decision(False, Refusal.MEMORY)
        if taken >= capacity:
            return Decision(False, Refusal.FULL, f"{taken} of {capacity} rooms")
        if conditions.deaf:
            return Decision(False, Refusal.DEAF)
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

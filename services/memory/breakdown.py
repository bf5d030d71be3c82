"""Where the memory is: parts that report their size, the allocator's share, and the rest."""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from .reading import MemoryReading

logger = logging.getLogger("services.memory")

LIBRARIES = "libraries"
"""Program code and the objects that importing it made; measured before any model is loaded."""
ALLOCATOR_SLACK = "allocator slack"
"""Freed, but kept by `malloc`."""
PYTHON_OBJECTS = "python objects"
"""Growth of small Python objects since the models were ready: an estimate from their number."""
NATIVE_HEAP = "native heap"
"""Growth of `malloc` since the models were ready that no part reports: native code, big objects."""
UNACCOUNTED = "unaccounted"

ROOMS = "rooms"
"""The part to which every room adds itself."""

HISTORY_MOMENTS = 360

_MEAN_BLOCK_BYTES = 96
"""Mean size of a block of Python's object allocator in a worker with all libraries imported."""

_NOTHING: Mapping[str, int] = {}

T = TypeVar("T")

Remove = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Reported:
    """The sizes that the parts report."""

    parts: Mapping[str, int]
    """Bytes by part."""
    members: Mapping[str, int]
    """Bytes by member, such as each room."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The breakdown at one moment."""

    at_seconds: float
    """Unix time."""
    process_bytes: int
    parts: Mapping[str, int]
    members: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class GrowthTrend:
    """The growth of one part over the history."""

    part: str
    bytes_per_hour: float
    grown_bytes: int
    """From the first to the last moment of the history."""
    member: str = ""
    """The member of the part that grows most, such as a room; empty where it has none."""

    @property
    def name(self) -> str:
        """The part, with its member."""
        return f"{self.part} ({self.member})" if self.member else self.part


class Components:
    """Parts that report their own size. Safe from any thread.

    The monitor's thread calls the callables: they must be quick and thread-safe.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sources: dict[object, Callable[[], Mapping[str, int]]] = {}
        self._members: dict[object, tuple[str, str, Callable[[], int]]] = {}
        self._failed: set[str] = set()

    def add(self, part: str, read: Callable[[], int], *, member: str = "") -> Remove:
        """Count `read` as bytes of `part`; returns a callable that removes it again.

        Several members may share one part, each under its own name, as rooms do.
        """
        key = object()
        with self._lock:
            self._members[key] = part, member, read
        return lambda: self._remove(key)

    def add_parts(self, read: Callable[[], Mapping[str, int]]) -> Remove:
        """Add several parts that are read at once, such as the loaded models."""
        key = object()
        with self._lock:
            self._sources[key] = read
        return lambda: self._remove(key)

    def read(self) -> Reported:
        """Read every part; one that fails counts as 0 and is logged once."""
        with self._lock:
            sources = list(self._sources.values())
            members = list(self._members.values())
        parts: Counter[str] = Counter()
        by_member: Counter[str] = Counter()
        for source in sources:
            parts.update(self._size("parts", source, _NOTHING))
        for part, member, read in members:
            size = self._size(member or part, read, 0)
            parts[part] += size
            if member:
                by_member[member] += size
        return Reported(dict(parts), dict(by_member))

    def _remove(self, key: object) -> None:
        with self._lock:
            self._sources.pop(key, None)
            self._members.pop(key, None)

    def _size(self, name: str, read: Callable[[], T], default: T) -> T:
        try:
            return read()
        except Exception:
            if name not in self._failed:
                self._failed.add(name)
                logger.exception("memory of a part cannot be read", extra={"part": name})
            return default


class Breakdown:
    """Splits readings into parts and follows them over time. Used from one thread at a time."""

    def __init__(self, first: MemoryReading, *, moments: int = HISTORY_MOMENTS) -> None:
        """`first` is a reading from before any model is loaded; `moments` bounds the history."""
        self._libraries_bytes = first.process_bytes
        self._ready: tuple[MemoryReading, Reported] | None = None
        # What is free at this point is part of the libraries' figure.
        self._trimmed_bytes = first.allocator.free_bytes if first.allocator else 0
        self._history: deque[Moment] = deque(maxlen=moments)

    @property
    def ready_bytes(self) -> int | None:
        """The resident set when the models were ready; None before."""
        return self._ready[0].process_bytes if self._ready is not None else None

    @property
    def history(self) -> Sequence[Moment]:
        """The recorded moments, oldest first."""
        return tuple(self._history)

    def mark_ready(self, reading: MemoryReading, reported: Reported) -> None:
        """Measure later growth from this reading, in which all models are loaded."""
        self._ready = reading, reported
        self.mark_trimmed(reading)

    def mark_trimmed(self, reading: MemoryReading) -> None:
        """Count what the allocator still holds free as given back: it was just trimmed."""
        self._trimmed_bytes = reading.allocator.free_bytes if reading.allocator else 0

    def explain(self, reading: MemoryReading, reported: Reported) -> dict[str, int]:
        """Return bytes by part; they add up to the resident set unless a part overstates itself."""
        parts = {LIBRARIES: min(self._libraries_bytes, reading.process_bytes), **reported.parts}
        rest = max(0, reading.process_bytes - sum(parts.values()))
        for part, size in self._allocator_parts(reading, reported):
            parts[part] = min(max(0, size), rest)
            rest -= parts[part]
        parts[UNACCOUNTED] = rest
        return parts

    def record(
        self, reading: MemoryReading, parts: Mapping[str, int], members: Mapping[str, int]
    ) -> None:
        """Add a moment to the history."""
        moment = Moment(reading.at_seconds, reading.process_bytes, dict(parts), dict(members))
        self._history.append(moment)

    def fastest_growing(self) -> GrowthTrend | None:
        """Return the part with the steepest trend; None while nothing grows."""
        moments = self._history
        if len(moments) < 3:
            return None
        times = [moment.at_seconds for moment in moments]
        fastest = _fastest(times, [moment.parts for moment in moments])
        if fastest is None or fastest.part != ROOMS:
            return fastest
        member = _fastest(times, [moment.members for moment in moments])
        return replace(fastest, member=member.part) if member is not None else fastest

    def _allocator_parts(
        self, reading: MemoryReading, reported: Reported
    ) -> Iterator[tuple[str, int]]:
        allocator = reading.allocator
        if allocator is not None:
            # Trimmed pages stay on the allocator's free lists, until they are used again.
            self._trimmed_bytes = min(self._trimmed_bytes, allocator.free_bytes)
            yield ALLOCATOR_SLACK, allocator.free_bytes - self._trimmed_bytes
        if self._ready is None:
            return
        first, first_reported = self._ready
        blocks = reading.python_blocks - first.python_blocks
        yield PYTHON_OBJECTS, blocks * _MEAN_BLOCK_BYTES
        if allocator is not None and first.allocator is not None:
            grown = sum(reported.parts.values()) - sum(first_reported.parts.values())
            yield NATIVE_HEAP, allocator.in_use_bytes - first.allocator.in_use_bytes - grown


def _fastest(times: Sequence[float], sizes: Sequence[Mapping[str, int]]) -> GrowthTrend | None:
    """Return the trend of the name whose sizes grow fastest; None while none grows."""
    names = {name for moment in sizes for name in moment}
    grown = [_growth(name, times, [s.get(name, 0) for s in sizes]) for name in sorted(names)]
    fastest = max(grown, key=lambda growth: growth.bytes_per_hour, default=None)
    return fastest if fastest is not None and fastest.bytes_per_hour > 0.0 else None


def _growth(part: str, times: Sequence[float], sizes: Sequence[int]) -> GrowthTrend:
    """Fit a line to the part's sizes by least squares."""
    mean_time = sum(times) / len(times)
    mean_size = sum(sizes) / len(sizes)
    spread = sum((t - mean_time) ** 2 for t in times)
    covariance = sum((t - mean_time) * (s - mean_size) for t, s in zip(times, sizes, strict=True))
    slope = covariance / spread if spread else 0.0
    return GrowthTrend(part, slope * 3600.0, sizes[-1] - sizes[0])

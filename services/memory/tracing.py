"""What grows in Python's memory, for debugging: object types and where they were allocated."""

from __future__ import annotations

import gc
import logging
import threading
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

logger = logging.getLogger("services.memory")

TOP = 10


@dataclass(frozen=True, slots=True)
class TypeGrowth:
    """Objects of one type, more than before."""

    type_name: str
    more: int
    count: int


@dataclass(frozen=True, slots=True)
class PlaceGrowth:
    """Bytes allocated at one place in the code, more than before."""

    place: str
    more_bytes: int
    more_blocks: int


@dataclass(frozen=True, slots=True)
class TraceReport:
    """What grew since the report before."""

    types: tuple[TypeGrowth, ...]
    places: tuple[PlaceGrowth, ...]


class MemoryTrace:
    """Compares the objects of the process over time, by `tracemalloc`.

    Slow: every allocation costs about twice as much, and a report stops all threads for up to a
    second. Safe from any thread.
    """

    def __init__(self, *, top: int = TOP) -> None:
        self._top = top
        self._lock = threading.Lock()
        self._started = not tracemalloc.is_tracing()
        if self._started:
            tracemalloc.start()
        self._types = _count_types()
        self._places = tracemalloc.take_snapshot()

    def report(self) -> TraceReport:
        """What grew most since the last report, or since the start."""
        with self._lock:
            types, places = _count_types(), tracemalloc.take_snapshot()
            report = self._compare(self._types, types, self._places, places)
            self._types, self._places = types, places
        return report

    @contextmanager
    def room(self, name: str) -> Iterator[None]:
        """Log what is left of a room when the block ends; other rooms' growth counts too."""
        types, places = _count_types(), tracemalloc.take_snapshot()
        try:
            yield
        finally:
            gc.collect()
            left = self._compare(types, _count_types(), places, tracemalloc.take_snapshot())
            log_trace(left, room=name)

    def close(self) -> None:
        """Stop tracing, if this began it."""
        if self._started:
            tracemalloc.stop()

    def _compare(
        self,
        old_types: Counter[str],
        types: Counter[str],
        old_places: tracemalloc.Snapshot,
        places: tracemalloc.Snapshot,
    ) -> TraceReport:
        grown = Counter({name: count - old_types[name] for name, count in types.items()})
        own = [tracemalloc.Filter(False, tracemalloc.__file__), tracemalloc.Filter(False, __file__)]
        differences = places.filter_traces(own).compare_to(old_places.filter_traces(own), "lineno")
        return TraceReport(
            types=tuple(
                TypeGrowth(name, more, types[name])
                for name, more in grown.most_common(self._top)
                if more > 0
            ),
            places=tuple(
                PlaceGrowth(str(d.traceback[0]), d.size_diff, d.count_diff)
                for d in sorted(differences, key=lambda d: d.size_diff, reverse=True)[: self._top]
                if d.size_diff > 0
            ),
        )


def log_trace(report: TraceReport, *, room: str = "") -> None:
    """One line with what grew; `room` says after which room."""
    logger.info(
        "memory trace",
        extra={
            "of_room": room,
            "types": [f"{g.type_name} +{g.more} ({g.count})" for g in report.types],
            "places": [
                f"{g.place} +{g.more_bytes / 1024:.1f} KiB (+{g.more_blocks})"
                for g in report.places
            ],
        },
    )


def _count_types() -> Counter[str]:
    counts: Counter[str] = Counter()
    for kind, count in Counter(map(type, gc.get_objects())).items():
        counts[f"{kind.__module__}.{kind.__qualname__}"] += count
    return counts

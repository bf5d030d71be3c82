"""The latest reading of the process's memory, its parts and their history."""

from __future__ import annotations

import threading
from dataclasses import replace

from ..host.allocator import trim_allocator
from ..host.process_memory import resident_bytes
from .breakdown import Breakdown, Components
from .config import MB
from .reading import MemoryMeter
from .report import Snapshot


class MemoryObserver:
    """Takes readings, and trims the allocator as it collects free memory. Safe from any thread.

    Every method blocks for some milliseconds; the properties return at once.
    """

    def __init__(self, meter: MemoryMeter, components: Components, *, slack_mb: float) -> None:
        """Take a first reading, before any model is loaded.

        The allocator is trimmed once the process has grown by `slack_mb` since the last trim and
        as much is free in the heap; 0: only when `trim` is called.
        """
        self._meter = meter
        self._components = components
        self._slack_bytes = slack_mb * MB
        self._lock = threading.Lock()
        first = meter.read(full=True)
        self._breakdown = Breakdown(first)
        self._snapshot = Snapshot(first, components.read())
        self._after_trim_bytes = first.process_bytes
        self._trimmed_bytes = 0

    @property
    def snapshot(self) -> Snapshot:
        """The last reading, taken apart."""
        return self._snapshot

    @property
    def ready_bytes(self) -> int | None:
        """The resident set when the models were ready; None before `mark_ready`."""
        return self._breakdown.ready_bytes

    def look(self) -> None:
        """Take a reading."""
        with self._lock:
            self._look()

    def record(self, *, full: bool) -> None:
        """Take a reading, trim where due, and add it to the history."""
        with self._lock:
            self._look(full=full)
            if self._trim_is_due():
                self._trim()
            now = self._snapshot
            self._breakdown.record(now.reading, now.parts, now.reported.members)
            self._snapshot = replace(
                now, history=self._breakdown.history, growth=self._breakdown.fastest_growing()
            )

    def mark_ready(self) -> None:
        """Take a reading from which later growth counts: all models are loaded and warm."""
        with self._lock:
            self._look(full=True)
            self._breakdown.mark_ready(self._snapshot.reading, self._snapshot.reported)
            self._after_trim_bytes = self._snapshot.reading.process_bytes

    def mark_trimmed(self) -> None:
        """Take a reading after somebody else has trimmed the allocator."""
        with self._lock:
            self._mark_trimmed()

    def trim(self) -> None:
        """Give back what the allocator holds free; up to 0.1 s in which no thread can allocate."""
        with self._lock:
            self._trim()

    def take_trimmed_bytes(self) -> int:
        """Return how much trims have given back since the last call."""
        with self._lock:
            trimmed, self._trimmed_bytes = self._trimmed_bytes, 0
            return trimmed

    def _look(self, *, full: bool = False) -> None:
        reading = self._meter.read(full=full)
        reported = self._components.read()
        parts = self._breakdown.explain(reading, reported)
        self._snapshot = replace(self._snapshot, reading=reading, reported=reported, parts=parts)

    def _trim_is_due(self) -> bool:
        """Often enough that a trim never takes long."""
        slack, reading = self._slack_bytes, self._snapshot.reading
        return (
            slack > 0.0
            and reading.allocator is not None
            and reading.allocator.free_bytes >= slack
            and reading.process_bytes >= self._after_trim_bytes + slack
        )

    def _trim(self) -> None:
        before = resident_bytes()
        trim_allocator()
        self._mark_trimmed()
        self._trimmed_bytes += max(0, before - self._snapshot.reading.process_bytes)

    def _mark_trimmed(self) -> None:
        self._look()
        self._breakdown.mark_trimmed(self._snapshot.reading)
        self._after_trim_bytes = self._snapshot.reading.process_bytes

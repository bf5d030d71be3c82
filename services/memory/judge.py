"""Judging a reading: the level that memory has reached, and by which measure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .config import MemoryConfig
from .levels import Level, LevelTracker, Thresholds
from .reading import MemoryReading


@dataclass(frozen=True, slots=True)
class LevelChange:
    """Memory has become fuller or emptier."""

    before: Level
    after: Level
    measure: str
    """What decided it: `process`, `limit` (the share of the limit in force) or `gpu`."""
    used_bytes: int
    threshold_bytes: int
    """Where the higher of both levels begins."""


class LevelJudge:
    """Follows the level of each measure; memory is as full as the fullest of them."""

    def __init__(self, config: MemoryConfig) -> None:
        self._config = config
        self._trackers = {
            name: LevelTracker(config.hysteresis) for name in ("process", "limit", "gpu")
        }
        self._level = Level.HEALTHY

    @property
    def level(self) -> Level:
        """As of the last update; from any thread."""
        return self._level

    def update(self, reading: MemoryReading) -> LevelChange | None:
        """Judge a new reading; None when the level stays as it was."""
        measures = self._measures(reading)
        before = self._level
        old = {name: tracker.level for name, tracker in self._trackers.items()}
        new = {name: self._trackers[name].update(*measure) for name, measure in measures.items()}
        after = self._level = max(new.values())
        if after is before:
            return None
        # Of a rise, the measure that is highest now; of a fall, the one that was highest before.
        decisive = max(new, key=lambda name: max(new[name], old[name]))
        used, thresholds = measures[decisive]
        return LevelChange(before, after, decisive, used, thresholds.of(max(before, after)))

    def critical(self, reading: MemoryReading) -> list[str]:
        """Return the measures that are critical in this reading, whatever the level is."""
        measures = self._measures(reading)
        return [name for name, (used, bounds) in measures.items() if used >= bounds.critical]

    def _measures(self, reading: MemoryReading) -> Mapping[str, tuple[int, Thresholds]]:
        measures = {
            "process": (reading.process_bytes, self._config.figures()),
            "limit": (reading.counted_bytes, self._config.shares(reading.limit.bytes)),
        }
        if reading.gpu is not None:
            measures["gpu"] = (reading.gpu.process_bytes, self._config.gpu(reading.gpu.total_bytes))
        return measures

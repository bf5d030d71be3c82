"""The state of the memory monitor for others to show, and its log lines."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .breakdown import GrowthTrend, Moment, Reported
from .cleaning import CleaningReport
from .config import MB
from .judge import LevelChange
from .levels import Level, Thresholds
from .reading import MemoryReading

logger = logging.getLogger("services.memory")

_LARGEST = 3
_MEMBERS = 10
_MEMBER_DIGITS = 3
"""A room holds some ten KB to a few MB."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A reading, taken apart."""

    reading: MemoryReading
    reported: Reported
    parts: Mapping[str, int] = field(default_factory=dict)
    """Bytes by part."""
    history: Sequence[Moment] = ()
    growth: GrowthTrend | None = None
    """The part that grows fastest over the history."""

    @property
    def largest_mb(self) -> dict[str, int]:
        """The largest parts."""
        return {name: round(size / MB) for name, size in _ordered(self.parts)[:_LARGEST]}


@dataclass(frozen=True, slots=True)
class MemoryState:
    """The findings of the monitor as of its last reading."""

    level: Level
    snapshot: Snapshot
    thresholds: Thresholds
    """In force for the process."""
    last_cleaning: CleaningReport | None
    draining: bool

    def as_json(self, *, moments: int = 0) -> dict[str, Any]:
        """Return JSON: sizes in MB of 2**20 bytes, Unix times, the last `moments` of history."""
        snapshot, reading = self.snapshot, self.snapshot.reading
        gpu = reading.gpu
        history = snapshot.history[-moments:] if moments > 0 else ()
        return {
            "memory": {
                "level": self.level.name.lower(),
                "process_mb": _mb(reading.process_bytes),
                "unique_mb": _mb(reading.unique_bytes),
                "limit_mb": _mb(reading.limit.bytes),
                "limit_source": reading.limit.source,
                "limit_percent": _percent(reading.counted_bytes, reading.limit.bytes),
                "system_percent": reading.system_percent,
                "gpu_mb": _mb(gpu.process_bytes) if gpu else 0.0,
                "gpu_percent": _percent(gpu.used_bytes, gpu.total_bytes) if gpu else 0.0,
                "threads": reading.threads,
                "descriptors": reading.descriptors,
                "rooms": reading.rooms,
                "draining": self.draining,
            },
            "thresholds_mb": {
                "warning": _mb(self.thresholds.warning),
                "high": _mb(self.thresholds.high),
                "critical": _mb(self.thresholds.critical),
            },
            "breakdown_mb": {name: _mb(size) for name, size in snapshot.parts.items()},
            "members_mb": {
                name: round(size / MB, _MEMBER_DIGITS)
                for name, size in _ordered(snapshot.reported.members)[:_MEMBERS]
            },
            "fastest_growing": _growth_json(snapshot.growth),
            "last_cleaning": _cleaning_json(self.last_cleaning),
            "at": reading.at_seconds,
            "history": [
                {
                    "at": moment.at_seconds,
                    "process_mb": _mb(moment.process_bytes),
                    "breakdown_mb": {name: _mb(size) for name, size in moment.parts.items()},
                }
                for moment in history
            ],
        }


def cleaning_json(report: CleaningReport) -> dict[str, Any]:
    """Return a cleaning as JSON: sizes in MB of 2**20 bytes."""
    return {
        "reason": report.reason,
        "before_mb": _mb(report.before_bytes),
        "after_mb": _mb(report.after_bytes),
        "freed_mb": _mb(report.freed_bytes),
        "steps": [
            {
                "step": gain.step,
                "freed_mb": _mb(gain.freed_bytes),
                "seconds": round(gain.seconds, 3),
            }
            for gain in report.gains
        ],
    }


def log_change(change: LevelChange, snapshot: Snapshot) -> None:
    """Log that memory has crossed a threshold, in either direction."""
    logger.log(
        logging.WARNING if change.after > change.before else logging.INFO,
        "memory level changed",
        extra={
            "before": change.before.name.lower(),
            "level": change.after.name.lower(),
            "measure": change.measure,
            "used_mb": round(change.used_bytes / MB),
            "threshold_mb": round(change.threshold_bytes / MB),
            "largest_mb": snapshot.largest_mb,
        },
    )


def log_leak(report: CleaningReport, snapshot: Snapshot) -> None:
    """Log that a cleaning freed little."""
    growth = snapshot.growth
    logger.warning(
        "suspected memory leak",
        extra={
            "freed_mb": round(report.freed_bytes / MB, 1),
            "process_mb": round(report.after_bytes / MB),
            "fastest_growing": growth.name if growth else "not known yet",
            "mb_per_hour": round(growth.bytes_per_hour / MB, 1) if growth else None,
            "largest_mb": snapshot.largest_mb,
        },
    )


def log_statistics(state: MemoryState, *, trimmed_bytes: int) -> None:
    """Log all figures; `trimmed_bytes`: what trims have given back since the last statistics."""
    figures = state.as_json()
    growth = state.snapshot.growth
    logger.info(
        "memory statistics",
        extra={
            **figures["memory"],
            "trimmed_mb": _mb(trimmed_bytes),
            "breakdown_mb": figures["breakdown_mb"],
            "fastest_growing": growth.name if growth else None,
            "mb_per_hour": round(growth.bytes_per_hour / MB, 1) if growth else None,
        },
    )


def _growth_json(growth: GrowthTrend | None) -> dict[str, Any] | None:
    if growth is None:
        return None
    return {
        "part": growth.part,
        "member": growth.member,
        "mb_per_hour": _mb(growth.bytes_per_hour),
        "grown_mb": _mb(growth.grown_bytes),
    }


def _cleaning_json(report: CleaningReport | None) -> dict[str, Any] | None:
    return cleaning_json(report) if report is not None else None


def _ordered(sizes: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(sizes.items(), key=lambda item: item[1], reverse=True)


def _mb(size: float) -> float:
    return round(size / MB, 1)


def _percent(part: int, whole: int) -> float:
    return round(100.0 * part / whole, 1) if whole else 0.0

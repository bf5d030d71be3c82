"""How full memory is, in levels that do not flap."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """How full memory is."""

    HEALTHY = 0
    WARNING = 1
    """Logged."""
    HIGH = 2
    """Memory is cleaned up."""
    CRITICAL = 3
    """No new rooms; the worker drains if a cleaning does not help."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The bytes at which each level begins."""

    warning: int
    high: int
    critical: int

    def __post_init__(self) -> None:
        if not 0 < self.warning < self.high < self.critical:
            raise ValueError(
                "memory thresholds must rise: "
                f"warning {self.warning}, high {self.high}, critical {self.critical} bytes"
            )

    def of(self, level: Level) -> int:
        """Return the bytes at which `level` begins; 0 for healthy."""
        return (0, self.warning, self.high, self.critical)[level]

    def lowered_to(self, other: Thresholds) -> Thresholds:
        """Return the lower of both at each level."""
        return Thresholds(
            min(self.warning, other.warning),
            min(self.high, other.high),
            min(self.critical, other.critical),
        )


class LevelTracker:
    """The level of one figure; a level, once reached, holds until the figure is clearly below."""

    def __init__(self, hysteresis: float = 0.05) -> None:
        """`hysteresis`: share of a threshold by which a figure must fall below it."""
        self._hysteresis = hysteresis
        self._level = Level.HEALTHY

    @property
    def level(self) -> Level:
        """As of the last update."""
        return self._level

    def update(self, used_bytes: int, thresholds: Thresholds) -> Level:
        """Judge a new figure."""
        for level in (Level.CRITICAL, Level.HIGH, Level.WARNING):
            bound = float(thresholds.of(level))
            if level <= self._level:
                bound *= 1.0 - self._hysteresis
            if used_bytes >= bound:
                self._level = level
                break
        else:
            self._level = Level.HEALTHY
        return self._level

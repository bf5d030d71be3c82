"""When the memory monitor takes readings, and the figures at which it acts."""

from __future__ import annotations

from dataclasses import dataclass

from .. import defaults
from .levels import Thresholds

MB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryConfig:
    """Settings of the monitor; 1 MB is 2**20 bytes.

    Raises ValueError where thresholds do not rise or a time is not above 0.
    """

    check_seconds: float = defaults.MEMORY_CHECK_SECONDS
    """Time between two readings."""
    elevated_check_seconds: float = 10.0
    """Time between two readings from level high on, unless `check_seconds` is shorter."""
    statistics_seconds: float = defaults.MEMORY_STATISTICS_SECONDS
    """Time between two log lines with statistics."""
    warning_mb: float = defaults.MEMORY_WARNING_MB
    high_mb: float = defaults.MEMORY_HIGH_MB
    critical_mb: float = defaults.MEMORY_THRESHOLD_MB
    warning_percent: float = defaults.MEMORY_WARNING_PERCENT
    """Of the limit in force. Each level begins at the lower of its MB and its percentage."""
    high_percent: float = defaults.MEMORY_HIGH_PERCENT
    critical_percent: float = defaults.MEMORY_THRESHOLD_PERCENT
    gpu_critical_mb: float = defaults.GPU_MEMORY_THRESHOLD_MB
    """GPU memory that is critical, 0 for the percentage alone; warning and high are in the same
    ratio to it as above."""
    hysteresis: float = 0.05
    """Share of a threshold by which a figure must fall below it to leave its level."""
    clean_again_seconds: float = 300.0
    """Time until memory that is still high is cleaned again; doubles with each cleaning."""
    slack_mb: float = 32.0
    """Growth since the last trim that triggers another, at any level; 0: only when cleaning."""
    leak_mb: float = 200.0
    """A cleaning that frees less is a suspected leak. Lowered in proportion where the limit lowers
    the thresholds."""

    def __post_init__(self) -> None:
        self.figures()
        self.shares(100 * MB)
        if not 0.0 <= self.hysteresis < 1.0:
            raise ValueError(f"hysteresis must be a share from 0 to 1, not {self.hysteresis}")
        if min(self.check_seconds, self.elevated_check_seconds, self.statistics_seconds) <= 0.0:
            raise ValueError("the times between checks must be above 0")

    def figures(self) -> Thresholds:
        """Return the thresholds for what the process holds."""
        return Thresholds(
            round(self.warning_mb * MB), round(self.high_mb * MB), round(self.critical_mb * MB)
        )

    def shares(self, limit_bytes: int) -> Thresholds:
        """Return the thresholds for what counts against a limit."""
        return Thresholds(
            round(limit_bytes * self.warning_percent / 100.0),
            round(limit_bytes * self.high_percent / 100.0),
            round(limit_bytes * self.critical_percent / 100.0),
        )

    def in_force(self, limit_bytes: int) -> Thresholds:
        """Return the lower of both at each level."""
        return self.figures().lowered_to(self.shares(limit_bytes))

    def gpu(self, total_bytes: int) -> Thresholds:
        """Return the thresholds for what the process holds of GPUs with `total_bytes`."""
        critical = total_bytes * self.critical_percent / 100.0
        if self.gpu_critical_mb:
            critical = min(critical, self.gpu_critical_mb * MB)
        return Thresholds(
            round(critical * self.warning_percent / self.critical_percent),
            round(critical * self.high_percent / self.critical_percent),
            round(critical),
        )

    def leak_bytes(self, limit_bytes: int) -> int:
        """Return how much a cleaning must free not to be a suspected leak."""
        lowered = self.in_force(limit_bytes).high / self.figures().high
        return round(self.leak_mb * MB * lowered)

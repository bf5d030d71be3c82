"""From the settings to the memory monitor."""

from __future__ import annotations

from agent.settings.operation import MemorySettings
from services.memory import MemoryConfig


def memory_config(memory: MemorySettings) -> MemoryConfig:
    """Return the configuration of the memory monitor."""
    return MemoryConfig(
        check_seconds=memory.check_seconds,
        statistics_seconds=memory.statistics_seconds,
        warning_mb=memory.warning_mb,
        high_mb=memory.high_mb,
        critical_mb=memory.critical_mb,
        warning_percent=memory.warning_percent,
        high_percent=memory.high_percent,
        critical_percent=memory.critical_percent,
        gpu_critical_mb=memory.gpu_mb,
    )

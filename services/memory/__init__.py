"""The memory of the process: watched, explained, lowered."""

from services.host.gpu import GPUMeter
from services.host.memory_limits import LimitReader
from services.memory.breakdown import ROOMS, Components
from services.memory.cleaning import (
    CleaningReport,
    CleaningStep,
    StepSkipped,
    settle,
    standard_steps,
)
from services.memory.config import MemoryConfig
from services.memory.levels import Level
from services.memory.monitor import MemoryMonitor
from services.memory.reading import MemoryMeter
from services.memory.reload import ModelReload
from services.memory.report import LevelChange, MemoryState, cleaning_json
from services.memory.tracing import MemoryTrace, log_trace
from services.memory.view import MemoryView

__all__ = [
    "ROOMS",
    "CleaningReport",
    "CleaningStep",
    "Components",
    "GPUMeter",
    "Level",
    "LevelChange",
    "LimitReader",
    "MemoryConfig",
    "MemoryMeter",
    "MemoryMonitor",
    "MemoryState",
    "MemoryTrace",
    "MemoryView",
    "ModelReload",
    "StepSkipped",
    "cleaning_json",
    "log_trace",
    "settle",
    "standard_steps",
]

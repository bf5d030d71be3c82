"""The memory of the process: watched, explained, lowered."""

from ..host.gpu import GPUMeter
from .breakdown import ROOMS, Components
from .cleaning import (
    CleaningReport,
    CleaningStep,
    StepSkipped,
    settle,
    standard_steps,
)
from .config import MemoryConfig
from .levels import Level
from .monitor import MemoryMonitor
from .reading import MemoryMeter
from .reload import ModelReload
from .report import LevelChange, MemoryState, cleaning_json
from .tracing import MemoryTrace, log_trace
from .view import MemoryView

__all__ = [
    "ROOMS",
    "CleaningReport",
    "CleaningStep",
    "Components",
    "GPUMeter",
    "Level",
    "LevelChange",
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

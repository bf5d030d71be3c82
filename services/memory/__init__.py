"""The memory of the process: watched, explained, lowered."""

from ..host.gpu import GPUMeter
from .breakdown import ROOMS, Components
from .cleaning import (
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
from .report import MemoryState, cleaning_json
from .view import MemoryView

__all__ = [
    "ROOMS",
    "CleaningStep",
    "Components",
    "GPUMeter",
    "Level",
    "MemoryConfig",
    "MemoryMeter",
    "MemoryMonitor",
    "MemoryState",
    "MemoryView",
    "ModelReload",
    "StepSkipped",
    "cleaning_json",
    "settle",
    "standard_steps",
]

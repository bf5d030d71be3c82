"""The inference scheduler: runs every model call in bounded threads, fairly and cancellably."""

from .call import (
    EngineLost,
    EngineUnavailable,
    InferenceError,
    InferenceTimeout,
    Outcome,
    Priority,
    QueueFull,
    Run,
    RunCancelled,
    Superseded,
)
from .outcomes import CallRecord
from .priority import DynamicPriority
from .scheduler import InferenceScheduler, SchedulerStats

__all__ = [
    "CallRecord",
    "DynamicPriority",
    "EngineLost",
    "EngineUnavailable",
    "InferenceError",
    "InferenceScheduler",
    "InferenceTimeout",
    "Outcome",
    "Priority",
    "QueueFull",
    "Run",
    "RunCancelled",
    "SchedulerStats",
    "Superseded",
]

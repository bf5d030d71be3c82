"""The inference scheduler: runs every model call in bounded threads, fairly and cancellably."""

from .call import (
    EngineUnavailable,
    InferenceError,
    InferenceTimeout,
    Outcome,
    Priority,
    QueueFull,
    Run,
    RunCancelled,
    Superseded,
    Withdrawn,
)
from .priority import DynamicPriority
from .scheduler import CallRecord, InferenceScheduler, SchedulerStats

__all__ = [
    "CallRecord",
    "DynamicPriority",
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
    "Withdrawn",
]

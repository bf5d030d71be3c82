"""The inference desk: the one place where models run, in bounded threads, fairly and stoppably."""

from .call import (
    DeskFull,
    EngineUnavailable,
    InferenceError,
    InferenceTimeout,
    Outcome,
    Priority,
    Run,
    RunCancelled,
    Superseded,
    Withdrawn,
)
from .priority import Urgency
from .scheduler import DeskStats, InferenceDesk, JobRecord

__all__ = [
    "DeskFull",
    "DeskStats",
    "EngineUnavailable",
    "InferenceDesk",
    "InferenceError",
    "InferenceTimeout",
    "JobRecord",
    "Outcome",
    "Priority",
    "Run",
    "RunCancelled",
    "Superseded",
    "Urgency",
    "Withdrawn",
]

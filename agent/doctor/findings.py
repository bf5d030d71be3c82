"""What a check finds out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Status(Enum):
    """How bad it is."""

    OK = "OK"
    WARN = "WARN"
    """The agent runs, but not as well as it could."""
    FAIL = "FAIL"
    """Something that was asked for will not work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    status: Status
    subject: str
    """One or two words."""
    text: str
    cure: str = ""
    """What to do, where something is to be done and the text does not say it."""


def ok(subject: str, text: str) -> Finding:
    """All is well."""
    return Finding(Status.OK, subject, text)


def warn(subject: str, text: str, cure: str = "") -> Finding:
    """It runs, but not as well as it could."""
    return Finding(Status.WARN, subject, text, cure)


def fail(subject: str, text: str, cure: str = "") -> Finding:
    """It does not work."""
    return Finding(Status.FAIL, subject, text, cure)

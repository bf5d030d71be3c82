"""The result of a check."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Status(Enum):
    """The severity of a finding."""

    OK = "OK"
    WARN = "WARN"
    """The agent runs, but not as well as it could."""
    FAIL = "FAIL"
    """Something that is configured will not work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    status: Status
    subject: str
    """One or two words."""
    text: str
    cure: str = ""
    """What to do, unless the text says it."""


def ok(subject: str, text: str) -> Finding:
    """Return a finding without a problem."""
    return Finding(Status.OK, subject, text)


def warn(subject: str, text: str, cure: str = "") -> Finding:
    """Return a finding of something that runs, but not as well as it could."""
    return Finding(Status.WARN, subject, text, cure)


def fail(subject: str, text: str, cure: str = "") -> Finding:
    """Return a finding of something that does not work."""
    return Finding(Status.FAIL, subject, text, cure)

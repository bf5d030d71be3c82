"""How long a pause is waited for, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class WaitReason(Enum):
    """Why a pause is waited for as long as it is; the values are for logs and the page."""

    COMPLETE = "complete"
    """The caller seems to be done: the shortest wait."""
    UNSURE = "unsure"
    """More may follow."""
    DICTATING = "dictating"
    """Digits, letters or an address, of which the rest is to come."""
    THINKING = "thinking"
    """The caller has said so: "let me think"."""
    NOTHING_HEARD = "nothing heard"
    """No words are known yet."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement on one pause, as far as it is known."""

    wait_seconds: float
    """Silence after which the turn is over."""
    reason: WaitReason
    probability: float
    """That the caller has finished, by all the evidence."""

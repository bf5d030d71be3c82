"""How long a pause is waited for, and why."""

from __future__ import annotations

from dataclasses import dataclass

from ..protocol import WaitReason

__all__ = ["Verdict", "WaitReason"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement on one pause, as far as it is known."""

    wait_seconds: float
    """Silence after which the turn is over."""
    reason: WaitReason
    probability: float
    """That the caller has finished, by all the evidence."""

"""What a judge of words says."""

from __future__ import annotations

from dataclasses import dataclass

from ..verdict import WaitReason


@dataclass(frozen=True)
class Completeness:
    """The verdict on the words so far."""

    probability: float
    """That the speaker has finished, judged by the words alone, from 0 to 1."""
    reason: str
    """The reason in a few words, for logs."""
    amid: WaitReason | None = None
    """What the speaker is in the middle of, if the words show it: dictating or thinking."""

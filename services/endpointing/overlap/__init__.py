"""What a caller's voice over the agent's means: an interruption, or nothing that should end it."""

from .judge import Meaning, Overlap, judge_overlap
from .phrases import Phrases, phrases_for

__all__ = ["Meaning", "Overlap", "Phrases", "judge_overlap", "phrases_for"]

"""What the recogniser's punctuation says of the end, in any language."""

from __future__ import annotations

from .verdict import Completeness

_UNFINISHED = ("...", "…", ",", "、", "，", "،", "-", "–", "—", ":")
_QUESTION = ("?", "？", "؟")
_CLOSED = (".", "!", "。", "！", "।", "۔")


def judge_unfinished(text: str) -> Completeness | None:
    """Judge marks after which more follows."""
    if text.endswith(_UNFINISHED):
        return Completeness(0.1, "punctuation goes on")
    return None


def judge_ending(text: str) -> Completeness:
    """Judge text of which nothing else is known."""
    if text.endswith(_QUESTION):
        return Completeness(0.7, "a question mark")
    if text.endswith(_CLOSED):
        return Completeness(0.6, "a full stop")
    return Completeness(0.5, "no rules for this language")

"""Filters that reduce a streamed answer to what is spoken."""

from __future__ import annotations

from agent.llm.calls import Call, KnownTools
from agent.llm.filters.marks import MarksFilter
from agent.llm.filters.reasoning import ReasoningFilter
from agent.llm.filters.text_calls import TextCallsFilter

__all__ = ["MarksFilter", "ReasoningFilter", "ReplyFilter", "TextCallsFilter"]


class ReplyFilter:
    """All filters in a row; takes an answer in any pieces and returns what is said of it.

    Args:
        tools: those that may be called.
        begins_with_reasoning: see `ReasoningFilter`.
    """

    def __init__(self, tools: KnownTools, *, begins_with_reasoning: bool = False) -> None:
        self._reasoning = ReasoningFilter(begins_inside=begins_with_reasoning)
        self._marks = MarksFilter()
        self._calls = TextCallsFilter(tools)
        self._begun = False

    def push(self, text: str) -> str:
        """Add text; returns what may be spoken."""
        return self._said(self._calls.push(self._marks.push(self._reasoning.push(text))))

    def expect_no_reasoning(self) -> None:
        """Treat the text as answer from its beginning: the reasoning came in a field of its own."""
        self._reasoning.expect_no_end_alone()

    def finish(self) -> str:
        """End the answer; returns what is left of it."""
        marked = self._marks.push(self._reasoning.finish()) + self._marks.finish()
        return self._said(self._calls.push(marked) + self._calls.finish())

    @property
    def ended(self) -> bool:
        """Whether a mark has ended the answer; the rest belongs to the other side."""
        return self._marks.ended

    @property
    def calls(self) -> list[Call]:
        """Calls written as text, complete after `finish`."""
        return self._calls.calls

    @property
    def dropped_calls(self) -> int:
        """Number of dropped pieces of text in the form of a call."""
        return self._calls.dropped

    @property
    def ends_reasoning_alone(self) -> bool:
        """Whether reasoning ended without a beginning."""
        return self._reasoning.found_end_alone

    def _said(self, text: str) -> str:
        if not self._begun:
            text = text.lstrip()
            self._begun = bool(text)
        return text

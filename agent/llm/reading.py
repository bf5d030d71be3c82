"""The state of one answer while it is read: text, speech and calls."""

from __future__ import annotations

from typing import Any

from agent.llm.answer import AnswerReader, Piece
from agent.llm.calls import CallCollector
from agent.llm.filters import ReplyFilter

BURST_SECONDS = 0.02
"""At the beginning of an answer, chunks that follow within this time are handled together."""
LONGEST_BURST_SECONDS = 0.2
"""Limit on that wait, as it delays the first audio."""
LATE_END_SECONDS = 1.0
"""How long a complete answer is read on, for its token counts."""


class Reading:
    """One answer while it is read. Times are those of the event loop's clock."""

    def __init__(self, reply: ReplyFilter) -> None:
        self.reply = reply
        self.calls = CallCollector()
        self.usage: dict[str, Any] | None = None
        self.unfiltered = ""
        """Text that arrived and is not handled yet."""
        self.has_text = False
        """Whether any text arrived, spoken or not."""
        self.characters = 0
        """The text spoken so far."""
        self.end_by: float | None = None
        """When the answer is given up; None before anything has arrived."""
        self._reader = AnswerReader()
        self._burst_until: float | None = None

    @property
    def is_over(self) -> bool:
        """Whether the rest is not needed."""
        return self._reader.ended or self.reply.ended

    @property
    def is_complete(self) -> bool:
        """Whether it was marked complete, rather than just ending."""
        return self._reader.finished or self.reply.ended

    @property
    def is_stream(self) -> bool:
        """Whether it arrives as events rather than as one object."""
        return self._reader.is_stream

    def push(self, data: bytes | None) -> list[Piece]:
        """Add bytes, the end (no bytes), or nothing (None); returns what they hold."""
        if data is None:
            return []
        return self._reader.push(data) if data else self._reader.finish()

    def heed(self, piece: Piece) -> None:
        """Add a chunk."""
        for call in piece.calls:
            self.calls.add(call)
        if piece.reasoning:
            self.reply.expect_no_reasoning()
        self.unfiltered += piece.text
        self.has_text = self.has_text or bool(piece.text.strip())
        self.usage = piece.usage or self.usage

    def is_burst(self, now: float) -> bool:
        """Whether it has only begun and may go on at once.

        As long as nothing was said, a mark that is yet to come may still take back what came.
        """
        if self.characters or not self.unfiltered:
            return False
        if self._burst_until is None:
            self._burst_until = now + LONGEST_BURST_SECONDS
        return now < self._burst_until

    def quiet_seconds(self, now: float) -> float | None:
        """Return how long to wait for more bytes before going on; None for no such limit."""
        if self.is_burst(now):
            return BURST_SECONDS
        return LATE_END_SECONDS if self._reader.finished else None

    def filtered(self) -> str:
        """Return what may be spoken of the text that has arrived."""
        text, self.unfiltered = self.unfiltered, ""
        return self.reply.push(text)

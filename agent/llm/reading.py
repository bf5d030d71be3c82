"""What was read of one answer so far: its bytes, what is said of them, what is called."""

from __future__ import annotations

from typing import Any

from agent.llm.answer import AnswerReader, Piece
from agent.llm.calls import CallCollector
from agent.llm.filters import ReplyFilter

BURST_SECONDS = 0.02
"""Pieces that follow each other so closely are looked at together at the beginning of an answer."""
LONGEST_BURST_SECONDS = 0.2
"""... and for no longer than this: it comes before the first sound."""
LATE_END_SECONDS = 1.0
"""How long an answer that says that it is complete is read on, for what it cost."""


class Reading:
    """One answer while it is read. Times are those of the event loop's clock."""

    def __init__(self, reply: ReplyFilter) -> None:
        self.reply = reply
        self.calls = CallCollector()
        self.usage: dict[str, Any] | None = None
        self.unfiltered = ""
        """Text that came and was not looked at yet."""
        self.has_text = False
        """Whether any text came, said or not."""
        self.characters = 0
        """Said so far."""
        self.end_by: float | None = None
        """When the whole answer is given up; None: nothing has come."""
        self._reader = AnswerReader()
        self._burst_until: float | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more of it is wanted."""
        return self._reader.ended or self.reply.ended

    @property
    def is_complete(self) -> bool:
        """Whether it said that it is, rather than just to end."""
        return self._reader.finished or self.reply.ended

    @property
    def is_stream(self) -> bool:
        """Whether it comes as events, rather than as one object."""
        return self._reader.is_stream

    def push(self, data: bytes | None) -> list[Piece]:
        """Take bytes, the end (no bytes), or nothing; returns what they mean."""
        if data is None:
            return []
        return self._reader.push(data) if data else self._reader.finish()

    def heed(self, piece: Piece) -> None:
        """Keep what a piece adds."""
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
        """How long to wait for the next bytes before going on without; None: as long as it may."""
        if self.is_burst(now):
            return BURST_SECONDS
        return LATE_END_SECONDS if self._reader.finished else None

    def filtered(self) -> str:
        """What may be said of the text that came."""
        text, self.unfiltered = self.unfiltered, ""
        return self.reply.push(text)

"""One request of a client to the server, while it is computed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from ..inference import DynamicPriority
from ..tts.types import SynthesisPiece
from .frames import Header
from .messages import Terms

MAX_WINDOW = 16
"""Pieces of sound that may be on their way to a client that has not asked for more."""


class SessionRequest:
    """One request in progress."""

    task: asyncio.Task[None]

    def __init__(self, number: int, header: Header, payload: bytes) -> None:
        self.number = number
        self.header = header
        self.size = len(payload)
        self._payload = payload
        self._credit = 0
        self._granted = asyncio.Event()

    def read_terms(self) -> None:
        """Read who asks, and when the answer is wanted. Raises FrameError."""
        self.terms = Terms.read({"owner": "", "priority": 0, "deadline_seconds": 60, **self.header})
        self.priority = DynamicPriority(self.terms.priority)

    def take_payload(self) -> bytes:
        """Return the payload, which is not kept any longer."""
        payload, self._payload = self._payload, b""
        return payload

    def grant(self, pieces: int) -> None:
        """Let that many more pieces be sent."""
        self._credit = min(MAX_WINDOW, self._credit + max(0, pieces))
        self._granted.set()

    async def spend_credit(self) -> None:
        """Wait until a piece may be sent."""
        while not self._credit:
            self._granted.clear()
            await self._granted.wait()
        self._credit -= 1


async def on_demand(
    pieces: AsyncIterator[SynthesisPiece], request: SessionRequest
) -> AsyncIterator[SynthesisPiece]:
    """Compute each piece only once the client takes it."""
    while True:
        await request.spend_credit()
        try:
            piece = await anext(pieces)
        except StopAsyncIteration:
            return
        yield piece

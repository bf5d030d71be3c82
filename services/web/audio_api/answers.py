"""Answers that are sent in pieces: to whoever reads them, and no longer than they do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from ..http.errors import ApiError

STALL_SECONDS: Final = 60.0
"""Time in which a client must have read some of what it is sent."""

EVENT_STREAM: Final = "text/event-stream"


class BrokenOff(Exception):
    """An answer could not be completed after it had begun; its connection is closed."""


class PieceByPiece:
    """An answer that begins with its first piece, so that an error before it has its status."""

    def __init__(
        self, request: web.Request, content_type: str, *, stall_seconds: float = STALL_SECONDS
    ) -> None:
        self._request = request
        self._stall_seconds = stall_seconds
        self._charset = "utf-8" if content_type == EVENT_STREAM else None
        self.response = web.StreamResponse()
        self.response.content_type = content_type
        self.response.charset = self._charset
        self.response.headers["X-Accel-Buffering"] = "no"
        """So that nginx passes pieces on as they come."""

    @property
    def begun(self) -> bool:
        """Whether the status has been sent."""
        return self.response.prepared

    async def send(self, piece: bytes) -> None:
        """Send a piece; wait until the client has read most of those before.

        Raises ConnectionError if it does not read.
        """
        if not self.begun:
            await self.response.prepare(self._request)
        try:
            async with asyncio.timeout(self._stall_seconds):
                await self.response.write(piece)
        except TimeoutError:
            self.abort()
            raise ConnectionAbortedError("the client does not read") from None

    async def send_event(self, event: Mapping[str, Any]) -> None:
        """Send a server-sent event; raises as `send`."""
        await self.send(f"data: {json.dumps(event, ensure_ascii=False)}\n\n".encode())

    async def send_error(self, error: ApiError) -> None:
        """Tell of an error as OpenAI's clients expect it among events; raises as `send`."""
        await self.send_event({"type": "error", **error.as_openai()})

    async def end(self) -> web.StreamResponse:
        """Send the end."""
        await self.response.write_eof()
        return self.response

    def abort(self) -> None:
        """Close the connection, so that nobody takes what was sent for the whole."""
        if self._request.transport is not None:
            self._request.transport.abort()

"""Sends events to one client."""

from __future__ import annotations

import asyncio
import contextlib

from wyoming.error import Error
from wyoming.event import Eventable, async_write_event

from .errors import WyomingError
from .limits import WRITE_SECONDS


class Outlet:
    """The writing side of a connection; belongs to one event loop."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    async def send(self, message: Eventable) -> None:
        """Send an event, as fast as the client takes it.

        Raises ConnectionError once the client has gone, or takes nothing.
        """
        if self._writer.is_closing():
            raise ConnectionResetError("the client has gone")
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await async_write_event(message.event(), self._writer)
        except TimeoutError:
            self._writer.transport.abort()
            raise ConnectionAbortedError("the client takes nothing") from None

    async def refuse(self, error: WyomingError) -> None:
        """Tell the client why it is not served, as the last it gets, if it still listens."""
        with contextlib.suppress(OSError):
            await self.send(Error(text=str(error), code=error.code))
            self._writer.write_eof()

    async def close(self) -> None:
        """Close the connection; what was sent may still arrive."""
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(1.0):
                await self._writer.wait_closed()
        self._writer.transport.abort()

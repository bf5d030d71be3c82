"""The requests of one client that wait to be served, bounded."""

from __future__ import annotations

import asyncio
from collections import deque

from .limits import MOST_WAITING_BYTES, MOST_WAITING_EVENTS
from .requests import Request


class Inbox:
    """A queue between the reader of a connection and its work; belongs to one event loop."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Request, int]] = deque()
        self._bytes = 0
        self._changed = asyncio.Condition()
        self._working = False

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is being served."""
        return not self._waiting and not self._working

    async def put(self, request: Request, size_bytes: int) -> None:
        """Append a request, once there is room for one more."""
        async with self._changed:
            await self._changed.wait_for(
                lambda: (
                    len(self._waiting) < MOST_WAITING_EVENTS and self._bytes < MOST_WAITING_BYTES
                )
            )
            self._waiting.append((request, size_bytes))
            self._bytes += size_bytes
            self._changed.notify_all()

    async def take(self) -> Request:
        """Return the next request, which is being served until the next call."""
        async with self._changed:
            self._working = False
            await self._changed.wait_for(lambda: bool(self._waiting))
            request, size_bytes = self._waiting.popleft()
            self._bytes -= size_bytes
            self._working = True
            self._changed.notify_all()
            return request

"""Limits the rooms with calls of one address, so that no single caller takes every agent."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ...livekit_server.rooms import UNREACHABLE
from ..http.errors import ApiError
from ..http.ratelimit import MAX_KEYS

logger = logging.getLogger("services.web")

MOST_UNUSED: Final = 10
"""Rooms that an address got a token for and has not been seen in yet."""
RETRY_SECONDS: Final = 15.0


@dataclass(slots=True)
class _Room:
    issued: float
    """Monotonic time of its latest token."""
    seen: bool = False
    """Whether it was opened."""


class RoomLimit:
    """Remembers the rooms that each address got tokens for; used from one event loop.

    Once an address has enough of them, LiveKit is asked who is in them. While LiveKit does not
    answer no request is refused, since nobody could join either.
    """

    def __init__(
        self,
        most: int,
        callers_in: Callable[[Iterable[str]], Awaitable[Mapping[str, int]]],
        *,
        remember_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Configure it.

        Args:
            most: rooms with a call of one address, 0 for no limit.
            callers_in: returns how many callers are in each of these rooms that exist.
            remember_seconds: how long a token can be used to join.
            clock: monotonic seconds.
        """
        self._most = most
        self._callers_in = callers_in
        self._remember_seconds = remember_seconds
        self._clock = clock
        self._rooms: OrderedDict[str, dict[str, _Room]] = OrderedDict()

    async def admit(self, address: str, room: str) -> None:
        """Record that `address` gets a token for `room`.

        Raises:
            ApiError: 429 `too_many_rooms`.
        """
        if self._most <= 0:
            return
        rooms = self._rooms.pop(address, {})
        self._rooms[address] = rooms
        while len(self._rooms) > MAX_KEYS:
            self._rooms.popitem(last=False)
        # Nothing is awaited between the count in `_check` and the room's entry: requests at the
        # same time cannot pass on one count.
        if room not in rooms and len(rooms) >= min(self._most, MOST_UNUSED):
            await self._check(rooms)
        rooms[room] = _Room(self._clock(), seen=room in rooms and rooms[room].seen)

    async def _check(self, rooms: dict[str, _Room]) -> None:
        try:
            found = await self._callers_in(list(rooms))
        except UNREACHABLE as error:
            logger.info("rooms not counted", extra={"error": str(error)})
            rooms.clear()
            return
        oldest = self._clock() - self._remember_seconds
        for name, room in list(rooms.items()):
            room.seen = room.seen or name in found
            if not found.get(name) and (room.seen or room.issued < oldest):
                del rooms[name]
        unused = sum(not room.seen for room in rooms.values())
        in_use = sum(found.get(name, 0) > 0 for name in rooms)
        if in_use >= self._most or unused >= MOST_UNUSED:
            raise ApiError(
                429,
                "too_many_rooms",
                "Your address has enough calls already; end one and try again.",
                retry_after_seconds=RETRY_SECONDS,
            )

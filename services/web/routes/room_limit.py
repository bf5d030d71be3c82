"""How many rooms one address may have calls in, so that nobody takes every agent."""

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
"""Rooms that an address has asked for and not been seen in yet."""
RETRY_SECONDS: Final = 15.0


@dataclass(slots=True)
class _Room:
    issued: float
    """Monotonic time of its latest token."""
    seen: bool = False
    """Whether it was opened."""


class RoomLimit:
    """Remembers which address asked for which rooms; used from one event loop.

    LiveKit is asked who is in them once an address has enough of them. Where it does not
    answer nobody is refused: nobody could join either.
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
            most: rooms with a call of one address, 0 for any number.
            callers_in: how many callers are in each of these rooms that exists.
            remember_seconds: how long a token can be used to join.
            clock: monotonic seconds.
        """
        self._most = most
        self._callers_in = callers_in
        self._remember_seconds = remember_seconds
        self._clock = clock
        self._rooms: OrderedDict[str, dict[str, _Room]] = OrderedDict()

    async def admit(self, address: str, room: str) -> None:
        """Take note that `address` gets a token for `room`.

        Raises:
            ApiError: 429 `too_many_rooms`.
        """
        if self._most <= 0:
            return
        known = self._rooms.pop(address, {})
        self._rooms[address] = known
        while len(self._rooms) > MAX_KEYS:
            self._rooms.popitem(last=False)
        if room not in known and len(known) >= min(self._most, MOST_UNUSED):
            await self._check(known)
        known[room] = _Room(self._clock(), seen=room in known and known[room].seen)

    async def _check(self, known: dict[str, _Room]) -> None:
        try:
            found = await self._callers_in(list(known))
        except UNREACHABLE as error:
            logger.info("rooms not counted", extra={"error": str(error)})
            known.clear()
            return
        oldest = self._clock() - self._remember_seconds
        for name, room in list(known.items()):
            room.seen = room.seen or name in found
            if not found.get(name) and (room.seen or room.issued < oldest):
                del known[name]
        unused = sum(not room.seen for room in known.values())
        in_use = sum(found.get(name, 0) > 0 for name in known)
        if in_use >= self._most or unused >= MOST_UNUSED:
            raise ApiError(
                429,
                "too_many_rooms",
                "There are enough calls from your address already; end one and try again.",
                retry_after_seconds=RETRY_SECONDS,
            )

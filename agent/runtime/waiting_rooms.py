"""Rooms that are without an agent since there was no place: each gets one when there is."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from services.admission import Admission
from services.livekit_server.rooms import UNREACHABLE, LiveKitRooms, People

logger = logging.getLogger("agent.runtime.waiting_rooms")

MOST_WAITING: Final = 100
"""Rooms remembered; who comes later is not."""
WAITING_SECONDS: Final = 900.0
"""How long a room is remembered after it was refused last."""
RETURN_SECONDS: Final = 30.0
"""How long a room is watched that was left because nobody was in it."""

_LOOK_SECONDS = 3.0
"""Between two looks at what is remembered, where nothing has happened meanwhile."""
_JOIN_SECONDS = 10.0
"""A room may be offered before its caller is seen in it."""
_ANSWER_SECONDS = 5.0
"""After that long without an offer of the room an agent is asked for again."""


@dataclass(slots=True)
class _Room:
    metadata: str
    until: float
    """Monotonic time at which it is forgotten."""
    left: bool
    """Whether we have been there, so that an empty room is one whose callers may come back."""
    since: float
    """Monotonic time at which it was refused or left."""
    asked: float = 0.0
    """Monotonic time at which an agent was last asked for."""


class WaitingRooms:
    """Asks LiveKit for an agent for those who wait, in the order in which they came.

    LiveKit offers a new room once. Whoever is refused then, with whatever client, would be alone
    for good; so would somebody who comes back to a room that an agent has just left. A place that
    comes free is promised to the room that has waited longest before the agent is asked for, so
    that nobody who comes later takes it. With several workers the first that has a place asks.

    Its methods may be called from any thread; `run` belongs to the worker's loop.
    """

    def __init__(
        self,
        rooms: LiveKitRooms,
        admission: Admission,
        agent_name: str,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`agent_name` is what the workers are registered by; empty for no name."""
        self._rooms = rooms
        self._admission = admission
        self._agent_name = agent_name
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[str, _Room] = {}
        """By name, longest waiting first."""
        self._news = asyncio.Event()

    @property
    def names(self) -> list[str]:
        """Rooms whose callers were refused, in the order of their turn."""
        # A copy: the worker's loop may change it meanwhile.
        return [name for name, room in list(self._waiting.items()) if not room.left]

    def refused(self, room: str, metadata: str = "") -> None:
        """Remember a room that there was no place for, with the metadata of its job."""
        self._tell(self._remember, room, metadata, WAITING_SECONDS, False)

    def left(self, room: str) -> None:
        """Watch a room that was left since nobody was in it."""
        self._tell(self._remember, room, "", RETURN_SECONDS, True)

    def served(self, room: str) -> None:
        """Forget a room that has its agent."""
        self._tell(self._forget, room)

    def place_free(self) -> None:
        """Look at once, since a place may be free."""
        self._tell(self._news.set)

    async def run(self) -> None:
        """Send agents to those who wait, until cancelled."""
        while True:
            wait = _LOOK_SECONDS if self._waiting else None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), wait)
            self._news.clear()
            try:
                await self._serve()
            except Exception:
                logger.exception("waiting rooms not served")

    async def aclose(self) -> None:
        """Close the connection to LiveKit."""
        await self._rooms.aclose()

    async def _serve(self) -> None:
        """Go through those who wait, as far as there are places."""
        now = self._clock()
        for name in [name for name, room in self._waiting.items() if now >= room.until]:
            self._forget(name)
        for name, room in list(self._waiting.items()):
            if self._clock() < room.asked + _ANSWER_SECONDS:
                continue
            if not self._admission.promise(name):
                return
            await self._send(name, room)

    async def _send(self, name: str, room: _Room) -> None:
        try:
            people = await self._rooms.people(name)
            if not room.left and await self._is_over(name, room, people):
                self._forget(name)
            elif name in self._waiting and people.callers and not people.agents:
                room.asked = self._clock()
                await self._rooms.send_agent(name, self._agent_name, metadata=room.metadata)
                logger.info("agent asked for", extra={"room": name})
                return
        except UNREACHABLE as error:
            logger.info("no agent asked for", extra={"room": name, "error": str(error)})
        self._admission.withdraw(name)

    async def _is_over(self, name: str, room: _Room, people: People) -> bool:
        """Whether nobody waits in a refused room any more, or another worker has taken it."""
        if not people.callers:
            return self._clock() >= room.since + _JOIN_SECONDS
        return bool(people.agents) or await self._rooms.assigned(name, self._agent_name)

    def _remember(self, name: str, metadata: str, seconds: float, left: bool) -> None:
        now = self._clock()
        room = self._waiting.get(name)
        if room is None and not left and len(self._waiting) >= MOST_WAITING:
            # Who waits goes before who may come back.
            watched = next((other for other, found in self._waiting.items() if found.left), "")
            self._forget(watched)
        if room is not None:
            room.metadata, room.left = metadata or room.metadata, left
            room.until, room.since, room.asked = now + seconds, now, 0.0
        elif len(self._waiting) < MOST_WAITING:
            self._waiting[name] = _Room(metadata, now + seconds, left, now)
        else:
            logger.warning("room not remembered: too many wait", extra={"room": name})
        self._news.set()

    def _forget(self, name: str) -> None:
        self._waiting.pop(name, None)

    def _tell(self, function: Callable[..., None], *arguments: object) -> None:
        # A room's thread may outlive the worker's loop.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *arguments)

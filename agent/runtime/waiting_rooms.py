"""Rooms without an agent for lack of a place: each gets one when a place is free."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from services.admission import Admission
from services.livekit_server.rooms import UNREACHABLE, LiveKitRooms, People

logger = logging.getLogger("agent.runtime.waiting_rooms")

MOST_WAITING: Final = 100
"""Rooms remembered; later ones are not."""
WAITING_SECONDS: Final = 900.0
"""How long a room is remembered after its last refusal."""
RETURN_SECONDS: Final = 30.0
"""How long an empty room is watched after its agent left."""

_LOOK_SECONDS = 3.0
"""Longest time between two checks of the rooms."""
_JOIN_SECONDS = 10.0
"""A room may be offered this long before its caller appears in it."""
_ANSWER_SECONDS = 5.0
"""After that long without an offer of the room an agent is requested again."""
_MOST_AT_ONCE = 8
"""Rooms about which LiveKit is asked at the same time."""


@dataclass(slots=True)
class _Room:
    metadata: str
    until: float
    """Monotonic time at which it is forgotten."""
    left: bool
    """Whether our agent was there, so that its callers may come back to the empty room."""
    since: float
    """Monotonic time at which it was refused or left."""
    asked: float = 0.0
    """Monotonic time at which an agent was last requested."""


class WaitingRooms:
    """Requests agents for waiting rooms, in the order of their refusal.

    LiveKit offers a new room once. A caller who is refused then, with any client, would stay alone,
    and so would one who comes back to a room that the agent has just left. A free place is promised
    to the room that has waited longest before its agent is requested, so that no later room takes
    it. Of several workers, the first with a place sends the request.

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
        """`agent_name` is the name that the workers register with; empty for no name."""
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
        """Rooms that were refused, in the order of their turn."""
        # A copy: the worker's loop may change it meanwhile.
        return [name for name, room in list(self._waiting.items()) if not room.left]

    def refused(self, room: str, metadata: str = "") -> None:
        """Remember a refused room with the metadata of its job."""
        self._tell(self._remember, room, metadata, WAITING_SECONDS, False)

    def left(self, room: str, metadata: str = "") -> None:
        """Watch an empty room that the agent left; the next one gets `metadata`."""
        self._tell(self._remember, room, metadata, RETURN_SECONDS, True)

    def served(self, room: str) -> None:
        """Forget a room that has its agent."""
        self._tell(self._forget, room)

    def place_free(self) -> None:
        """Check the rooms now, as a place may be free."""
        self._tell(self._news.set)

    async def run(self) -> None:
        """Send agents to waiting rooms until cancelled."""
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
        """Go through the rooms, as far as there are places."""
        now = self._clock()
        for name in [name for name, room in self._waiting.items() if now >= room.until]:
            self._forget(name)
        due = deque(
            (name, room)
            for name, room in self._waiting.items()
            if now >= room.asked + _ANSWER_SECONDS
        )
        while due:
            batch: list[tuple[str, _Room]] = []
            while due and len(batch) < _MOST_AT_ONCE and self._admission.promise(due[0][0]):
                batch.append(due.popleft())
            if not batch:
                return
            async with asyncio.TaskGroup() as group:
                for name, room in batch:
                    group.create_task(self._send(name, room), name="send-agent")

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
        """Whether a refused room is empty again, or another worker has taken it."""
        if not people.callers:
            return self._clock() >= room.since + _JOIN_SECONDS
        return bool(people.agents) or await self._rooms.assigned(name, self._agent_name)

    def _remember(self, name: str, metadata: str, seconds: float, left: bool) -> None:
        now = self._clock()
        room = self._waiting.get(name)
        if room is None and not left and len(self._waiting) >= MOST_WAITING:
            # A waiting room goes before one whose callers may come back.
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

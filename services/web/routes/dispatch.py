"""Dispatches a new agent to a room whose agent is gone, at the request of a caller in it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from aiohttp import web
from livekit import api

from ...dispatch_metadata import DispatchMetadata
from ...livekit_server.credentials import LiveKitCredentials
from ...livekit_server.rooms import UNREACHABLE, LiveKitRooms
from ...protocol import Pong
from ..http.errors import ApiError
from ..http.guard import Guard, json_object
from ..http.ratelimit import RateLimit
from .agent_ping import AgentPing, UnknownPresenceError
from .tokens import Holder, TokenIssuer, TokenRefusedError

logger = logging.getLogger("services.web")

FIRST_WAIT_SECONDS = 3.0
LEAVING_SECONDS = 2.0
LONGEST_WAIT_SECONDS = 30.0
FORGET_AFTER_SECONDS = 300.0
MAX_ROOMS = 10_000
REQUESTS_PER_MINUTE = 60.0
MAX_TOKEN_CHARACTERS = 8192


@dataclass(frozen=True)
class DispatchAnswer:
    """The outcome of a request for a new agent."""

    state: Literal["present", "dispatched", "waiting", "ended"]
    """An agent serves the room; one was dispatched just now; one was dispatched a moment ago; the
    agent has ended the call, and no other follows."""
    retry_after_seconds: float
    """When to ask again if no agent has joined by then."""

    def as_json(self) -> dict[str, Any]:
        return {"state": self.state, "retry_after_seconds": round(self.retry_after_seconds, 1)}


@dataclass
class _RoomRecord:
    attempts: int = 0
    next_attempt_seconds: float = 0.0
    working: bool = False
    leaving: bool = False
    """Whether the last request found an agent on its way out, and waited for its worker."""


class Redispatcher:
    """Dispatches agents, with growing pauses per room; used from one event loop."""

    def __init__(
        self,
        livekit: LiveKitCredentials,
        agent_name: str,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Configure it; nothing is connected before the first request.

        Args:
            livekit: as this server reaches it.
            agent_name: the agent to dispatch.
            clock: monotonic seconds.
        """
        self._livekit = LiveKitRooms(livekit)
        self._agent_name = agent_name
        self._clock = clock
        self._rooms: OrderedDict[str, _RoomRecord] = OrderedDict()
        self._ping = AgentPing(livekit)

    async def request(self, holder: Holder, *, unresponsive: str | None = None) -> DispatchAnswer:
        """Dispatch an agent to the holder's room, unless one serves it or was just dispatched.

        Args:
            holder: a verified caller.
            unresponsive: identity of an agent in that room that does not answer the holder.
                LiveKit lists a dead agent for another 20 s, so it is removed first, if it does not
                answer this server either. The holder is believed only if LiveKit cannot ping, and
                only if the holder is a speaker.

        Raises:
            ApiError: 409 `not_in_room`, 503 `livekit_unreachable`.
        """
        record = self._record(holder.room)
        wait_seconds = record.next_attempt_seconds - self._clock()
        if record.working:
            return DispatchAnswer("waiting", max(wait_seconds, 1.0))
        record.working = True
        try:
            return await self._request(holder, record, unresponsive)
        except UNREACHABLE as error:
            logger.warning("dispatch failed", extra={"room": holder.room, "error": str(error)})
            raise ApiError(
                503,
                "livekit_unreachable",
                "The media server does not answer; trying again.",
                retry_after_seconds=FIRST_WAIT_SECONDS,
            ) from error
        finally:
            record.working = False

    async def aclose(self) -> None:
        """Close the connection to LiveKit."""
        await self._ping.aclose()
        await self._livekit.aclose()

    async def _request(
        self, holder: Holder, record: _RoomRecord, unresponsive: str | None
    ) -> DispatchAnswer:
        people = await self._livekit.people(holder.room)
        agents, callers = people.agents, people.callers
        if holder.identity not in callers:
            raise ApiError(409, "not_in_room", "You are no longer in this room; join again.")
        believed = unresponsive if _may_call_dead(holder.identity, callers) else None
        presences = await asyncio.gather(
            *(self._presence(holder.room, agent, believed) for agent in agents.values())
        )
        if Pong.ENDED in presences:
            return DispatchAnswer("ended", LONGEST_WAIT_SECONDS)
        if Pong.SERVES in presences:
            record.attempts, record.leaving = 0, False
            return DispatchAnswer("present", FIRST_WAIT_SECONDS)
        wait_seconds = record.next_attempt_seconds - self._clock()
        if wait_seconds > 0:
            return DispatchAnswer("waiting", wait_seconds)
        # Pinging takes seconds. Replacing an agent that joined meanwhile would end its call.
        if (await self._livekit.people(holder.room)).agents.keys() - agents.keys():
            return DispatchAnswer("present", FIRST_WAIT_SECONDS)
        if Pong.LEAVES in presences and not record.leaving:
            # A worker whose agent left an empty room sends another to callers who come back to it.
            # Only one that is itself ending does not.
            record.leaving = True
            record.next_attempt_seconds = self._clock() + LEAVING_SECONDS
            return DispatchAnswer("waiting", LEAVING_SECONDS)
        record.leaving = False
        dead = [
            identity for identity, found in zip(agents, presences, strict=True) if found is None
        ]
        for identity in dead:
            await self._livekit.remove(holder.room, identity)
        metadata = DispatchMetadata(agent=holder.agent, takes_over=True).encode()
        await self._livekit.send_agent(holder.room, self._agent_name, metadata=metadata)
        pause = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0**record.attempts)
        record.attempts += 1
        record.next_attempt_seconds = self._clock() + pause
        logger.info(
            "agent dispatched again",
            extra={"room": holder.room, "attempt": record.attempts, "dead_agents": len(dead)},
        )
        return DispatchAnswer("dispatched", pause)

    async def _presence(
        self, room: str, agent: api.ParticipantInfo, believed_dead: str | None
    ) -> Pong | None:
        """Return what an agent in the room answers, None for one that is dead."""
        if agent.state != api.ParticipantInfo.State.ACTIVE:
            return Pong.SERVES  # It is joining, and cannot be reached yet.
        try:
            return await self._ping.ask(room, agent.identity)
        except UnknownPresenceError as error:
            logger.info("agent cannot be pinged", extra={"room": room, "answer": str(error)})
            return None if agent.identity == believed_dead else Pong.SERVES

    def _record(self, room: str) -> _RoomRecord:
        now = self._clock()
        record = self._rooms.pop(room, None)
        if record is None or now > record.next_attempt_seconds + FORGET_AFTER_SECONDS:
            record = _RoomRecord()
        self._rooms[room] = record
        while len(self._rooms) > MAX_ROOMS:
            self._rooms.popitem(last=False)
        return record


def _may_call_dead(identity: str, callers: Mapping[str, api.ParticipantInfo]) -> bool:
    """Whether a caller may report a dead agent: a speaker, or anyone if there are none."""
    speakers = {
        caller.identity
        for caller in callers.values()
        if any(track.type == api.TrackType.AUDIO for track in caller.tracks)
    }
    return identity in speakers or not speakers


class DispatchRoutes:
    """`POST /api/dispatch`: body `{"token", "unresponsive"?}`, answer as `DispatchAnswer`."""

    def __init__(
        self,
        redispatcher: Redispatcher,
        issuer: TokenIssuer,
        guard: Guard,
        *,
        per_minute: float = REQUESTS_PER_MINUTE,
    ) -> None:
        """Configure it: `issuer` verifies tokens and tickets, `per_minute` is per address."""
        self._redispatcher = redispatcher
        self._issuer = issuer
        self._guard = guard
        self._limit = RateLimit(per_minute, burst=max(1, round(per_minute)))

    def __call__(self, app: web.Application) -> None:
        app.router.add_post("/api/dispatch", self._dispatch)
        app.router.add_options("/api/dispatch", self._guard.preflight)
        app.cleanup_ctx.append(self._close_at_end)

    async def _close_at_end(self, app: web.Application) -> AsyncIterator[None]:
        yield
        await self._redispatcher.aclose()

    async def _dispatch(self, request: web.Request) -> web.Response:
        self._guard.check_origin(request)
        self._guard.check_rate(request, self._limit)
        body = await json_object(request)
        token, unresponsive = body.get("token"), body.get("unresponsive")
        if not isinstance(token, str) or not isinstance(unresponsive, str | None):
            raise ApiError(400, "bad_token", "Send the token or ticket that you joined with.")
        try:
            holder = self._issuer.verify(token[:MAX_TOKEN_CHARACTERS])
        except TokenRefusedError:
            raise ApiError(
                401, "bad_token", "Your access to this room has expired; leave and join again."
            ) from None
        answer = await asyncio.shield(self._redispatcher.request(holder, unresponsive=unresponsive))
        return web.json_response(answer.as_json())

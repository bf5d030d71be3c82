"""The rooms of a LiveKit server: who is in them, and sending agents there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass, field

import aiohttp
from livekit import api

from .callers import is_caller
from .credentials import LiveKitCredentials

ANSWER_SECONDS = 5.0
"""Longest wait for an answer from the server."""

_IDLE_SECONDS = 2.0
"""How long a connection stays open after an answer: several rooms may be asked about at once."""

UNREACHABLE = (api.ServerError, aiohttp.ClientError, TimeoutError)
"""What every method raises when the server refuses a request or cannot be reached."""


@dataclass(frozen=True, slots=True)
class People:
    """Who is in a room, by identity."""

    agents: Mapping[str, api.ParticipantInfo] = field(default_factory=dict)
    callers: Mapping[str, api.ParticipantInfo] = field(default_factory=dict)


class LiveKitRooms:
    """The server's API for rooms; used from one event loop, connected at the first call."""

    def __init__(self, credentials: LiveKitCredentials) -> None:
        self._credentials = credentials
        self._session: aiohttp.ClientSession | None = None

    async def people(self, room: str) -> People:
        """Return who is in the room; nobody where it does not exist."""
        livekit = self._connect()
        try:
            listed = await livekit.room.list_participants(api.ListParticipantsRequest(room=room))
        except api.ServerError as error:
            if error.code == api.ServerErrorCode.NOT_FOUND:
                return People()
            raise
        agents: dict[str, api.ParticipantInfo] = {}
        callers: dict[str, api.ParticipantInfo] = {}
        for participant in listed.participants:
            if participant.state == api.ParticipantInfo.State.DISCONNECTED:
                continue
            if participant.kind == api.ParticipantInfo.Kind.AGENT:
                agents[participant.identity] = participant
            elif is_caller(participant.kind, participant.attributes):
                callers[participant.identity] = participant
        return People(agents, callers)

    async def callers_in(self, names: Iterable[str]) -> dict[str, int]:
        """Return the number of callers in each of these rooms that exists."""
        listed = await self._connect().room.list_rooms(api.ListRoomsRequest(names=list(names)))
        # The number of participants in the answer lags by seconds.
        rooms = [room.name for room in listed.rooms]
        found = await asyncio.gather(*(self.people(room) for room in rooms))
        return {room: len(people.callers) for room, people in zip(rooms, found, strict=True)}

    async def assigned(self, room: str, agent_name: str) -> bool:
        """Whether a worker of that name has taken the room since the last `send_agent`."""
        dispatches = await self._connect().agent_dispatch.list_dispatch(room)
        return any(found.agent_name == agent_name and found.state.jobs for found in dispatches)

    async def send_agent(self, room: str, agent_name: str, *, metadata: str = "") -> None:
        """Dispatch an agent, by the name that workers registered with; empty for no name.

        Earlier dispatches are withdrawn, so that a late worker does not come as a second agent.
        """
        livekit = self._connect()
        for dispatch in await livekit.agent_dispatch.list_dispatch(room):
            if dispatch.agent_name == agent_name:
                await _unless_gone(livekit.agent_dispatch.delete_dispatch(dispatch.id, room))
        await livekit.agent_dispatch.create_dispatch(
            api.CreateAgentDispatchRequest(agent_name=agent_name, room=room, metadata=metadata)
        )

    async def remove(self, room: str, identity: str) -> None:
        """Remove a participant from the room, unless already gone."""
        livekit = self._connect()
        gone = api.RoomParticipantIdentity(room=room, identity=identity)
        await _unless_gone(livekit.room.remove_participant(gone))

    async def delete(self, room: str) -> None:
        """End the room for everybody in it, unless it is gone already."""
        livekit = self._connect()
        await _unless_gone(livekit.room.delete_room(api.DeleteRoomRequest(room=room)))

    async def aclose(self) -> None:
        """Close the connection. Idempotent."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _connect(self) -> api.LiveKitAPI:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS),
                connector=aiohttp.TCPConnector(keepalive_timeout=_IDLE_SECONDS),
            )
        return api.LiveKitAPI(
            self._credentials.url,
            self._credentials.api_key,
            self._credentials.api_secret,
            session=self._session,
        )


async def _unless_gone(work: Awaitable[object]) -> None:
    """Await a call and ignore that its room or participant is gone."""
    try:
        await work
    except api.ServerError as error:
        if error.code != api.ServerErrorCode.NOT_FOUND:
            raise

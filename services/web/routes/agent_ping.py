"""Pings an agent in a room through LiveKit's server.

The server pings by itself because any participant could claim that a working agent is dead.
"""

from __future__ import annotations

import json
import logging
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import aiohttp
from livekit import api

from ...livekit_server.credentials import LiveKitCredentials
from ...protocol import Method, Pong

logger = logging.getLogger("services.web")

ANSWER_SECONDS: Final = 2.0
TRIES: Final = 2
"""One answer may be lost while an agent's loop is blocked for a moment, or while it is joining."""

_PATH: Final = "/twirp/livekit.RoomService/PerformRpc"
_SILENT: Final = ("canceled", "deadline_exceeded")
"""Twirp codes of a call without an answer in time."""
_NO_JUDGEMENT: Final = ("invalid_argument", "not_found", "unavailable", "internal")
"""Codes for an agent without this method, one that is joining or just left, or one that failed to
answer."""


class UnknownPresenceError(Exception):
    """This LiveKit server cannot ping agents; the text says what it answered."""


class AgentPing:
    """Pings agents; used from one event loop."""

    def __init__(self, livekit: LiveKitCredentials) -> None:
        address = urlsplit(livekit.url)
        scheme = address.scheme.replace("ws", "http", 1)
        self._url = urlunsplit((scheme, address.netloc, address.path.rstrip("/") + _PATH, "", ""))
        self._livekit = livekit
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, room: str, identity: str) -> Pong | None:
        """Return the agent's answer, or None if there is none within a few seconds.

        An agent without this method counts as serving, and so does one that LiveKit cannot reach
        yet, since it has only just joined.

        Raises:
            UnknownPresenceError: LiveKit's server is too old for RPC through its API, or something
                else answers in its place.
            aiohttp.ClientError, TimeoutError: it cannot be reached.
        """
        for _ in range(TRIES):
            answer = await self._ask(room, identity)
            if answer is not None:
                return answer
        return None

    async def aclose(self) -> None:
        """Close the connection to LiveKit."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _ask(self, room: str, identity: str) -> Pong | None:
        grants = api.VideoGrants(room_admin=True, room=room)
        token = api.AccessToken(self._livekit.api_key, self._livekit.api_secret)
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=2 * ANSWER_SECONDS)
            )
        async with self._session.post(
            self._url,
            headers={"Authorization": f"Bearer {token.with_grants(grants).to_jwt()}"},
            json={
                "room": room,
                "destination_identity": identity,
                "method": Method.PING.value,
                "response_timeout_ms": round(ANSWER_SECONDS * 1000),
            },
        ) as response:
            answer = _object(await response.text(errors="replace"))
            if answer is None:
                raise UnknownPresenceError(f"status {response.status}, and no JSON object")
            if response.status == 200:
                payload = answer.get("payload")
                return Pong(payload) if payload in tuple(Pong) else Pong.SERVES
        code = answer.get("code", "")
        if code in _SILENT:
            return None
        if code in _NO_JUDGEMENT:
            return Pong.SERVES
        raise UnknownPresenceError(f"status {response.status} {code}".rstrip())


def _object(text: str) -> dict[str, Any] | None:
    """Parse a JSON object; return None for anything else, such as a proxy's error page."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None

"""Room tokens: for one room and identity, valid for minutes, with the rights of a conversation."""

from __future__ import annotations

import datetime
import secrets
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jwt
from aiohttp import web
from livekit import api
from livekit.protocol.agent_dispatch import RoomAgentDispatch
from livekit.protocol.room import RoomConfiguration

from ... import defaults
from ...dispatch_metadata import AGENT_KEY, DispatchMetadata
from ..http.errors import ApiError
from ..http.guard import Guard, json_object
from ..http.ratelimit import RateLimit, address_key
from .room_limit import RoomLimit
from .status import OfferedAgent

TICKET_TTL_SECONDS = 12 * 3600.0
MAX_NAME_CHARACTERS = 64
MAX_ROOM_CHARACTERS = 64
ROOM_PUNCTUATION = " -_."
JOINERS = "\u200c\u200d"
"""Zero-width joiners: invisible, but required by some scripts and emoji."""

ROOM_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


class TokenRefusedError(Exception):
    """A token that is forged, expired or from another issuer."""


@dataclass(frozen=True)
class IssuedToken:
    """What a caller needs to join a room."""

    url: str
    """Address of the LiveKit server, as the browser reaches it."""
    token: str
    """Lets its holder join; valid for minutes."""
    ticket: str
    """Proves to this server which room its holder is in; grants nothing on LiveKit."""
    room: str
    identity: str
    expires_in_seconds: float

    def as_json(self) -> dict[str, Any]:
        return {
            "url": self.url,
            "token": self.token,
            "ticket": self.ticket,
            "room": self.room,
            "identity": self.identity,
            "expires_in_seconds": self.expires_in_seconds,
        }


@dataclass(frozen=True)
class Holder:
    """The caller that a verified token identifies."""

    room: str
    identity: str
    agent: str = ""
    """The agent that the caller chose; empty for none."""


class TokenIssuer:
    """Issues and verifies tokens; stateless, so thread-safe."""

    def __init__(
        self,
        api_key: str,
        api_secret: str,
        url: str,
        agent_name: str,
        *,
        ttl_seconds: float = 60.0 * defaults.TOKEN_MINUTES,
        ticket_ttl_seconds: float = TICKET_TTL_SECONDS,
    ) -> None:
        """Configure the issuer.

        Args:
            api_key: LiveKit API key.
            api_secret: LiveKit API secret.
            url: LiveKit's address as browsers reach it (`ws://` or `wss://`).
            agent_name: agent to dispatch when the room is created; empty for any unnamed one.
            ttl_seconds: how long a token can be used to join.
            ticket_ttl_seconds: how long its holder can request a new agent.
        """
        self._api_key = api_key
        self._api_secret = api_secret
        self._url = url
        self._agent_name = agent_name
        self._ttl_seconds = ttl_seconds
        self._ticket_ttl_seconds = ticket_ttl_seconds

    def issue(
        self, *, room: str | None = None, name: str | None = None, agent: str | None = None
    ) -> IssuedToken:
        """Issue a token for a room and a new identity; all of them must be validated.

        `agent` comes if the room is new.
        """
        room = room or new_room_name()
        identity = f"caller-{secrets.token_hex(8)}"
        join = api.VideoGrants(
            room=room,
            room_join=True,
            can_publish=True,
            can_publish_sources=["microphone"],
            can_publish_data=True,
            can_subscribe=True,
            can_update_own_metadata=False,
        )
        token = self._token(identity, join, self._ttl_seconds).with_name(name or "Caller")
        chosen = {AGENT_KEY: agent} if agent else {}
        if self._agent_name or agent:
            dispatch = RoomAgentDispatch(
                agent_name=self._agent_name, metadata=DispatchMetadata(agent=agent or "").encode()
            )
            token.with_room_config(RoomConfiguration(agents=[dispatch]))
        nothing = api.VideoGrants(
            room=room,
            room_join=False,
            can_publish=False,
            can_publish_data=False,
            can_subscribe=False,
        )
        ticket = self._token(identity, nothing, self._ticket_ttl_seconds)
        for issued in (token, ticket) if chosen else ():
            issued.with_attributes(chosen)
        return IssuedToken(
            url=self._url,
            token=token.to_jwt(),
            ticket=ticket.to_jwt(),
            room=room,
            identity=identity,
            expires_in_seconds=self._ttl_seconds,
        )

    def verify(self, token: str) -> Holder:
        """Return the caller that a token or ticket of this server identifies.

        Raises:
            TokenRefusedError: its signature, issuer or expiry is wrong, or it names no room.
        """
        verifier = api.TokenVerifier(
            self._api_key, self._api_secret, leeway=datetime.timedelta(seconds=5)
        )
        try:
            claims = verifier.verify(token)
        except (jwt.PyJWTError, ValueError, TypeError, AttributeError) as error:
            raise TokenRefusedError(str(error)) from error
        room = claims.video.room if claims.video else ""
        if not room or not claims.identity:
            raise TokenRefusedError("the token names no room or no identity")
        agent = (claims.attributes or {}).get(AGENT_KEY, "")
        return Holder(room=room, identity=claims.identity, agent=agent)

    def _token(self, identity: str, grants: api.VideoGrants, ttl_seconds: float) -> api.AccessToken:
        token = api.AccessToken(self._api_key, self._api_secret).with_identity(identity)
        return token.with_grants(grants).with_ttl(datetime.timedelta(seconds=ttl_seconds))


class TokenRoutes:
    """`POST /api/token`: body `{"room"?, "name"?, "agent"?}`, answer as `IssuedToken.as_json`."""

    def __init__(
        self,
        issuer: TokenIssuer | None,
        guard: Guard,
        rooms: RoomLimit,
        *,
        per_minute: float = defaults.TOKENS_PER_MINUTE,
        agents: Callable[[], Sequence[OfferedAgent]] = tuple,
    ) -> None:
        """Configure it: `issuer` None turns it off, `per_minute` is the limit per address.

        `agents` returns those that callers may choose from.
        """
        self._agents = agents
        self._issuer = issuer
        self._guard = guard
        self._rooms = rooms
        self._limit = RateLimit(per_minute, burst=max(1, round(per_minute)))

    def __call__(self, app: web.Application) -> None:
        app.router.add_post("/api/token", self._issue)
        app.router.add_options("/api/token", self._guard.preflight)

    async def _issue(self, request: web.Request) -> web.Response:
        self._guard.check_origin(request)
        self._guard.check_rate(request, self._limit)
        if self._issuer is None:
            raise ApiError(
                403,
                "tokens_off",
                "This server issues no tokens; open the link from your own sign-in page.",
            )
        self._guard.check_key(request)
        body = await json_object(request)
        room, name = valid_room(body.get("room")) or new_room_name(), valid_name(body.get("name"))
        agent = valid_agent(body.get("agent"), self._agents())
        await self._rooms.admit(address_key(self._guard.client_address(request)), room)
        issued = self._issuer.issue(room=room, name=name, agent=agent)
        return web.json_response(issued.as_json())


def valid_room(value: object) -> str | None:
    """Validate and normalize a room's name; return None if not given.

    Raises:
        ApiError: 400 `bad_room`.
    """
    text = _normalized(value, "bad_room", "room", MAX_ROOM_CHARACTERS)
    if text is None:
        return None
    for character in text:
        if unicodedata.category(character)[0] not in "LMN" and character not in ROOM_PUNCTUATION:
            raise ApiError(
                400,
                "bad_room",
                "A room's name may contain letters, digits, spaces, dots, dashes and underscores.",
            )
    return text


def valid_name(value: object) -> str | None:
    """Validate and normalize a person's name; return None if not given.

    Raises:
        ApiError: 400 `bad_name`.
    """
    return _normalized(value, "bad_name", "name", MAX_NAME_CHARACTERS)


def valid_agent(value: object, offered: Sequence[OfferedAgent]) -> str | None:
    """Return the name of an agent that is offered; None if not given.

    Raises:
        ApiError: 400 `bad_agent`.
    """
    if value is None or value == "":
        return None
    for agent in offered:
        if agent.name == value:
            return agent.name
    raise ApiError(400, "bad_agent", "There is no such agent here; choose another.")


def new_room_name() -> str:
    """Return a random name (59 bits) that is easy to read out."""
    letters = [secrets.choice(ROOM_ALPHABET) for _ in range(12)]
    return "-".join("".join(letters[i : i + 4]) for i in range(0, 12, 4))


def _normalized(value: object, code: str, what: str, longest: int) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ApiError(400, code, f"The {what} must be text.")
    text = " ".join(unicodedata.normalize("NFC", value[: 4 * longest + 4]).split())
    if not text:
        return None
    if len(text) > longest:
        raise ApiError(400, code, f"The {what} is too long; use at most {longest} characters.")
    for character in text:
        if unicodedata.category(character)[0] == "C" and character not in JOINERS:
            raise ApiError(400, code, f"The {what} contains a character that cannot be displayed.")
    return text

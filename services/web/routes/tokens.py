"""Room tokens: one room, one identity, a few minutes, no more rights than a conversation needs."""

from __future__ import annotations

import datetime
import secrets
import unicodedata
from dataclasses import dataclass
from typing import Any

import jwt
from aiohttp import web
from livekit import api
from livekit.protocol.agent_dispatch import RoomAgentDispatch
from livekit.protocol.room import RoomConfiguration

from ... import defaults
from ..http.errors import ApiError
from ..http.guard import Guard, json_object
from ..http.ratelimit import RateLimit, address_key
from .room_limit import RoomLimit

TICKET_TTL_SECONDS = 12 * 3600.0
MAX_NAME_CHARACTERS = 64
MAX_ROOM_CHARACTERS = 64
ROOM_PUNCTUATION = " -_."
JOINERS = "\u200c\u200d"
"""Zero-width joiners: invisible, but letters of some scripts and emoji need them."""

ROOM_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


class TokenRefusedError(Exception):
    """A token that is forged, expired or not one of ours."""


@dataclass(frozen=True)
class IssuedToken:
    """What a caller needs to join a room."""

    url: str
    """Address of the LiveKit server, as the browser reaches it."""
    token: str
    """Lets its holder join; valid for minutes."""
    ticket: str
    """Proves to this server which room its holder is in; LiveKit accepts it for nothing."""
    room: str
    identity: str
    expires_in_seconds: float

    def as_json(self) -> dict[str, Any]:
        """The answer of the token route."""
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
    """Whom a verified token speaks for."""

    room: str
    identity: str


class TokenIssuer:
    """Makes and verifies tokens; thread-safe, it holds nothing but its configuration."""

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
            agent_name: agent to be dispatched when the room is created; empty for none by name.
            ttl_seconds: how long a token can be used to join.
            ticket_ttl_seconds: how long its holder can ask for a new agent.
        """
        self._api_key = api_key
        self._api_secret = api_secret
        self._url = url
        self._agent_name = agent_name
        self._ttl_seconds = ttl_seconds
        self._ticket_ttl_seconds = ticket_ttl_seconds

    def issue(self, *, room: str | None = None, name: str | None = None) -> IssuedToken:
        """A token for a room and a fresh identity; room and name must be validated already."""
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
        if self._agent_name:
            dispatch = RoomAgentDispatch(agent_name=self._agent_name)
            token.with_room_config(RoomConfiguration(agents=[dispatch]))
        nothing = api.VideoGrants(
            room=room,
            room_join=False,
            can_publish=False,
            can_publish_data=False,
            can_subscribe=False,
        )
        ticket = self._token(identity, nothing, self._ticket_ttl_seconds)
        return IssuedToken(
            url=self._url,
            token=token.to_jwt(),
            ticket=ticket.to_jwt(),
            room=room,
            identity=identity,
            expires_in_seconds=self._ttl_seconds,
        )

    def verify(self, token: str) -> Holder:
        """Whom a token or ticket of this server speaks for.

        Raises:
            TokenRefusedError: its signature, issuer or time is wrong, or it names no room.
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
        return Holder(room=room, identity=claims.identity)

    def _token(self, identity: str, grants: api.VideoGrants, ttl_seconds: float) -> api.AccessToken:
        token = api.AccessToken(self._api_key, self._api_secret).with_identity(identity)
        return token.with_grants(grants).with_ttl(datetime.timedelta(seconds=ttl_seconds))


class TokenRoutes:
    """`POST /api/token`: body `{"room"?, "name"?}`, answer as `IssuedToken.as_json`."""

    def __init__(
        self,
        issuer: TokenIssuer | None,
        guard: Guard,
        rooms: RoomLimit,
        *,
        per_minute: float = defaults.TOKENS_PER_MINUTE,
    ) -> None:
        """`issuer` None switches the route off; `per_minute` is the limit per address."""
        self._issuer = issuer
        self._guard = guard
        self._rooms = rooms
        self._limit = RateLimit(per_minute, burst=max(1, round(per_minute)))

    def __call__(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_post("/api/token", self._issue)
        app.router.add_options("/api/token", self._guard.preflight)

    async def _issue(self, request: web.Request) -> web.Response:
        self._guard.check_origin(request)
        self._guard.check_rate(request, self._limit)
        if self._issuer is None:
            raise ApiError(
                403,
                "tokens_off",
                "This server gives out no tokens; open the link from your own sign-in page.",
            )
        self._guard.check_key(request)
        body = await json_object(request)
        room, name = valid_room(body.get("room")) or new_room_name(), valid_name(body.get("name"))
        await self._rooms.admit(address_key(self._guard.client_address(request)), room)
        issued = self._issuer.issue(room=room, name=name)
        return web.json_response(issued.as_json())


def valid_room(value: object) -> str | None:
    """A room's name, tidied; None when not given.

    Raises:
        ApiError: 400 `bad_room`.
    """
    text = _tidy(value, "bad_room", "room", MAX_ROOM_CHARACTERS)
    if text is None:
        return None
    for character in text:
        if unicodedata.category(character)[0] not in "LMN" and character not in ROOM_PUNCTUATION:
            raise ApiError(
                400,
                "bad_room",
                "A room's name holds letters, digits, spaces, dots, dashes and underscores only.",
            )
    return text


def valid_name(value: object) -> str | None:
    """A person's name, tidied; None when not given.

    Raises:
        ApiError: 400 `bad_name`.
    """
    return _tidy(value, "bad_name", "name", MAX_NAME_CHARACTERS)


def new_room_name() -> str:
    """A name that nobody guesses (59 bits) and anybody can read out."""
    letters = [secrets.choice(ROOM_ALPHABET) for _ in range(12)]
    return "-".join("".join(letters[i : i + 4]) for i in range(0, 12, 4))


def _tidy(value: object, code: str, what: str, longest: int) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ApiError(400, code, f"The {what} must be text.")
    text = " ".join(unicodedata.normalize("NFC", value[: 4 * longest + 4]).split())
    if not text:
        return None
    if len(text) > longest:
        raise ApiError(400, code, f"The {what} is too long; {longest} characters are the most.")
    for character in text:
        if unicodedata.category(character)[0] == "C" and character not in JOINERS:
            raise ApiError(400, code, f"The {what} holds a character that cannot be shown.")
    return text

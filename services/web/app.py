"""Builds the server of the web role from its routes."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from aiohttp import web

from .. import defaults
from ..livekit_server.credentials import LiveKitCredentials
from ..livekit_server.rooms import LiveKitRooms
from .http.addresses import EVERY_ORIGIN
from .http.connections import Connections
from .http.guard import Guard, exposure_warning
from .http.headers import SecurityHeaders
from .http.server import AddRoutes, WebServer
from .routes.dispatch import DispatchRoutes, Redispatcher
from .routes.page import STATIC, PageConfig, PageRoutes
from .routes.room_limit import RoomLimit
from .routes.status import ReadStatus, StatusRoute
from .routes.tokens import TokenIssuer, TokenRoutes

logger = logging.getLogger("services.web")


def web_server(
    livekit: LiveKitCredentials,
    read_status: ReadStatus,
    *,
    agent_name: str = "",
    public_url: str | None = None,
    host: str = "127.0.0.1",
    port: int = 8080,
    title: str = "Voice agent",
    access_key: str | None = None,
    allowed_origins: Sequence[str] = (),
    trusted_proxies: Sequence[str] = (),
    tokens: bool = True,
    tokens_per_minute: float = defaults.TOKENS_PER_MINUTE,
    token_ttl_seconds: float = 60.0 * defaults.TOKEN_MINUTES,
    rooms_per_address: int = defaults.ROOMS_PER_ADDRESS,
    more_routes: Sequence[AddRoutes] = (),
    page_folder: Path = STATIC,
) -> WebServer:
    """Build the server of the web role: page, tokens, dispatch, status, and `more_routes`.

    Args:
        livekit: as this server reaches it.
        read_status: returns what `/api/status` answers; must not block.
        agent_name: agent to request; empty for any unnamed one.
        public_url: LiveKit's address as browsers reach it, where that differs (`wss://` behind a
            TLS proxy).
        host: address to bind.
        port: port to bind, 0 for any.
        title: the agent's name on the page.
        access_key: secret required for a token; None for none.
        allowed_origins: origins besides the page's own that may request tokens.
        trusted_proxies: networks whose `X-Forwarded-For` is trusted.
        tokens: whether tokens are issued; off when the owner has an identity service, which
            then opens the page as `/#token=…`.
        tokens_per_minute: limit per address.
        token_ttl_seconds: how long a token can be used to join.
        rooms_per_address: rooms with a call for one address; 0 for no limit.
        more_routes: health, metrics, admin.
        page_folder: the built page.

    Logs a warning when the host is not loopback and TLS or an access key is missing.

    Raises:
        AddressError: an origin or a network is malformed; the text names the setting.
    """
    warning = exposure_warning(
        host,
        access_key=access_key,
        behind_tls=any(origin.lower().startswith("https://") for origin in allowed_origins),
        every_origin=EVERY_ORIGIN in allowed_origins,
    )
    if warning:
        logger.warning("page open to the network", extra={"advice": warning})
    public_url = public_url or livekit.url
    issuer = TokenIssuer(
        livekit.api_key,
        livekit.api_secret,
        public_url,
        agent_name,
        ttl_seconds=token_ttl_seconds,
    )
    guard = Guard(
        bound_host=host,
        allowed_origins=allowed_origins,
        access_key=access_key,
        trusted_proxies=trusted_proxies,
    )
    rooms = LiveKitRooms(livekit)
    limit = RoomLimit(rooms_per_address, rooms.callers_in, remember_seconds=token_ttl_seconds)
    redispatcher = Redispatcher(livekit, agent_name)
    config = PageConfig(
        title=title, livekit_url=public_url, access_key=guard.requires_key, tokens=tokens
    )

    async def close_at_end(app: web.Application) -> AsyncIterator[None]:
        yield
        await rooms.aclose()

    def cross_origin(app: web.Application) -> None:
        app.on_response_prepare.append(guard.allow_origin)
        app.cleanup_ctx.append(close_at_end)

    return WebServer(
        host,
        port,
        [
            guard,
            cross_origin,
            StatusRoute(read_status),
            TokenRoutes(
                issuer if tokens else None,
                guard,
                limit,
                per_minute=tokens_per_minute,
                agents=lambda: read_status().agents,
            ),
            DispatchRoutes(redispatcher, issuer, guard),
            *more_routes,
            PageRoutes(config, folder=page_folder),
        ],
        headers=SecurityHeaders(livekit_url=public_url),
        connections=Connections(is_proxy=guard.is_trusted),
    )

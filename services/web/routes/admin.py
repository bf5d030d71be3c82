"""Admin routes: inspect and lower the worker's memory, for holders of the admin token."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from ..http.errors import ApiError
from ..http.guard import Guard, secret_digest
from ..http.ratelimit import RateLimit

logger = logging.getLogger("services.web")

TOKEN_HEADER = "X-Admin-Token"
MIN_TOKEN_LENGTH = 16

REQUESTS_PER_MINUTE = 120.0
REQUESTS_BURST = 30
CLEANINGS_PER_MINUTE = 6.0
CLEANINGS_BURST = 2

MAX_MOMENTS = 1000

ViewMemory = Callable[[int], Awaitable[Mapping[str, Any]]]
"""Measures now, and returns so many moments of history too. Must not block the loop."""

CleanMemory = Callable[[], Awaitable[Mapping[str, Any]]]
"""Cleans, and returns what that did. Must not block the loop."""


class AdminAccess:
    """Checks the admin token and the rate of requests; used from the server's loop."""

    def __init__(self, token: str | None, guard: Guard) -> None:
        """Configure the checks.

        Args:
            token: the secret expected as `X-Admin-Token`; None or empty refuses every request.
            guard: finds the caller's address behind proxies.

        Raises:
            ValueError: the token is too short to be a secret.
        """
        if token and len(token) < MIN_TOKEN_LENGTH:
            raise ValueError(f"ADMIN_TOKEN must have at least {MIN_TOKEN_LENGTH} characters")
        self._digest = secret_digest(token) if token else None
        self._guard = guard
        self._limit = RateLimit(REQUESTS_PER_MINUTE, burst=REQUESTS_BURST)

    def check(self, request: web.Request) -> None:
        """Refuse a request without the token, in constant time.

        Requests are counted before the token is compared, so that it cannot be guessed quickly.

        Raises:
            ApiError: 404 `admin_off`, 429 `rate_limited` or 401 `admin_token`.
        """
        if self._digest is None:
            raise ApiError(
                404, "admin_off", "The admin routes are off; set ADMIN_TOKEN to a long secret."
            )
        self.check_rate(request, self._limit)
        sent = secret_digest(request.headers.get(TOKEN_HEADER, ""))
        if not hmac.compare_digest(sent, self._digest):
            raise ApiError(
                401, "admin_token", f"Send the worker's ADMIN_TOKEN in the header {TOKEN_HEADER}."
            )

    def check_rate(self, request: web.Request, limit: RateLimit) -> None:
        """Count the request against its address.

        Raises:
            ApiError: 429 `rate_limited`.
        """
        self._guard.check_rate(request, limit)


class MemoryRoutes:
    """`GET /admin/memory` and `POST /admin/memory/cleanup`."""

    def __init__(self, access: AdminAccess, view: ViewMemory, clean: CleanMemory) -> None:
        self._access = access
        self._view = view
        self._clean = clean
        self._cleanings = RateLimit(CLEANINGS_PER_MINUTE, burst=CLEANINGS_BURST)

    def __call__(self, app: web.Application) -> None:
        app.router.add_get("/admin/memory", self._memory)
        app.router.add_post("/admin/memory/cleanup", self._cleanup)

    async def _memory(self, request: web.Request) -> web.Response:
        self._access.check(request)
        return web.json_response(await self._view(_moments(request)))

    async def _cleanup(self, request: web.Request) -> web.Response:
        self._access.check(request)
        self._access.check_rate(request, self._cleanings)
        logger.info("memory cleanup requested")
        return web.json_response(await self._clean())


def _moments(request: web.Request) -> int:
    text = request.query.get("history", "60")
    digits = text.lstrip("0") or text[:1]
    if not text.isascii() or not text.isdigit() or len(digits) > 9 or int(digits) > MAX_MOMENTS:
        raise ApiError(
            400, "history", f"history must be a number of moments from 0 to {MAX_MOMENTS}."
        )
    return int(digits)

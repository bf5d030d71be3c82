"""Who may use the audio API, how often, and how much at once."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from aiohttp import web

from ...program import program
from ..http.errors import ApiError
from ..http.guard import Guard
from ..http.ratelimit import RateLimit
from .api_keys import ApiKey, ApiKeyFile, ApiKeysError

logger = logging.getLogger("services.web")

Number = TypeVar("Number", int, float)

WRONG_KEYS_PER_MINUTE: Final = 30.0
"""Requests without a valid key from one address; above that it must wait."""
BUSY_SECONDS: Final = 5.0
"""When a request that found all places taken should be repeated."""


@dataclass(frozen=True, slots=True)
class ApiLimits:
    """The limits of the server; a key may have lower ones of its own."""

    max_bytes: int
    """Largest file."""
    max_seconds: float
    """Longest audio."""
    max_characters: int
    """Longest text."""
    requests_per_minute: int
    """Of one key."""
    requests_at_once: int
    """Of all keys, uploads included; one key takes half of it."""

    def of(self, key: ApiKey) -> ApiLimits:
        """Return the limits of a key."""
        return ApiLimits(
            max_bytes=min(self.max_bytes, _or(key.max_mb, self.max_bytes) * 10**6),
            max_seconds=min(self.max_seconds, _or(key.max_seconds, self.max_seconds)),
            max_characters=min(self.max_characters, _or(key.max_characters, self.max_characters)),
            requests_per_minute=_or(key.requests_per_minute, self.requests_per_minute),
            requests_at_once=min(
                self.requests_at_once,
                _or(key.requests_at_once, (self.requests_at_once + 1) // 2),
            ),
        )


class ApiAccess:
    """Checks keys and limits; used from the server's loop."""

    def __init__(self, keys: Path, guard: Guard, limits: ApiLimits) -> None:
        """Configure the checks; without a key in the file `keys` every request is refused."""
        self._file = ApiKeyFile(keys)
        self._reading = asyncio.Lock()
        self._guard = guard
        self.limits = limits
        self._wrong = RateLimit(WRONG_KEYS_PER_MINUTE, burst=round(WRONG_KEYS_PER_MINUTE))
        self._rates: dict[str, tuple[int, RateLimit]] = {}
        self._in_progress: Counter[str] = Counter()
        self._problem = ""

    @property
    def in_progress(self) -> int:
        """How many requests have a place."""
        return self._in_progress.total()

    async def check(self, request: web.Request) -> ApiKey:
        """Return the key of a request, and count the request against it.

        Raises:
            ApiError: 404 `api_off`, 503 `api_keys`, 401 `invalid_api_key` or 429
                `rate_limit_exceeded`.
        """
        key = await self._find(request)
        if key is None:
            wait_seconds = self._wrong_key(request)
            if wait_seconds:
                raise _too_many("Too many requests without a valid key", wait_seconds)
            raise ApiError(
                401,
                "invalid_api_key",
                "The API key is missing or wrong: send a key of this server as "
                "`Authorization: Bearer …`.",
            )
        wait_seconds = self._rate(key).take(key.name)
        if wait_seconds > 0:
            raise _too_many("This key has made too many requests", wait_seconds)
        return key

    @contextlib.contextmanager
    def place(self, key: ApiKey) -> Iterator[ApiLimits]:
        """Take a place for a request, within whose limits it is worked on.

        Raises:
            ApiError: 429 `too_many_requests`: all are taken.
        """
        limits = self.limits.of(key)
        if (
            self._in_progress[key.name] >= limits.requests_at_once
            or self.in_progress >= self.limits.requests_at_once
        ):
            raise ApiError(
                429,
                "too_many_requests",
                "As many requests as allowed are being worked on; try again when one is done.",
                retry_after_seconds=BUSY_SECONDS,
            )
        self._in_progress[key.name] += 1
        try:
            yield limits
        finally:
            self._in_progress[key.name] -= 1
            self._in_progress += Counter()

    async def _find(self, request: web.Request) -> ApiKey | None:
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        sent = secret.strip() if scheme.lower() == "bearer" else ""
        try:
            async with self._reading:
                key, names = await asyncio.to_thread(self._look, sent)
        except ApiKeysError as error:
            if self._problem != str(error):
                self._problem = str(error)
                logger.error("audio API closed", extra={"error": self._problem})
            raise ApiError(
                503, "api_keys", "The server cannot read its keys; its log has the reason."
            ) from error
        self._problem = ""
        if not names:
            raise ApiError(
                404,
                "api_off",
                "The audio API is off, as it has no key: make one with "
                f"`{program()} api-keys add NAME`.",
            )
        for name in self._rates.keys() - names:
            del self._rates[name]
        return key

    def _look(self, secret: str) -> tuple[ApiKey | None, set[str]]:
        """Return the key with this secret, and the names of all; blocks."""
        return self._file.find(secret), {key.name for key in self._file.read()}

    def _rate(self, key: ApiKey) -> RateLimit:
        per_minute = self.limits.of(key).requests_per_minute
        known = self._rates.get(key.name)
        if known is None or known[0] != per_minute:
            known = self._rates[key.name] = (per_minute, RateLimit(per_minute, burst=per_minute))
        return known[1]

    def _wrong_key(self, request: web.Request) -> float:
        try:
            self._guard.check_rate(request, self._wrong)
        except ApiError as error:
            return error.retry_after_seconds or 1.0
        return 0.0


def _or(value: Number | None, otherwise: Number) -> Number:
    return otherwise if value is None else value


def _too_many(what: str, wait_seconds: float) -> ApiError:
    return ApiError(
        429,
        "rate_limit_exceeded",
        f"{what}; try again in {max(1, round(wait_seconds))} s.",
        retry_after_seconds=wait_seconds,
    )

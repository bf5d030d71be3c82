"""Restricts the web API to the page itself, with the access key if one is set, and limits rates."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from .addresses import (
    EVERY_ORIGIN,
    AddressError,
    Host,
    is_loopback,
    read_host,
    read_network,
    read_origin,
)
from .errors import ApiError
from .ratelimit import RateLimit, address_key

BODY_SECONDS = 10.0
"""Time for the JSON of a request to arrive."""
MALFORMED_PER_MINUTE = 30.0
"""Requests with a malformed Host or Origin from one address; above that it must wait."""


class Guard:
    """The checks in front of protected routes; used from the server's loop."""

    def __init__(
        self,
        *,
        bound_host: str = "127.0.0.1",
        allowed_origins: Sequence[str] = (),
        access_key: str | None = None,
        trusted_proxies: Sequence[str] = (),
    ) -> None:
        """Configure the checks.

        Args:
            bound_host: the address that the server listens on. On loopback the Host header must
                also name this machine, so that a foreign name that resolves to it is refused.
            allowed_origins: origins besides the page's own, such as `https://voice.example.com`;
                `*` for every one.
            access_key: the secret expected as `Authorization: Bearer …`; None for none.
            trusted_proxies: networks (`10.0.0.0/8`) whose `X-Forwarded-For` is trusted.

        Raises:
            AddressError: an origin or a network is malformed; the text names the setting.
        """
        self._loopback_only = is_loopback(bound_host)
        self._every_origin = EVERY_ORIGIN in allowed_origins
        try:
            origins = [read_origin(text) for text in allowed_origins if text != EVERY_ORIGIN]
        except AddressError as error:
            raise AddressError(f"WEB_ALLOWED_ORIGINS: {error}") from None
        self._allowed_origins = frozenset(origins)
        self._allowed_hosts = frozenset(origin.host.name for origin in origins)
        self._access_key_digest = secret_digest(access_key) if access_key else None
        try:
            self._trusted_proxies = tuple(read_network(text) for text in trusted_proxies)
        except AddressError as error:
            raise AddressError(f"WEB_TRUSTED_PROXIES: {error}") from None
        self._malformed = RateLimit(MALFORMED_PER_MINUTE, burst=round(MALFORMED_PER_MINUTE))

    def __call__(self, app: web.Application) -> None:
        """Check the host of every request to `app` (an `AddRoutes`)."""

        @web.middleware
        async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
            try:
                self.check_host(request)
            except ApiError as error:
                return error.response(request.path)
            return await handler(request)

        app.middlewares.append(check)

    @property
    def requires_key(self) -> bool:
        """Whether requests need the access key."""
        return self._access_key_digest is not None

    def check_host(self, request: web.Request) -> None:
        """Refuse a request for a name that a stranger may have pointed at this server.

        To a browser another site's page under such a name has this server's origin (DNS rebinding),
        and could read every route.

        Raises:
            ApiError: 400 `bad_host` or `bad_origin`, 429 `rate_limited`, 403 `foreign_host`.
        """
        named = request.headers.get("Host")
        try:
            # Without one it is not a browser, and aiohttp would look up our own name.
            host = read_host(named) if named is not None else None
        except AddressError:
            raise self._malformed_header(request, "Host") from None
        try:
            urlsplit(request.headers.get("Origin", ""))
        except ValueError:
            raise self._malformed_header(request, "Origin") from None
        if host is not None and not self._answers_to(host):
            raise ApiError(
                403,
                "foreign_host",
                f"This server does not answer to the name {host.name[:80]}. Its owner can add the "
                "page's address to WEB_ALLOWED_ORIGINS.",
            )

    def check_origin(self, request: web.Request) -> None:
        """Refuse requests from other sites' pages; programs without an Origin may pass.

        Raises:
            ApiError: 403 `foreign_origin`.
        """
        origin = request.headers.get("Origin")
        fetch_site = request.headers.get("Sec-Fetch-Site")
        if origin is not None:
            own = request.headers.get("Host", "")
            if not self._is_allowed(origin) and not _same_host(origin, own):
                raise _foreign_origin()
        elif fetch_site not in (None, "same-origin", "none"):
            raise _foreign_origin()

    def check_key(self, request: web.Request) -> None:
        """Refuse a request without the access key, in constant time.

        Raises:
            ApiError: 401 `access_key`.
        """
        if self._access_key_digest is None:
            return
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and hmac.compare_digest(
            secret_digest(key.strip()), self._access_key_digest
        ):
            return
        raise ApiError(
            401,
            "access_key",
            "This server requires an access key; enter the one its owner gave you.",
        )

    def check_rate(self, request: web.Request, limit: RateLimit) -> None:
        """Count the request against its address.

        Raises:
            ApiError: 429 `rate_limited`.
        """
        wait_seconds = limit.take(address_key(self.client_address(request)))
        if wait_seconds > 0:
            raise ApiError(
                429,
                "rate_limited",
                f"Too many requests from your address; try again in {wait_seconds:.0f} s.",
                retry_after_seconds=round(wait_seconds, 1),
            )

    def client_address(self, request: web.Request) -> str:
        """Return the caller's address: the connection's, or the one a trusted proxy forwards."""
        address = request.remote or "unknown"
        forwarded = ",".join(request.headers.getall("X-Forwarded-For", []))
        for hop in reversed([part.strip() for part in forwarded.split(",") if part.strip()]):
            if not self.is_trusted(address):
                break
            address = hop
        return address

    async def allow_origin(self, request: web.Request, response: web.StreamResponse) -> None:
        """Let pages of allowed origins read the response (`on_response_prepare`)."""
        origin = request.headers.get("Origin")
        if origin is None or not self._is_allowed(origin) or not request.path.startswith("/api/"):
            return
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        response.headers["Vary"] = "Origin"

    async def preflight(self, request: web.Request) -> web.Response:
        """Answer a browser's preflight, for allowed origins only."""
        if not self._is_allowed(request.headers.get("Origin", "")):
            raise _foreign_origin()
        return web.Response(
            status=204,
            headers={
                "Access-Control-Allow-Methods": "GET, POST",
                "Access-Control-Allow-Headers": "Authorization, Content-Type",
                "Access-Control-Max-Age": "600",
            },
        )

    def _is_allowed(self, origin: str) -> bool:
        try:
            parsed = read_origin(origin)
        except AddressError:
            return False
        return self._every_origin or parsed in self._allowed_origins

    def _answers_to(self, host: Host) -> bool:
        if self._every_origin or host.name in self._allowed_hosts:
            return True
        return is_loopback(host.name) if self._loopback_only else host.is_inner

    def _malformed_header(self, request: web.Request, name: str) -> ApiError:
        try:
            self.check_rate(request, self._malformed)
        except ApiError as too_many:
            return too_many
        return ApiError(400, f"bad_{name.lower()}", f"The request's {name} header is malformed.")

    def is_trusted(self, address: str) -> bool:
        """Whether an address is that of a trusted proxy."""
        try:
            ip = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(ip in network for network in self._trusted_proxies)


def exposure_warning(
    host: str,
    *,
    access_key: str | None,
    behind_tls: bool,
    every_origin: bool = False,
    host_setting: str = "WEB_HOST",
) -> str | None:
    """Return a warning if the page is open to other machines without protection, else None."""
    if every_origin and not access_key:
        return (
            "WEB_ALLOWED_ORIGINS=* lets any site that a visitor opens use the agent: set "
            "WEB_ACCESS_KEY to a long secret, or name the sites."
        )
    if is_loopback(host):
        return None
    missing = []
    if not access_key:
        missing.append(
            "anyone who reaches this address can use the agent: set WEB_ACCESS_KEY to a long secret"
        )
    if not behind_tls:
        missing.append(
            "browsers allow the microphone only on https or localhost: put a TLS proxy in front "
            "and name its address in WEB_ALLOWED_ORIGINS (https://…)"
        )
    if not missing:
        return None
    return f"{host_setting}={host} opens the page to the network; " + "; ".join(missing) + "."


async def json_object(request: web.Request) -> dict[str, Any]:
    """Read the body as a JSON object in UTF-8.

    Other encodings are refused: some of Python's decoders take quadratic time.

    Raises:
        ApiError: 415 `not_json`, 413 `too_large`, 408 `too_slow` or 400 `bad_json`.
    """
    charset = (request.charset or "utf-8").lower()
    if request.content_type != "application/json" or charset not in ("utf-8", "utf8"):
        raise ApiError(
            415, "not_json", "Send a JSON object in UTF-8 with Content-Type: application/json."
        )
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = json.loads((await request.read()).decode())
    except TimeoutError:
        raise ApiError(408, "too_slow", "The request did not arrive in time.") from None
    except web.HTTPRequestEntityTooLarge:
        raise ApiError(413, "too_large", "The request is too large.") from None
    except (ValueError, RecursionError):
        raise ApiError(400, "bad_json", "The request is not valid JSON.") from None
    if not isinstance(body, dict):
        raise ApiError(400, "bad_json", "The request must be a JSON object.")
    return body


def _same_host(origin: str, host: str) -> bool:
    try:
        return read_origin(origin).is_at(read_host(host))
    except AddressError:
        return False


def _foreign_origin() -> ApiError:
    return ApiError(
        403,
        "foreign_origin",
        "Another site's page requested this; only this server's own page may. The owner can "
        "allow an origin in WEB_ALLOWED_ORIGINS.",
    )


def secret_digest(text: str) -> bytes:
    """Hash a secret for a comparison in constant time."""
    # Header bytes that are not UTF-8 arrive as surrogates.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()

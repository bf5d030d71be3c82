"""Who may call the web API: the page itself, with the access key if one is set, not too often."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from services.web.errors import ApiError
from services.web.ratelimit import RateLimit, address_key

DEFAULT_PORTS = {"http": 80, "https": 443}


class Guard:
    """The checks in front of a route that gives something away; used from the server's loop."""

    def __init__(
        self,
        *,
        bound_host: str = "127.0.0.1",
        allowed_origins: Sequence[str] = (),
        access_key: str | None = None,
        trusted_proxies: Sequence[str] = (),
    ) -> None:
        """Describe who is let in.

        Args:
            bound_host: the address that the server listens on. On loopback the Host header must
                name this machine too, so that a foreign name that resolves to it gets nothing.
            allowed_origins: origins besides the page's own, such as `https://voice.example.com`.
            access_key: the secret to be sent as `Authorization: Bearer …`; None asks for none.
            trusted_proxies: networks (`10.0.0.0/8`) whose `X-Forwarded-For` is believed.

        Raises:
            ValueError: an origin or a network is not one.
        """
        self._loopback_only = is_loopback(bound_host)
        self._allowed_origins = frozenset(_origin(text) for text in allowed_origins)
        self._allowed_hosts = frozenset(urlsplit(o).hostname or "" for o in self._allowed_origins)
        self._access_key_digest = _digest(access_key) if access_key else None
        self._trusted_proxies = tuple(ipaddress.ip_network(text) for text in trusted_proxies)

    @property
    def asks_for_key(self) -> bool:
        """Whether an access key must be sent."""
        return self._access_key_digest is not None

    def check_origin(self, request: web.Request) -> None:
        """Refuse a browser that shows another site's page; programs without an Origin may pass.

        Raises:
            ApiError: 403 `foreign_origin` or `foreign_host`.
        """
        origin = request.headers.get("Origin")
        fetch_site = request.headers.get("Sec-Fetch-Site")
        if origin is not None:
            if not self._is_allowed(origin) and not _same_host(origin, request.host):
                raise _foreign_origin()
        elif fetch_site not in (None, "same-origin", "none"):
            raise _foreign_origin()
        host = urlsplit(f"//{request.host}").hostname or ""
        if self._loopback_only and not is_loopback(host) and host not in self._allowed_hosts:
            raise ApiError(
                403,
                "foreign_host",
                f"This server answers to localhost only, not to {host[:80]}. Its owner can add "
                "the page's address to WEB_ALLOWED_ORIGINS.",
            )

    def check_key(self, request: web.Request) -> None:
        """Refuse a request without the access key, in a time that tells nothing about it.

        Raises:
            ApiError: 401 `access_key`.
        """
        if self._access_key_digest is None:
            return
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and hmac.compare_digest(
            _digest(key.strip()), self._access_key_digest
        ):
            return
        raise ApiError(
            401, "access_key", "This server asks for an access key; enter the one its owner gave."
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
        """The caller's address: the connection's, or what a trusted proxy says of it."""
        address = request.remote or "unknown"
        forwarded = ",".join(request.headers.getall("X-Forwarded-For", []))
        for hop in reversed([part.strip() for part in forwarded.split(",") if part.strip()]):
            if not self._is_trusted(address):
                break
            address = hop
        return address

    async def allow_foreign(self, request: web.Request, response: web.StreamResponse) -> None:
        """Tell browsers that an allowed origin may read the answer (`on_response_prepare`)."""
        origin = request.headers.get("Origin")
        if origin is None or not self._is_allowed(origin) or not request.path.startswith("/api/"):
            return
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        response.headers["Vary"] = "Origin"

    async def preflight(self, request: web.Request) -> web.Response:
        """Answer a browser's preflight: methods and headers for allowed origins only."""
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
        return origin.lower().rstrip("/") in self._allowed_origins

    def _is_trusted(self, address: str) -> bool:
        try:
            ip = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(ip in network for network in self._trusted_proxies)


def exposure_warning(
    host: str, *, access_key: str | None, behind_tls: bool, host_setting: str = "WEB_HOST"
) -> str | None:
    """What to say when the page is reachable from other machines without protection, else None."""
    if is_loopback(host):
        return None
    missing = []
    if not access_key:
        missing.append(
            "anyone who reaches this address can use the agent: set WEB_ACCESS_KEY to a long secret"
        )
    if not behind_tls:
        missing.append(
            "browsers give the microphone only to https or localhost: put a TLS proxy in front "
            "and name its address in WEB_ALLOWED_ORIGINS (https://…)"
        )
    if not missing:
        return None
    return f"{host_setting}={host} opens the page to the network; " + "; ".join(missing) + "."


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine itself."""
    name = host.strip("[]").lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


async def json_object(request: web.Request) -> dict[str, Any]:
    """The body as a JSON object.

    Raises:
        ApiError: 415 `not_json`, 413 `too_large` or 400 `bad_json`.
    """
    if request.content_type != "application/json":
        raise ApiError(415, "not_json", "Send a JSON object with Content-Type: application/json.")
    try:
        body = json.loads(await request.text())
    except web.HTTPRequestEntityTooLarge:
        raise ApiError(413, "too_large", "The request is too large.") from None
    except (ValueError, RecursionError, LookupError):
        raise ApiError(400, "bad_json", "The request is not valid JSON.") from None
    if not isinstance(body, dict):
        raise ApiError(400, "bad_json", "The request must be a JSON object.")
    return body


def _origin(text: str) -> str:
    parts = urlsplit(text.strip().lower())
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or parts.path.strip("/"):
        raise ValueError(
            f"WEB_ALLOWED_ORIGINS: {text!r} is not an origin such as https://voice.example.com"
        )
    return f"{parts.scheme}://{parts.netloc}"


def _same_host(origin: str, host: str) -> bool:
    parts = urlsplit(origin)
    if parts.scheme not in DEFAULT_PORTS:
        return False
    own = urlsplit(f"//{host}")
    try:
        default = DEFAULT_PORTS[parts.scheme]
        return parts.hostname == own.hostname and (parts.port or default) == (own.port or default)
    except ValueError:
        return False


def _foreign_origin() -> ApiError:
    return ApiError(
        403,
        "foreign_origin",
        "Another site's page asked for this; only this server's own page may. The owner can "
        "allow an origin in WEB_ALLOWED_ORIGINS.",
    )


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()

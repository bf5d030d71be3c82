"""Security headers of every answer, and the content security policy of the page."""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web

PERMISSIONS = (
    "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
    "magnetometer=(), payment=(), usb=(), microphone=(self), autoplay=(self), "
    "speaker-selection=(self), fullscreen=(self)"
)


class SecurityHeaders:
    """Adds the headers that keep a page to itself; `add` is an `on_response_prepare` signal."""

    def __init__(self, *, livekit_url: str | None = None) -> None:
        """`livekit_url` is the one other origin that the page may connect to (ws:// or wss://)."""
        self._headers = {
            "Content-Security-Policy": content_security_policy(livekit_url),
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": PERMISSIONS,
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        }

    async def add(self, request: web.Request, response: web.StreamResponse) -> None:
        """Add the headers that the handler did not set itself."""
        for name, value in self._headers.items():
            response.headers.setdefault(name, value)
        if request.path.startswith("/api/"):
            response.headers.setdefault("Cache-Control", "no-store")
        response.headers.popall("Server", None)


def content_security_policy(livekit_url: str | None) -> str:
    """The policy: everything from this origin, nothing inline, connections to LiveKit only."""
    connect = " ".join(["'self'", *livekit_origins(livekit_url)])
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "font-src 'self'",
            "media-src 'self' blob:",
            "manifest-src 'self'",
            f"connect-src {connect}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        ]
    )


def livekit_origins(livekit_url: str | None) -> list[str]:
    """The origins under which a browser reaches LiveKit: its socket, and HTTP for diagnosis."""
    if not livekit_url:
        return []
    parts = urlsplit(livekit_url)
    secure = parts.scheme in ("wss", "https")
    schemes = ("wss", "https") if secure else ("ws", "http")
    return [f"{scheme}://{parts.netloc}" for scheme in schemes]

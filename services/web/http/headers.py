"""Security headers of every response, and the content security policy of the page."""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web

from .errors import API_PATHS

PERMISSIONS = (
    "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
    "magnetometer=(), payment=(), usb=(), microphone=(self), autoplay=(self), "
    "speaker-selection=(self), fullscreen=(self)"
)


class SecurityHeaders:
    """Isolates the page from other sites; `add` is an `on_response_prepare` signal."""

    def __init__(self, *, livekit_url: str | None = None) -> None:
        """`livekit_url` (ws:// or wss://) is the only other origin the page may connect to."""
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
        """Add the headers that the handler did not set."""
        for name, value in self._headers.items():
            response.headers.setdefault(name, value)
        if request.path.startswith(API_PATHS):
            response.headers.setdefault("Cache-Control", "no-store")
        response.headers.popall("Server", None)


def content_security_policy(livekit_url: str | None) -> str:
    """Return a policy of this origin only, nothing inline, and connections to LiveKit."""
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
    """Return the origins at which a browser reaches LiveKit: its socket, and HTTP for diagnosis."""
    if not livekit_url:
        return []
    parts = urlsplit(livekit_url)
    secure = parts.scheme in ("wss", "https")
    schemes = ("wss", "https") if secure else ("ws", "http")
    return [f"{scheme}://{parts.netloc}" for scheme in schemes]

"""Short reasons for a failed request to a server."""

from __future__ import annotations

import os

import aiohttp


def reason(error: aiohttp.ClientError | TimeoutError | ValueError, *, waited_seconds: float) -> str:
    """Return the reason, for a line that already names the server."""
    if isinstance(error, TimeoutError):
        return f"no answer in {waited_seconds:g} s"
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno
        return os.strerror(number) if number and number > 0 else str(error.os_error)
    return str(error) or type(error).__name__

"""The address of a LiveKit server and the key pair that it accepts."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class LiveKitCredentials:
    """What it takes to use a LiveKit server."""

    url: str
    """As this machine reaches it, `ws://…` or `wss://…`."""
    api_key: str
    api_secret: str = field(repr=False)

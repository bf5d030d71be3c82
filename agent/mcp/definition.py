"""One MCP server as an agent's file describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from pydantic import SecretStr

START_SECONDS: Final = 10.0
CALL_SECONDS: Final = 20.0

Transport = Literal["stdio", "streamable_http", "sse"]


class LostError(Exception):
    """Nothing more can come from a server; the text says why."""


@dataclass(frozen=True, slots=True)
class MCPServerDefinition:
    """A server that is a program of its own, or that is reached over HTTP; immutable."""

    name: str
    """By which the log and the agent's file call it."""
    transport: Transport
    command: tuple[str, ...] = ()
    """Program and arguments, where the transport is stdio."""
    folder: Path = Path()
    """Where the program runs."""
    env: Mapping[str, SecretStr] = field(default_factory=dict)
    """Variables that the program gets beside a few like PATH and HOME."""
    url: str = ""
    """Address, where the transport is one of HTTP."""
    headers: Mapping[str, SecretStr] = field(default_factory=dict)
    """Sent with each request."""
    tools: tuple[str, ...] | None = None
    """Names of the tools that may be used; None: all."""
    start_seconds: float = START_SECONDS
    """Longest wait for its tools after it was started or reached."""
    call_seconds: float = CALL_SECONDS
    """Longest wait for what one of its tools answers."""

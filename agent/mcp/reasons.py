"""Why an MCP server cannot be used, in one line."""

from __future__ import annotations

from typing import Final

import httpx2
from mcp import MCPError
from pydantic import ValidationError

from agent.mcp.definition import MCPServerDefinition
from services.web.http.addresses import without_password

LONGEST_REASON_CHARACTERS: Final = 200


def described(error: BaseException, definition: MCPServerDefinition) -> str:
    """Say what went wrong with a server."""
    match error:
        case TimeoutError():
            return f"it gave no answer within {definition.start_seconds:g} s"
        case FileNotFoundError() if definition.command:
            return f"there is no program {definition.command[0]!r}"
        case OSError() if definition.command:
            return f"{definition.command[0]!r} cannot be started: {error.strerror or error}"
        case httpx2.ConnectError() | httpx2.ConnectTimeout():
            return f"nothing answers at {without_password(definition.url)}"
        case httpx2.HTTPStatusError():
            return f"it answers with status {error.response.status_code}"
        case ValidationError():
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            return f"what it answers is not as MCP has it: {place}: {first['msg']}"
        case MCPError() if error.message == "Connection closed":
            return "it ended the connection"
    return str(error) or type(error).__name__


def one_line(text: str) -> str:
    """Return a text for the log or a terminal: printable, on one line, shortened."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    cut = line[:LONGEST_REASON_CHARACTERS]
    return cut if cut == line else f"{cut}…"

"""A connection to one MCP server."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from livekit.agents.llm import RawFunctionTool
from livekit.agents.llm.mcp import MCPServer
from mcp import MCPError

from agent.mcp.definition import LostError, MCPServerDefinition
from agent.mcp.reasons import described, one_line
from agent.mcp.transports import HTTPServer, StdioServer
from services.host.cancellation import uninterrupted

logger = logging.getLogger("agent.mcp")

_CLOSING_SECONDS: Final = 10.0
"""For a program to end; the client kills one that hangs before."""
_GOODBYE_SECONDS: Final = 2.0
"""For a server over HTTP to take note of the end of the session."""
_NOTICING_SECONDS: Final = 1.0
_LATER_SECONDS: Final = 5.0
"""By which the client's own time limit lies behind ours, which is the one that is told."""

Result = TypeVar("Result")


class Connection:
    """A connection to one server, and what it last wrote to its standard error.

    Lives on one event loop; `aclose` ends it, and the server where that is a program.
    """

    def __init__(self, definition: MCPServerDefinition) -> None:
        self._definition = definition
        self._loop = asyncio.get_running_loop()
        self.last_words = ""
        """The last line that a program wrote to its standard error, shortened."""
        self.ended: asyncio.Future[str] = self._loop.create_future()
        """Done with the reason once nothing more can come from the server."""
        self.server: MCPServer
        patience = definition.call_seconds + _LATER_SECONDS
        if definition.transport == "stdio":
            self.server = StdioServer(definition, patience, self._on_end, self._on_words)
        else:
            self.server = HTTPServer(definition, patience, self._on_end)

    async def connect(self) -> list[RawFunctionTool[..., Any]]:
        """Start or reach the server and return its tools.

        Raises what goes wrong, LostError or TimeoutError after `start_seconds`; `reason` says it.
        """
        return await self._ask(self._initialised())

    async def list_tools(self) -> list[RawFunctionTool[..., Any]]:
        """Return the tools that the connected server has now; raises as `connect` does."""
        self.server.invalidate_cache()
        return await self._ask(self.server.list_tools())

    async def aclose(self) -> None:
        """End it, even while this is cancelled; takes some seconds where a program hangs."""
        # Where the connection was cancelled, the framework passes that on to whoever waits.
        stdio = self._definition.transport == "stdio"
        await uninterrupted(asyncio.create_task(_closed(self.server, stdio=stdio)))
        if not self.ended.done():
            self.ended.cancel()

    def reason(self, error: BaseException) -> str:
        """Say in one line why the server could not be used."""
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        reason = described(error, self._definition)
        status = getattr(self.server, "refused_with", 0)
        if status and isinstance(error, MCPError):
            reason = f"it answers with status {status}"
        if self.last_words and "gave no answer" not in reason:
            reason = f"{reason}: {self.last_words}"
        return one_line(reason)

    async def _initialised(self) -> list[RawFunctionTool[..., Any]]:
        await self.server.initialize()
        return await self.server.list_tools()

    async def _ask(self, question: Coroutine[Any, Any, Result]) -> Result:
        """Ask for as long as the server is there."""
        asking = asyncio.create_task(question, name="mcp-ask")
        waited: list[asyncio.Future[Any]] = [asking, self.ended]
        try:
            async with asyncio.timeout(self._definition.start_seconds):
                await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            # The client itself mostly notices too, and its error would otherwise go unread.
            await asyncio.wait([asking], timeout=_NOTICING_SECONDS)
        finally:
            if not asking.done():
                asking.cancel()
                await uninterrupted(asyncio.wait([asking]))
        if asking.cancelled():
            # The client cancels what it is asked, too, when its connection breaks.
            raise LostError(self.ended.result() if self.ended.done() else "the connection broke")
        return asking.result()

    def _on_end(self, reason: str) -> None:
        if not self.ended.done():
            self.ended.set_result(reason)

    def _on_words(self, line: str) -> None:
        self.last_words = one_line(line)
        logger.debug("MCP server says", extra={"server": self._definition.name, "line": line})


async def _closed(server: MCPServer, *, stdio: bool) -> None:
    with contextlib.suppress(Exception, asyncio.CancelledError):
        async with asyncio.timeout(_CLOSING_SECONDS if stdio else _GOODBYE_SECONDS):
            await server.aclose()

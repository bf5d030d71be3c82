"""The framework's MCP clients with the bounds of this project, and their diagnosis in one line."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, TextIO, TypeVar

import httpx2
from livekit.agents.llm import RawFunctionTool
from livekit.agents.llm.mcp import (
    MCPServer,
    MCPServerHTTP,
    MCPServerStdio,
    MCPToolResultContext,
)
from mcp import MCPError
from mcp.client.sse import sse_client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from pydantic import ValidationError

from agent.mcp.definition import LostError, MCPServerDefinition
from agent.mcp.streams import BOUNDED_UTF8, bound_response, on_too_long, watched
from services.host.cancellation import uninterrupted
from services.web.http.addresses import without_password

logger = logging.getLogger("agent.mcp")

LONGEST_REASON_CHARACTERS: Final = 200
_EVENTS_SECONDS: Final = 300.0
"""Longest silence of a stream of events; a server that has nothing to say keeps it open."""
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
            self.server = _Stdio(definition, patience, self._on_end, self._on_words)
        else:
            self.server = _HTTP(definition, patience, self._on_end)

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
        reason = _described(error, self._definition)
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
            raise LostError(self.ended.result())
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


class _Stdio(MCPServerStdio):
    def __init__(
        self,
        definition: MCPServerDefinition,
        patience_seconds: float,
        on_end: Callable[[str], None],
        on_words: Callable[[str], None],
    ) -> None:
        program, *arguments = definition.command
        super().__init__(
            sys.executable if program == "python" else program,
            arguments,
            env={name: value.get_secret_value() for name, value in definition.env.items()},
            cwd=definition.folder,
            client_session_timeout_seconds=patience_seconds,
            tool_result_resolver=answer_text,
        )
        self._on_end = on_end
        self._on_words = on_words

    def client_streams(self) -> AbstractAsyncContextManager[Any]:
        return watched(self._streams(), self._on_end)

    @asynccontextmanager
    async def _streams(self) -> AsyncIterator[Any]:
        parameters = StdioServerParameters(
            command=self.command,
            args=self.args,
            env=self.env,
            cwd=self.cwd,
            encoding=BOUNDED_UTF8,
            encoding_error_handler="replace",
        )
        on_too_long.set(self._on_end)
        async with (
            _reading_lines(self._on_words) as errors,
            stdio_client(parameters, errlog=errors) as streams,
        ):
            errors.close()
            yield streams


class _HTTP(MCPServerHTTP):
    def __init__(
        self,
        definition: MCPServerDefinition,
        patience_seconds: float,
        on_end: Callable[[str], None],
    ) -> None:
        super().__init__(
            definition.url,
            headers={name: value.get_secret_value() for name, value in definition.headers.items()},
            client_session_timeout_seconds=patience_seconds,
            tool_result_resolver=answer_text,
        )
        self._definition = definition
        self._on_end = on_end
        self.refused_with = 0
        """Status of the last response, where that is an error."""

    def client_streams(self) -> AbstractAsyncContextManager[Any]:
        return watched(self._streams(), self._on_end)

    def _streams(self) -> AbstractAsyncContextManager[Any]:
        if self._definition.transport == "sse":
            return sse_client(
                self.url,
                headers=self.headers,
                timeout=self._definition.start_seconds,
                sse_read_timeout=_EVENTS_SECONDS,
                httpx_client_factory=self._http,
            )
        return self._streamable()

    @asynccontextmanager
    async def _streamable(self) -> AsyncIterator[Any]:
        timeout = httpx2.Timeout(self._definition.start_seconds, read=_EVENTS_SECONDS)
        async with (
            self._http(self.headers, timeout) as client,
            streamable_http_client(self.url, http_client=client) as streams,
        ):
            yield streams

    def _http(
        self,
        headers: dict[str, Any] | None = None,
        timeout: httpx2.Timeout | None = None,
        auth: httpx2.Auth | None = None,
    ) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            headers={**(headers or {}), "Accept-Encoding": "identity"},
            timeout=timeout,
            auth=auth,
            event_hooks={"response": [self._note_status, bound_response]},
        )

    async def _note_status(self, response: httpx2.Response) -> None:
        # The client of the protocol tells of any error but its status.
        self.refused_with = response.status_code if response.is_error else 0


@asynccontextmanager
async def _reading_lines(on_line: Callable[[str], None]) -> AsyncIterator[TextIO]:
    """Give a file to write to, whose lines are read on this event loop."""
    reading, writing = os.pipe()
    file = os.fdopen(writing, "w")
    transport, lines = await asyncio.get_running_loop().connect_read_pipe(
        lambda: _Lines(on_line), os.fdopen(reading, "rb", 0)
    )
    try:
        yield file
    finally:
        file.close()
        # What is left of a program may hold it open.
        await asyncio.wait([lines.ended], timeout=_NOTICING_SECONDS)
        transport.close()


class _Lines(asyncio.Protocol):
    """Cuts bytes into lines, and lines to what a log can hold."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._rest = b""
        self.ended = asyncio.get_running_loop().create_future()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)

    def data_received(self, data: bytes) -> None:
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[:LONGEST_REASON_CHARACTERS]
        # Of many lines at once only the last ones matter: a traceback ends with its error.
        for line in lines[-20:]:
            text = line[:LONGEST_REASON_CHARACTERS].decode(errors="replace").strip()
            if text:
                self._on_line(text)


def answer_text(context: MCPToolResultContext) -> str:
    """Return what a tool answers as text; what is none is named."""
    parts = [
        getattr(item, "text", None) or f"({getattr(item, 'type', 'something')}, which is no text)"
        for item in context.result.content
    ]
    return "\n".join(parts) or "Done."


def _described(error: BaseException, definition: MCPServerDefinition) -> str:
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

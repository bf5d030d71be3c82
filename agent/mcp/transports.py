"""The framework's MCP clients with the bounds of this project: a program, or a server over HTTP."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

import httpx2
from livekit.agents.llm.mcp import (
    MCPServerHTTP,
    MCPServerStdio,
    MCPToolResultContext,
)
from mcp.client.sse import sse_client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from agent.mcp.definition import MCPServerDefinition
from agent.mcp.error_output import reading_lines
from agent.mcp.streams import BOUNDED_UTF8, bound_response, on_too_long, watched

_EVENTS_SECONDS: Final = 300.0
"""Longest silence of a stream of events; a server that has nothing to say keeps it open."""


class StdioServer(MCPServerStdio):
    """A server that is a program, which it starts."""

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
        """Return the transport, for the framework."""
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
            reading_lines(self._on_words) as errors,
            stdio_client(parameters, errlog=errors) as streams,
        ):
            errors.close()
            yield streams


class HTTPServer(MCPServerHTTP):
    """A server over HTTP."""

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
        """Return the transport, for the framework."""
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


def answer_text(context: MCPToolResultContext) -> str:
    """Return what a tool answers as text; what is none is named."""
    parts = [
        getattr(item, "text", None) or f"({getattr(item, 'type', 'something')}, which is no text)"
        for item in context.result.content
    ]
    return "\n".join(parts) or "Done."

"""Bounds on what an MCP server sends, and the moment at which it ends."""

from __future__ import annotations

import codecs
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Final, Self

import httpx2
from mcp.shared.message import SessionMessage

LARGEST_MESSAGE_BYTES: Final = 2_097_152
"""One message: what is parsed at once holds up the room's event loop, 2 MB for some 20 ms."""
MOST_STRAY_LINES: Final = 50
"""Lines of a server's standard output that are no messages; a few are forgiven."""

BOUNDED_UTF8: Final = "utf8_lines_of_bounded_length"
"""Name of the text encoding of which a line beyond `LARGEST_MESSAGE_BYTES` is the end.

The MCP client joins what it receives until a line ends, without any bound, and takes the name of
an encoding.
"""

on_too_long: ContextVar[Callable[[str], None]] = ContextVar("on_too_long")
"""Called with the reason by the streams of `BOUNDED_UTF8` that are opened in this context."""

_UTF8 = codecs.lookup("utf-8")


class _BoundedDecoder(codecs.BufferedIncrementalDecoder):
    """Decodes UTF-8, and nothing after a line that is too long.

    An exception would reach nobody before the program at the other end has ended.
    """

    def __init__(self, errors: str = "strict") -> None:
        super().__init__(errors)
        self._on_too_long = on_too_long.get()
        self._line = 0

    def _buffer_decode(self, input: Any, errors: str, final: bool) -> tuple[str, int]:
        if self._line > LARGEST_MESSAGE_BYTES:
            return "", len(input)
        text, used = codecs.utf_8_decode(input, errors, final)
        end = text.rfind("\n")
        self._line = self._line + len(text) if end < 0 else len(text) - end - 1
        if self._line > LARGEST_MESSAGE_BYTES:
            self._on_too_long(f"it sends a line of more than {LARGEST_MESSAGE_BYTES} bytes")
            text = ""
        return text, used


def _find_codec(name: str) -> codecs.CodecInfo | None:
    if name != BOUNDED_UTF8:
        return None
    return codecs.CodecInfo(
        _UTF8.encode, _UTF8.decode, incrementaldecoder=_BoundedDecoder, name=BOUNDED_UTF8
    )


codecs.register(_find_codec)


class TooLargeError(httpx2.StreamError):
    """A response of more than `LARGEST_MESSAGE_BYTES`."""


async def bound_response(response: httpx2.Response) -> None:
    """Bound the body of a response, as an event hook of a client; events have a bound already.

    Raises TooLargeError for a body that is compressed although nobody asked for that: it may
    become any size here.
    """
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise TooLargeError("a compressed response")
    if not response.headers.get("content-type", "").lower().startswith("text/event-stream"):
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _BoundedStream(response.stream)


class _BoundedStream(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        received = 0
        async for piece in self._stream:
            received += len(piece)
            if received > LARGEST_MESSAGE_BYTES:
                raise TooLargeError(f"a response of more than {LARGEST_MESSAGE_BYTES} bytes")
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


@asynccontextmanager
async def watched(
    streams: AbstractAsyncContextManager[Any], on_end: Callable[[str], None]
) -> AsyncIterator[tuple[Any, Any]]:
    """Open a transport; `on_end` is called with the reason when nothing more can come from it."""
    async with streams as (receive, send):
        yield _WatchedStream(receive, on_end), send


class _WatchedStream:
    """Passes messages on."""

    def __init__(self, stream: Any, on_end: Callable[[str], None]) -> None:
        self._stream = stream
        self._on_end = on_end
        self._stray = 0

    @property
    def last_context(self) -> Any:
        """That of the inner stream, which the MCP client looks for."""
        return getattr(self._stream, "last_context", None)

    async def receive(self) -> SessionMessage | Exception:
        """Return the next message; raises what the inner stream raises at its end."""
        return self._looked_at(await self._stream.receive())

    async def aclose(self) -> None:
        """Close the inner stream."""
        await self._stream.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            item = await self._stream.__anext__()
        except StopAsyncIteration:
            self._on_end("it ended the connection")
            raise
        return self._looked_at(item)

    async def __aenter__(self) -> Self:
        await self._stream.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        result: bool | None = await self._stream.__aexit__(kind, error, trace)
        return result

    def _looked_at(self, item: SessionMessage | Exception) -> SessionMessage | Exception:
        if isinstance(item, Exception):
            self._stray += 1
            if self._stray == MOST_STRAY_LINES:
                self._on_end("it sends what are no MCP messages")
            return item
        result = getattr(item.message, "result", None)
        tools = result.get("tools") if isinstance(result, dict) else None
        for tool in tools if isinstance(tools, list) else ():
            if isinstance(tool, dict):
                # The MCP client would check each answer against it, with regular expressions of
                # the server's, which may take for ever.
                tool.pop("outputSchema", None)
        return item

"""What a program writes to its standard error, line by line."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, TextIO

from agent.mcp.reasons import LONGEST_REASON_CHARACTERS

_NOTICING_SECONDS: Final = 1.0
"""For the end of the program's output to arrive."""


@asynccontextmanager
async def reading_lines(on_line: Callable[[str], None]) -> AsyncIterator[TextIO]:
    """Give a file to write to, whose lines are read on this event loop."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as file, os.fdopen(reading, "rb", 0) as pipe:
        transport, lines = await asyncio.get_running_loop().connect_read_pipe(
            lambda: _Lines(on_line), pipe
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

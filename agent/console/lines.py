"""Lines from a terminal, a pipe or a file, read without blocking the event loop."""

from __future__ import annotations

import asyncio
import os
from typing import TextIO

_READ_BYTES = 65_536
_LONGEST_LINE_BYTES = 65_536


class LineReader:
    """Belongs to one event loop; reads no further than the next line needs.

    A thread that is blocked in `input()` would keep the process from exiting.
    """

    def __init__(self, source: TextIO) -> None:
        """`source` needs a file descriptor; nothing else may read from it."""
        self._descriptor = source.fileno()
        self._pending = b""
        self._ended = False

    async def next(self) -> str | None:
        """Return the next line without its line break, or None at the end. May be cancelled."""
        while True:
            line, found, rest = self._pending.partition(b"\n")
            if found or len(line) > _LONGEST_LINE_BYTES:
                self._pending = rest
                return _text(line)
            if self._ended:
                self._pending = b""
                return _text(line) if line else None
            await self._readable()
            data = os.read(self._descriptor, _READ_BYTES)
            self._ended = not data
            self._pending += data

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        try:
            loop.add_reader(self._descriptor, ready.set)
        except PermissionError:
            # A regular file cannot be waited for, and is always readable.
            return
        try:
            await ready.wait()
        finally:
            loop.remove_reader(self._descriptor)


def _text(line: bytes) -> str:
    return line.decode(errors="replace").removesuffix("\r")

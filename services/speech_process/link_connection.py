"""One connection of a client to a speech process, from its greeting to its loss."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..inference import EngineLost
from .frames import NAME, VERSION, FrameError, Header, field, pack, read_frame
from .socket import SocketError, check_server, is_own_peer

if TYPE_CHECKING:
    from .link_request import LinkRequest

SILENT_SECONDS = 15.0
"""A server that says nothing for so long, when it should each second, is given up."""
_GREETING_SECONDS = 5.0
_READ_BYTES = 2**20


class LinkConnection:
    """One connection, from its greeting to its loss; belongs to the link's loop."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        take_status: Callable[[Header], None],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._take_status = take_status
        self._sending = asyncio.Lock()
        self._heard = asyncio.get_running_loop().time()
        self._numbers = 0
        self.requests: dict[int, LinkRequest] = {}

    @classmethod
    async def open(cls, path: Path, take_status: Callable[[Header], None]) -> LinkConnection:
        """Connect and agree on a version. Raises FrameError, OSError, SocketError, TimeoutError."""
        check_server(path)
        async with asyncio.timeout(_GREETING_SECONDS):
            reader, writer = await asyncio.open_unix_connection(path, limit=_READ_BYTES)
            try:
                if not is_own_peer(writer.get_extra_info("socket")):
                    raise SocketError(f"another user serves {path}")
                connection = cls(reader, writer, take_status)
                await connection.send(
                    {"type": "hello", "protocol": NAME, "versions": [VERSION], "pid": os.getpid()}
                )
                frame = await read_frame(reader)
                if frame is None:
                    raise FrameError("it refuses the connection")
                header, _ = frame
                if header["type"] == "bye":
                    raise FrameError(field(header, "message", str))
                if header["type"] != "hello" or header.get("version") != VERSION:
                    raise FrameError("it does not answer as a speech process does")
                take_status(field(header, "status", dict))
            except BaseException:
                writer.transport.abort()
                raise
        return connection

    async def run(self) -> str:
        """Hand out what arrives until the connection is lost; return why."""
        watching = asyncio.create_task(self._watch(), name="speech-link-watch")
        try:
            while (frame := await read_frame(self._reader)) is not None:
                self._heard = asyncio.get_running_loop().time()
                header, _ = frame
                if header["type"] == "status":
                    self._take_status(header)
                elif header["type"] == "bye":
                    return field(header, "message", str)
                elif (request := self.requests.get(field(header, "id", int))) is not None:
                    request.take(frame)
        except (FrameError, OSError) as error:
            return str(error)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        return "it has ended"

    def begin(self, request: LinkRequest) -> int:
        """Return the number of a new request."""
        self._numbers += 1
        self.requests[self._numbers] = request
        return self._numbers

    async def send(self, header: Header, payload: bytes = b"") -> None:
        """Write a frame; waits while the server does not read. Raises OSError, FrameError."""
        frame = pack(header, payload)
        async with self._sending:
            self._writer.writelines(frame)
            await self._writer.drain()

    def send_soon(self, header: Header) -> None:
        """Write a small frame without waiting."""
        if not self._writer.is_closing():
            self._writer.writelines(pack(header))

    async def aclose(self, problem: str) -> None:
        """End the connection; what is in flight fails."""
        requests, self.requests = self.requests, {}
        for request in requests.values():
            request.fail(EngineLost(f"the speech process was lost: {problem}"))
        self._writer.close()
        try:
            async with asyncio.timeout(1.0):
                await self._writer.wait_closed()
        except (OSError, TimeoutError):
            self._writer.transport.abort()

    async def _watch(self) -> None:
        """Give up a server that is stopped or hangs."""
        loop = asyncio.get_running_loop()
        remaining = SILENT_SECONDS
        while remaining > 0:
            await asyncio.sleep(remaining)
            remaining = self._heard + SILENT_SECONDS - loop.time()
        self._writer.transport.abort()

"""A speech process's server in a thread of this process, and a client without manners."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from services.host.loop_thread import LoopThread
from services.shared.engines import SharedEngines
from services.speech_process import SpeechServer
from services.speech_process.frames import NAME

WAIT_SECONDS = 30.0
"""For an answer, on a machine that is busy with other things."""


@contextlib.contextmanager
def served(engines: SharedEngines, path: Path) -> Iterator[SpeechServer]:
    """Serve the engines at `path`."""

    @contextlib.asynccontextmanager
    async def serving() -> AsyncIterator[SpeechServer]:
        server = SpeechServer(engines, path)
        await server.start()
        try:
            yield server
        finally:
            await server.aclose()

    thread = LoopThread(serving, name="speech-server", called="the speech server")
    try:
        yield thread.start(timeout_seconds=WAIT_SECONDS)
    finally:
        thread.stop(timeout_seconds=WAIT_SECONDS)


class RawClient:
    """Sends whatever it is told to, and reads frames only when it is told to."""

    def __init__(self, path: Path, *, receive_bytes: int | None = None) -> None:
        """`receive_bytes` is what the system keeps of what is not read."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(WAIT_SECONDS)
        if receive_bytes is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self._socket.connect(str(path))

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def greet(self, *versions: int) -> dict[str, Any]:
        """Say hello; returns the answer."""
        self.send(type="hello", protocol=NAME, versions=list(versions) or [1])
        return self.read()

    def send(self, payload: bytes = b"", **header: Any) -> None:
        """Send a frame."""
        self.send_bytes(frame(json.dumps(header).encode(), payload))

    def send_bytes(self, data: bytes) -> None:
        """Send anything; what a closed connection does not take is dropped."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._socket.sendall(data)

    def end_input(self) -> None:
        """Say that nothing more will come."""
        self._socket.shutdown(socket.SHUT_WR)

    def read(self) -> dict[str, Any]:
        """Return the header of the next frame that is no status; `{}` at the end."""
        while True:
            lengths = self._read(8)
            if not lengths:
                return {}
            header_bytes, payload_bytes = struct.unpack("<II", lengths)
            header: dict[str, Any] = json.loads(self._read(header_bytes))
            self._read(payload_bytes)
            if header["type"] != "status":
                return header

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            try:
                more = self._socket.recv(size - len(data))
            except ConnectionResetError:
                return b""
            if not more:
                return b""
            data += more
        return data


def frame(header: bytes, payload: bytes = b"") -> bytes:
    """Return a frame with any header at all."""
    return struct.pack("<II", len(header), len(payload)) + header + payload

"""Serves the models of this process on a Unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from ..host.process_memory import resident_bytes
from ..shared.config import ProcessMemory
from ..shared.engines import SharedEngines
from .client_session import ClientSession
from .socket import ServerSocket, is_own_peer
from .status import STATUS_SECONDS, ServerStatus

logger = logging.getLogger("services.speech_process")

MAX_CLIENTS = 64
_READ_BYTES = 2**18
"""Read ahead of a client."""


class SpeechServer:
    """Answers clients until it is closed; belongs to one event loop. Does not own the engines."""

    def __init__(
        self,
        engines: SharedEngines,
        path: Path,
        *,
        memory: Callable[[], ProcessMemory] | None = None,
    ) -> None:
        """`memory` returns at once how full this process is; without, only its size is told."""
        self._engines = engines
        self._path = path
        self._memory = memory or (lambda: ProcessMemory(process_bytes=resident_bytes()))
        self._socket: ServerSocket | None = None
        self._server: asyncio.Server | None = None
        self._sessions: dict[asyncio.Task[None], ClientSession] = {}
        self._reporting: asyncio.Task[None] | None = None
        self._count = 0
        self._left_at = time.monotonic()

    @property
    def clients(self) -> int:
        """Connections that are open."""
        return len(self._sessions)

    @property
    def idle_seconds(self) -> float:
        """For how long there has been no client; 0 while there is one."""
        return 0.0 if self._sessions else time.monotonic() - self._left_at

    @property
    def status(self) -> ServerStatus:
        """What clients are told once a second."""
        return ServerStatus.of(
            self._engines, self._memory(), pid=os.getpid(), clients=len(self._sessions)
        )

    async def start(self) -> None:
        """Listen. Raises SocketError."""
        self._socket = ServerSocket(self._path)
        self._server = await asyncio.start_unix_server(
            self._accept, sock=self._socket.socket, limit=_READ_BYTES
        )
        self._reporting = asyncio.create_task(self._report(), name="speech-status")
        logger.info("speech is served", extra={"socket": str(self._path)})

    async def aclose(self) -> None:
        """End every connection and what is computed for it. Idempotent."""
        if self._reporting is not None:
            self._reporting.cancel()
            await asyncio.gather(self._reporting, return_exceptions=True)
            self._reporting = None
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in tuple(self._sessions):
            task.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)
        if self._socket is not None:
            self._socket.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._count += 1
        refusal = ""
        if not is_own_peer(writer.get_extra_info("socket")):
            refusal = "another user"
        elif len(self._sessions) >= MAX_CLIENTS:
            refusal = f"more than {MAX_CLIENTS} clients"
        if refusal:
            logger.warning("speech client refused", extra={"reason": refusal})
            writer.transport.abort()
            return
        session = ClientSession(self._count, self._engines, reader, writer)
        self._sessions[task] = session
        try:
            await session.serve(self.status)
        except asyncio.CancelledError:
            # Not raised: asyncio would report it as an error of the connection.
            pass
        finally:
            await session.aclose()
            del self._sessions[task]
            self._left_at = time.monotonic()

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(STATUS_SECONDS)
            if self._sessions:
                status = self.status
                for session in self._sessions.values():
                    with contextlib.suppress(ConnectionError):
                        session.report(status)

"""One client of the server: its connection, and its requests in progress."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from ..inference import QueueFull
from ..shared.engines import SharedEngines
from .frames import (
    FRAME_SECONDS,
    MAX_PAYLOAD_BYTES,
    NAME,
    VERSION,
    FrameError,
    Header,
    field,
    pack,
    read_frame,
)
from .messages import error_header, read_priority
from .session_answers import SessionAnswers
from .session_models import SessionModels
from .session_request import SessionRequest
from .status import ServerStatus

logger = logging.getLogger("services.speech_process")

MAX_REQUESTS = 256
"""Of one client at once; more are refused as by a full queue."""
MAX_HELD_BYTES = 64 * 2**20
"""Audio that waits to be recognised, of one client."""
_HIGH_BYTES = 2**20
"""Unsent bytes beyond which nothing more is computed for a client."""


class ClientSession:
    """Serves one connection; belongs to the server's event loop."""

    def __init__(
        self,
        number: int,
        engines: SharedEngines,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """`number` tells the clients of a server apart."""
        self._number = number
        self._reader = reader
        self._writer = writer
        writer.transport.set_write_buffer_limits(high=_HIGH_BYTES)
        self._requests: dict[int, SessionRequest] = {}
        self._models = SessionModels(engines)
        self._sending = asyncio.Lock()
        self._held_bytes = 0
        answers = SessionAnswers(number, engines, self._models, self._reply)
        self._handlers: dict[str, Callable[[SessionRequest], Awaitable[None]]] = {
            "ping": answers.ping,
            "open": answers.open,
            "transcribe": answers.transcribe,
            "synthesize": answers.synthesize,
            "judge": answers.judge,
            "remember": answers.remember,
        }

    async def serve(self, status: ServerStatus) -> None:
        """Answer requests until the client leaves, or breaks the protocol."""
        try:
            if await self._greet(status):
                while (frame := await read_frame(self._reader)) is not None:
                    self._take(*frame)
        except FrameError as error:
            logger.warning(
                "speech client broke the protocol: its connection is closed",
                extra={"client": self._number, "reason": str(error)},
            )
            with contextlib.suppress(OSError, TimeoutError):
                await self._send({"type": "bye", "message": str(error)})
        except (ConnectionError, TimeoutError) as error:
            logger.info("speech client lost", extra={"client": self._number, "reason": repr(error)})

    def report(self, status: ServerStatus) -> None:
        """Tell the client how the server is, unless it does not read."""
        if self._writer.transport.get_write_buffer_size() == 0:
            self._writer.writelines(pack({"type": "status", **status.header()}))

    async def aclose(self) -> None:
        """End the connection, what is computed for it, and its hold on models. Idempotent."""
        for request in self._requests.values():
            request.task.cancel()
        tasks = [request.task for request in self._requests.values()]
        await asyncio.gather(*tasks, return_exceptions=True)
        self._models.close()
        self._writer.close()
        try:
            async with asyncio.timeout(1.0):
                await self._writer.wait_closed()
        except (OSError, TimeoutError):
            self._writer.transport.abort()

    async def _greet(self, status: ServerStatus) -> bool:
        """Agree on a version; returns whether there is one."""
        frame = await read_frame(self._reader)
        if frame is None:
            return False
        header, _ = frame
        if header["type"] != "hello" or field(header, "protocol", str) != NAME:
            raise FrameError(f"it does not begin with a hello of {NAME}")
        versions = field(header, "versions", list)
        if VERSION not in versions:
            message = f"this server speaks version {VERSION}, the client {versions}"
            logger.warning(
                "speech client refused", extra={"client": self._number, "reason": message[:200]}
            )
            await self._send({"type": "bye", "versions": [VERSION], "message": message[:200]})
            return False
        await self._send(
            {
                "type": "hello",
                "protocol": NAME,
                "version": VERSION,
                "max_payload_bytes": MAX_PAYLOAD_BYTES,
                "status": status.header(),
            }
        )
        return True

    def _take(self, header: Header, payload: bytes) -> None:
        """Begin a request, or take what belongs to one in progress. Raises FrameError."""
        kind, number = header["type"], field(header, "id", int)
        request = self._requests.get(number)
        handler = self._handlers.get(kind)
        if handler is not None:
            if request is not None:
                raise FrameError(f"request {number} is made twice")
            self._begin(number, header, payload, handler)
        elif kind == "release":
            self._models.release(header)
        elif kind not in ("cancel", "credit", "promote"):
            raise FrameError(f"a frame of unknown type {kind[:40]!r}")
        elif kind == "credit":
            pieces = field(header, "pieces", int)
            if request is not None:
                request.grant(pieces)
        elif kind == "promote":
            priority = read_priority(header)
            if request is not None:
                request.priority.raise_to(priority)
        elif request is not None:
            # It may have ended while this was on its way.
            request.task.cancel()

    def _begin(
        self,
        number: int,
        header: Header,
        payload: bytes,
        handler: Callable[[SessionRequest], Awaitable[None]],
    ) -> None:
        request = SessionRequest(number, header, payload)
        request.read_terms()
        self._held_bytes += len(payload)
        self._requests[number] = request
        too_much = len(self._requests) > MAX_REQUESTS or self._held_bytes > MAX_HELD_BYTES
        request.task = asyncio.create_task(
            self._answer(request, self._refuse if too_much else handler), name="speech-request"
        )
        # Not by the task itself: one that is cancelled at once never begins.
        request.task.add_done_callback(lambda _: self._forget(request))

    def _forget(self, request: SessionRequest) -> None:
        self._held_bytes -= request.size
        del self._requests[request.number]

    async def _answer(
        self, request: SessionRequest, handler: Callable[[SessionRequest], Awaitable[None]]
    ) -> None:
        try:
            await handler(request)
        except FrameError as error:
            # Its frames can still be told apart, so that only this request is refused.
            refusal = {"error": "request", "message": str(error), "retryable": False}
            with contextlib.suppress(ConnectionError, TimeoutError):
                await self._reply(request, {"type": "error", **refusal})
        except (ConnectionError, TimeoutError):
            self._writer.transport.abort()
        except Exception as error:
            header = error_header(error)
            if header["error"] == "inference":
                logger.exception("a request of a speech client failed")
            with contextlib.suppress(ConnectionError, TimeoutError):
                await self._reply(request, {"type": "error", **header})

    async def _refuse(self, request: SessionRequest) -> None:
        raise QueueFull("this client has too many requests in progress")

    async def _reply(self, request: SessionRequest, header: Header, payload: bytes = b"") -> None:
        await self._send({**header, "id": request.number}, payload)

    async def _send(self, header: Header, payload: bytes = b"") -> None:
        """Write a frame; waits while the client does not read. Raises OSError, TimeoutError."""
        frame = pack(header, payload)
        # One at a time: for a client that does not read, one frame is kept beyond the limit.
        async with self._sending:
            self._writer.writelines(frame)
            async with asyncio.timeout(FRAME_SECONDS):
                await self._writer.drain()

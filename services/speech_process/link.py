"""A client's connection to a speech process: shared by all threads, made again when it is lost."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from ..host.threads import run_in_daemon
from ..inference import DynamicPriority, EngineLost, InferenceError, Priority
from .frames import NAME, VERSION, FrameError, Header, field, pack, read_frame
from .messages import read_error
from .socket import SocketError, check_server, is_own_peer
from .status import ServerStatus

logger = logging.getLogger("services.speech_process")

WAIT_SECONDS = 10.0
"""How long a call waits for a server that is starting again."""
SILENT_SECONDS = 15.0
"""A server that says nothing for so long, when it should each second, is given up."""
_FIRST_RETRY_SECONDS, _LONGEST_RETRY_SECONDS = 0.05, 2.0
_GREETING_SECONDS = 5.0
_READ_BYTES = 2**20
_END_SECONDS = 5.0
_CLOSED = "the connection to the speech process has been closed"

T = TypeVar("T")
Frame = tuple[Header, bytes]


class SpeechLink:
    """Owns a thread with an event loop that holds the connection; every method is for any thread.

    Work in flight when the server goes fails with EngineLost, as does work that has waited
    `WAIT_SECONDS` for it to come back.
    """

    def __init__(self, path: Path, *, revive: Callable[[], object] | None = None) -> None:
        """Connect when something is asked for first, or `start` is called.

        `revive` starts the server when it cannot be reached; it is called in a thread.
        """
        self.path = path
        self._revive = revive
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._connection: _Connection | None = None
        self._reached = asyncio.Event()
        self._problem = "it has not been reached yet"
        self._status: ServerStatus | None = None
        self._closed = False

    @property
    def connected(self) -> bool:
        """Whether the server is there."""
        return self._connection is not None

    @property
    def started(self) -> bool:
        """Whether anybody has asked for the server."""
        return self._thread is not None

    @property
    def pending(self) -> int:
        """Requests on their way."""
        connection = self._connection
        return len(connection.calls) if connection is not None else 0

    @property
    def status(self) -> ServerStatus | None:
        """What the server last said of itself; None while it is not there."""
        return self._status if self.connected else None

    @property
    def problem(self) -> str:
        """Why the server is not there; empty while it is."""
        return "" if self.connected else f"the speech process at {self.path}: {self._problem}"

    def start(self) -> None:
        """Begin to connect, and return at once."""
        self._running_loop()

    async def request(
        self,
        header: Header,
        payload: bytes = b"",
        *,
        wait_seconds: float = WAIT_SECONDS,
        priority: Priority | DynamicPriority | None = None,
    ) -> Header:
        """Return the result of a request; cancelling the task cancels it at the server.

        Raises EngineLost, or the error that the request has met there.
        """
        call, future = self._request(header, payload, wait_seconds)
        if isinstance(priority, DynamicPriority):
            priority.follow(_Promoter(self, call, header), future)
        return await asyncio.wrap_future(future)

    def request_blocking(
        self, header: Header, payload: bytes = b"", *, wait_seconds: float = WAIT_SECONDS
    ) -> Header:
        """Like `request`, for threads without an event loop."""
        return self._request(header, payload, wait_seconds)[1].result()

    async def stream(
        self,
        header: Header,
        *,
        wait_seconds: float = WAIT_SECONDS,
        priority: Priority | DynamicPriority | None = None,
    ) -> AsyncGenerator[Frame, None]:
        """Yield the pieces of an answer; the server computes few more than were taken.

        Closing the generator cancels the request. Raises as `request` does.
        """
        call = _Call(self, header, b"", wait_seconds)
        try:
            opening = self._submit(call.open())
            if isinstance(priority, DynamicPriority):
                priority.follow(_Promoter(self, call, header), opening)
            await asyncio.wrap_future(opening)
            while True:
                frame = await asyncio.wrap_future(self._submit(call.next()))
                if frame[0]["type"] == "end":
                    return
                yield frame
                if not frame[0].get("more"):
                    self.post(call.grant)
        finally:
            self.post(call.close)

    def send_soon(self, header: Header) -> None:
        """Send a frame that nothing answers, if the server is there."""

        def send() -> None:
            if self._connection is not None:
                self._connection.send_soon({**header, "id": 0})

        self.post(send)

    def post(self, function: Callable[[], object]) -> None:
        """Call `function` on the link's loop soon, unless the link is closed."""
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(function)

    def close(self) -> None:
        """End connection and thread; what is in flight fails. Idempotent; blocks shortly."""
        with self._lock:
            self._closed = True
            loop, thread = self._loop, self._thread
            self._loop = None
        if loop is None or thread is None:
            return
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(self._stop)
        if thread is not threading.current_thread():
            thread.join(_END_SECONDS)

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._closed:
                raise EngineLost(_CLOSED)
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._run, args=(self._loop,), name="speech-link", daemon=True
                )
                self._thread.start()
            return self._loop

    def _request(
        self, header: Header, payload: bytes, wait_seconds: float
    ) -> tuple[_Call, Future[Header]]:
        call = _Call(self, header, payload, wait_seconds)

        async def run() -> Header:
            try:
                await call.open()
                answer, _ = await call.next()
                return answer
            finally:
                call.close()

        return call, self._submit(run())

    def _submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        try:
            return asyncio.run_coroutine_threadsafe(work, self._running_loop())
        except (EngineLost, RuntimeError) as error:
            work.close()
            raise EngineLost(str(error)) from None

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            self._keeping = loop.create_task(self._keep_connected(), name="speech-link")
            with contextlib.suppress(asyncio.CancelledError):
                loop.run_until_complete(self._keeping)
            # Whoever waits still gets an error before the loop goes.
            self._reached.set()
            if others := asyncio.all_tasks(loop):
                loop.run_until_complete(asyncio.wait(others, timeout=_END_SECONDS))
        finally:
            loop.close()

    def _stop(self) -> None:
        if self._keeping is not None:
            self._keeping.cancel()

    async def _keep_connected(self) -> None:
        """Connect, and again whenever the connection is lost, less and less often."""
        retry = _FIRST_RETRY_SECONDS
        lost = False
        while True:
            try:
                connection = await _Connection.open(self.path, self._take_status)
            except (FrameError, OSError, SocketError, TimeoutError) as error:
                problem = str(error) or "it does not answer"
                if problem != self._problem:
                    # One that is about to be started is none to warn of.
                    level = logging.INFO if self._revive is not None else logging.WARNING
                    logger.log(
                        level,
                        "speech process not reached",
                        extra={"socket": str(self.path), "reason": problem},
                    )
                self._problem = problem
                await self._try_revive()
            else:
                logger.info(
                    "speech process reached again" if lost else "speech process reached",
                    extra={"socket": str(self.path)},
                )
                self._connection, retry = connection, _FIRST_RETRY_SECONDS
                self._reached.set()
                try:
                    self._problem = await connection.run()
                finally:
                    self._reached.clear()
                    self._connection = None
                    await connection.aclose(self._problem)
                lost = True
                logger.error(
                    "speech process lost",
                    extra={"socket": str(self.path), "reason": self._problem},
                )
            await asyncio.sleep(retry * random.uniform(0.5, 1.0))
            retry = min(2 * retry, _LONGEST_RETRY_SECONDS)

    async def _try_revive(self) -> None:
        if self._revive is None:
            return
        try:
            # In a thread of its own: one of an executor's would hold up the end of the loop.
            await asyncio.wrap_future(run_in_daemon("speech-process-start", self._revive))
        except Exception as error:
            logger.error("speech process not started", extra={"reason": str(error)})

    async def connection(self, wait_seconds: float) -> _Connection:
        """Return the connection, once there is one; on the link's loop. Raises EngineLost."""
        if self._connection is None:
            try:
                async with asyncio.timeout(wait_seconds):
                    while self._connection is None:
                        if self._closed:
                            raise EngineLost(_CLOSED)
                        await self._reached.wait()
            except TimeoutError:
                raise EngineLost(self.problem) from None
        return self._connection

    def _take_status(self, header: Header) -> None:
        self._status = ServerStatus.read(header)


class _Connection:
    """One connection, from its greeting to its loss; belongs to the link's loop."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._sending = asyncio.Lock()
        self._heard = asyncio.get_running_loop().time()
        self._numbers = 0
        self.calls: dict[int, _Call] = {}

    @classmethod
    async def open(cls, path: Path, take_status: Callable[[Header], None]) -> _Connection:
        """Connect and agree on a version. Raises FrameError, OSError, SocketError, TimeoutError."""
        check_server(path)
        async with asyncio.timeout(_GREETING_SECONDS):
            reader, writer = await asyncio.open_unix_connection(path, limit=_READ_BYTES)
            try:
                if not is_own_peer(writer.get_extra_info("socket")):
                    raise SocketError(f"another user serves {path}")
                connection = cls(reader, writer)
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
        connection._take_status = take_status
        return connection

    _take_status: Callable[[Header], None]

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
                elif (call := self.calls.get(field(header, "id", int))) is not None:
                    call.take(frame)
        except (FrameError, OSError) as error:
            return str(error)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        return "it has ended"

    def begin(self, call: _Call) -> int:
        """Return the number of a new request."""
        self._numbers += 1
        self.calls[self._numbers] = call
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
        calls, self.calls = self.calls, {}
        for call in calls.values():
            call.fail(EngineLost(f"the speech process was lost: {problem}"))
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


class _Call:
    """One request on its way; belongs to the link's loop."""

    def __init__(
        self, link: SpeechLink, header: Header, payload: bytes, wait_seconds: float
    ) -> None:
        self._link = link
        self._header = header
        self._payload = payload
        self._wait_seconds = wait_seconds
        self._connection: _Connection | None = None
        self._number = 0
        self._ended = False
        self._answers: asyncio.Queue[Frame | Exception] = asyncio.Queue()

    async def open(self) -> None:
        """Send the request. Raises EngineLost, or InferenceError if it is too large."""
        connection = await self._link.connection(self._wait_seconds)
        if self._ended:
            return
        self._connection, self._number = connection, connection.begin(self)
        try:
            await connection.send({**self._header, "id": self._number}, self._payload)
        except FrameError as error:
            raise InferenceError(f"the request is too large: {error}") from error
        except OSError as error:
            raise EngineLost(f"the speech process was lost: {error}") from error
        finally:
            self._payload = b""

    async def next(self) -> Frame:
        """Return the next part of the answer; raises the error that takes its place."""
        answer = await self._answers.get()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def take(self, frame: Frame) -> None:
        """Take a frame for this call."""
        header, _ = frame
        last = header["type"] != "piece"
        if header["type"] == "error":
            self._answers.put_nowait(read_error(header))
        else:
            self._answers.put_nowait(frame)
        if last:
            self._leave()

    def fail(self, error: Exception) -> None:
        """End the call."""
        self._ended = True
        self._connection = None
        self._answers.put_nowait(error)

    def grant(self) -> None:
        """Let the server compute one more piece."""
        if self._connection is not None:
            self._connection.send_soon({"type": "credit", "id": self._number, "pieces": 1})

    def promote(self, priority: Priority) -> None:
        """Make the request more urgent."""
        self._header = {**self._header, "priority": int(priority)}
        if self._connection is not None:
            self._connection.send_soon(
                {"type": "promote", "id": self._number, "priority": int(priority)}
            )

    def close(self) -> None:
        """Cancel the request unless it has ended. Idempotent."""
        connection = self._connection
        self._leave()
        if connection is not None:
            connection.send_soon({"type": "cancel", "id": self._number})

    def _leave(self) -> None:
        self._ended = True
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.calls.pop(self._number, None)


class _Promoter:
    """Passes on that a request has become more urgent."""

    def __init__(self, link: SpeechLink, call: _Call, header: Header) -> None:
        self._link = link
        self._call = call
        self._sent = int(header["priority"])

    def promote(self, future: Future[Any], priority: Priority) -> bool:
        """Tell the server, unless it knows."""
        if self._sent <= priority:
            return False
        self._sent = priority
        self._link.post(lambda: self._call.promote(priority))
        return True

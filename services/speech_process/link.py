"""A client's connection to a speech process: shared by all threads, made again when it is lost."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from ..host.loop_thread import LoopThread, StartError
from ..host.threads import run_in_daemon
from ..inference import DynamicPriority, EngineLost, Priority
from .frames import FrameError, Header
from .link_connection import LinkConnection
from .link_request import Frame, LinkRequest, Promoter
from .socket import SocketError
from .status import ServerStatus

logger = logging.getLogger("services.speech_process")

WAIT_SECONDS = 10.0
"""How long a call waits for a server that is starting again."""
_FIRST_RETRY_SECONDS, _LONGEST_RETRY_SECONDS = 0.05, 2.0
_END_SECONDS = 3.0
"""For what is in flight to fail, once the link is closed."""
_CLOSED = "the connection to the speech process has been closed"

T = TypeVar("T")


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
        self._thread = LoopThread(
            self._kept, name="speech-link", called="the connection to the speech process"
        )
        self._connection: LinkConnection | None = None
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
        return self._thread.begun

    @property
    def pending(self) -> int:
        """Requests on their way."""
        connection = self._connection
        return len(connection.requests) if connection is not None else 0

    @property
    def status(self) -> ServerStatus | None:
        """What the server last said of itself; None while it is not there."""
        return self._status if self.connected else None

    @property
    def problem(self) -> str:
        """Why the server is not there; empty while it is."""
        return "" if self.connected else f"the speech process at {self.path}: {self._problem}"

    def start(self) -> None:
        """Begin to connect, and return at once. Raises EngineLost after `close`."""
        try:
            self._thread.begin()
        except StartError:
            raise EngineLost(_CLOSED) from None

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
        request, future = self._request(header, payload, wait_seconds)
        if isinstance(priority, DynamicPriority):
            priority.follow(Promoter(self.post, request, header["priority"]), future)
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
        request = LinkRequest(lambda: self._connected(wait_seconds), header)
        try:
            opening = self._submit(request.open())
            if isinstance(priority, DynamicPriority):
                priority.follow(Promoter(self.post, request, header["priority"]), opening)
            await asyncio.wrap_future(opening)
            while True:
                frame = await asyncio.wrap_future(self._submit(request.next()))
                if frame[0]["type"] == "end":
                    return
                yield frame
                if not frame[0].get("more"):
                    self.post(request.grant)
        finally:
            self.post(request.close)

    def send_soon(self, header: Header) -> None:
        """Send a frame that nothing answers, if the server is there."""

        def send() -> None:
            if self._connection is not None:
                self._connection.send_soon({**header, "id": 0})

        self.post(send)

    def post(self, function: Callable[[], object]) -> None:
        """Call `function` on the link's loop soon, unless the link is closed."""
        self._thread.post(function)

    def close(self) -> None:
        """End connection and thread; what is in flight fails. Idempotent; blocks shortly."""
        self._closed = True
        self._thread.stop()

    def _request(
        self, header: Header, payload: bytes, wait_seconds: float
    ) -> tuple[LinkRequest, Future[Header]]:
        request = LinkRequest(lambda: self._connected(wait_seconds), header, payload)

        async def run() -> Header:
            try:
                await request.open()
                answer, _ = await request.next()
                return answer
            finally:
                request.close()

        return request, self._submit(run())

    def _submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run `work` on the link's loop. Raises EngineLost."""
        try:
            self._thread.begin()
            return self._thread.submit(work)
        except StartError:
            work.close()
            raise EngineLost(_CLOSED) from None

    @contextlib.asynccontextmanager
    async def _kept(self) -> AsyncIterator[None]:
        """Stay connected; in the end, whoever waits for an answer gets an error."""
        try:
            async with asyncio.TaskGroup() as tasks:
                keeping = tasks.create_task(self._keep_connected(), name="speech-link")
                try:
                    yield
                finally:
                    keeping.cancel()
        finally:
            self._closed = True
            self._reached.set()
            if others := asyncio.all_tasks() - {asyncio.current_task()}:
                await asyncio.wait(others, timeout=_END_SECONDS)

    async def _keep_connected(self) -> None:
        """Connect, and again whenever the connection is lost, less and less often."""
        retry = _FIRST_RETRY_SECONDS
        lost = False
        while True:
            try:
                connection = await LinkConnection.open(self.path, self._take_status)
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

    async def _connected(self, wait_seconds: float) -> LinkConnection:
        """Return the connection once there is one. Raises EngineLost."""
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

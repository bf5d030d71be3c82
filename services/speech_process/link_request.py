"""One request of a client to a speech process, from its sending to the end of its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any

from ..inference import EngineLost, InferenceError, Priority
from .frames import FrameError, Header
from .link_connection import LinkConnection
from .messages import read_error

Frame = tuple[Header, bytes]


class LinkRequest:
    """One request on its way; belongs to the link's loop."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[LinkConnection]],
        header: Header,
        payload: bytes = b"",
    ) -> None:
        """`connect` returns the connection once there is one, and raises EngineLost if not."""
        self._connect = connect
        self._header = header
        self._payload = payload
        self._connection: LinkConnection | None = None
        self._number = 0
        self._ended = False
        self._answers: asyncio.Queue[Frame | Exception] = asyncio.Queue()

    async def open(self) -> None:
        """Send the request. Raises EngineLost, or InferenceError if it is too large."""
        connection = await self._connect()
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
        """Take a frame for this request."""
        header, _ = frame
        last = header["type"] != "piece"
        if header["type"] == "error":
            self._answers.put_nowait(read_error(header))
        else:
            self._answers.put_nowait(frame)
        if last:
            self._leave()

    def fail(self, error: Exception) -> None:
        """End the request."""
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
            connection.requests.pop(self._number, None)


class Promoter:
    """Passes on that a request has become more urgent."""

    def __init__(
        self, post: Callable[[Callable[[], object]], None], request: LinkRequest, sent: int
    ) -> None:
        """`post` calls a function on the link's loop; the request was sent with priority `sent`."""
        self._post = post
        self._request = request
        self._sent = sent

    def promote(self, future: Future[Any], priority: Priority) -> bool:
        """Tell the server, unless it knows."""
        if self._sent <= priority:
            return False
        self._sent = priority
        self._post(lambda: self._request.promote(priority))
        return True

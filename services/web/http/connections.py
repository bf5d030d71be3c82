"""Accepts the connections of a web server: so many, for so long, whatever their senders do."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from ...host.open_files import open_files_limit
from .ratelimit import address_key

logger = logging.getLogger("services.web")

MOST_CONNECTIONS: Final = 512
"""Of one server. Where the process may open few files it is a quarter of those instead."""
MOST_PER_ADDRESS: Final = 64
"""Of one IPv4 address or /64 network; a browser keeps up to six. Trusted proxies have no limit."""
FIRST_REQUEST_SECONDS: Final = 10.0
"""In which a new connection must have sent the whole head of a request."""
IDLE_SECONDS: Final = 75.0
"""In which a connection must have taken the answer to its last request and sent the next head."""
PROXY_IDLE_SECONDS: Final = 3600.0
"""The same of a trusted proxy, which keeps connections for later; it should be first to close."""

_FILES_SHARE = 4
_LOOK_SECONDS = 1.0
_NO_FILES_SECONDS = 0.5
_SAY_AGAIN_SECONDS = 60.0
_NO_MORE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


@dataclass(slots=True)
class _Connection:
    key: str
    """What counts as its address; empty for a trusted proxy."""
    since: float = field(default_factory=time.monotonic)
    """When it was accepted, or its last request was done with."""
    requests: int = 0
    """In progress: at most one, and none while it waits."""
    asked: bool = False
    """Whether it has ever sent a whole request."""
    transport: asyncio.BaseTransport | None = None
    """None until it is set up."""

    @property
    def closed(self) -> bool:
        """Whether nothing more comes of it."""
        return self.transport is not None and self.transport.is_closing()

    def abort(self) -> None:
        """Close it at once."""
        if isinstance(self.transport, asyncio.Transport):
            self.transport.abort()


class Connections:
    """The open connections of one server; lives on its event loop.

    One that comes while there are too many takes the place of that which has waited longest, of
    its own address where that one has too many. Where all of them are at work it is closed.
    """

    def __init__(
        self,
        *,
        most: int | None = None,
        most_per_address: int = MOST_PER_ADDRESS,
        first_request_seconds: float = FIRST_REQUEST_SECONDS,
        idle_seconds: float = IDLE_SECONDS,
        is_proxy: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """`most` defaults to what the open files of the process allow.

        `is_proxy` says of an address whether others' connections come from it.
        """
        self._most = most or min(MOST_CONNECTIONS, max(8, open_files_limit() // _FILES_SHARE))
        self._most_per_address = most_per_address
        self._first_request_seconds = first_request_seconds
        self._idle_seconds = idle_seconds
        self._is_proxy = is_proxy
        self._open: dict[asyncio.BaseProtocol, _Connection] = {}
        self._said: dict[str, float] = {}

    @property
    def count(self) -> int:
        """How many are open."""
        return sum(not open_.closed for open_ in self._open.values())

    def __call__(self, app: web.Application) -> None:
        """Have `app` tell of the requests that are in progress (an `AddRoutes`)."""

        @web.middleware
        async def mark(request: web.Request, handler: Handler) -> web.StreamResponse:
            connection = self._open.get(request.protocol)
            if connection is None:
                return await handler(request)
            connection.asked = True
            connection.requests += 1
            try:
                return await handler(request)
            finally:
                connection.requests -= 1
                connection.since = time.monotonic()

        app.middlewares.insert(0, mark)

    async def serve(self, listener: socket.socket, server: web.Server) -> None:
        """Accept connections for `server` until cancelled; the caller closes the listener."""
        loop = asyncio.get_running_loop()
        closing = asyncio.create_task(self._close_idle(), name="close-idle-connections")
        try:
            while True:
                try:
                    peer, address = await loop.sock_accept(listener)
                except OSError as error:
                    if error.errno not in _NO_MORE:
                        # The caller has gone before it was accepted.
                        await asyncio.sleep(0)
                        continue
                    self._say("no more connections can be opened", error=error.strerror)
                    made_way = self._give_way(self._open.values())
                    # The next step closes it; without one, only others can let a file go.
                    await asyncio.sleep(0 if made_way else _NO_FILES_SECONDS)
                    self._forget_closed()
                    continue
                await self._take(peer, str(address[0]), server)
        finally:
            closing.cancel()
            await asyncio.gather(closing, return_exceptions=True)

    async def _take(self, peer: socket.socket, address: str, server: web.Server) -> None:
        self._forget_closed()
        key = "" if self._is_proxy(address) else address_key(address)
        of_address = [open_ for open_ in self._open.values() if key and open_.key == key]
        crowd = None
        if len(of_address) >= self._most_per_address:
            crowd = of_address
            self._say("an address has too many connections", address=key, most=len(crowd))
        elif len(self._open) >= self._most:
            crowd = list(self._open.values())
            self._say("too many connections", most=self._most)
        if crowd is not None and not self._give_way(crowd):
            peer.close()
            return
        # Its first request may be there before the next step of this task.
        protocol, connection = server(), _Connection(key)
        self._open[protocol] = connection
        loop = asyncio.get_running_loop()
        try:
            connection.transport, _ = await loop.connect_accepted_socket(lambda: protocol, peer)
        except OSError:
            del self._open[protocol]

    def _give_way(self, crowd: Iterable[_Connection]) -> bool:
        """Close the one that has waited longest; whether there was one."""
        waiting = [open_ for open_ in crowd if open_.transport and not open_.requests]
        if not waiting:
            return False
        min(waiting, key=lambda open_: open_.since).abort()
        return True

    async def _close_idle(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self._forget_closed()
            now = time.monotonic()
            for open_ in self._open.values():
                if not open_.requests and now - open_.since > self._patience(open_):
                    open_.abort()

    def _patience(self, open_: _Connection) -> float:
        if not open_.asked:
            return self._first_request_seconds
        return self._idle_seconds if open_.key else max(self._idle_seconds, PROXY_IDLE_SECONDS)

    def _forget_closed(self) -> None:
        # An aborted one is closing at once, though its protocol hears of it a step later.
        for protocol in [p for p, open_ in self._open.items() if open_.closed]:
            del self._open[protocol]

    def _say(self, event: str, **fields: object) -> None:
        """Log an event that repeats as often as callers like, once in a while."""
        now = time.monotonic()
        if now - self._said.get(event, -_SAY_AGAIN_SECONDS) >= _SAY_AGAIN_SECONDS:
            self._said[event] = now
            logger.warning(event, extra=fields)

"""Accepts the connections of a web server, bounded in number and time."""

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
"""Connections of one server; a quarter of the files that the process may open if that is less."""
MOST_PER_ADDRESS: Final = 64
"""Connections of one IPv4 address or /64 network; a browser opens up to six. Trusted proxies have
no limit."""
FIRST_REQUEST_SECONDS: Final = 10.0
"""Time for a new connection to send the complete headers of a request."""
IDLE_SECONDS: Final = 75.0
"""Time for a connection to receive its last response and send the headers of the next request."""
PROXY_IDLE_SECONDS: Final = 3600.0
"""`IDLE_SECONDS` for a trusted proxy, which keeps connections open and should close them first."""

_FILES_SHARE = 4
_CHECK_SECONDS = 1.0
_NO_FILES_SECONDS = 0.5
_WARN_AGAIN_SECONDS = 60.0
_NO_MORE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


@dataclass(slots=True)
class _Connection:
    key: str
    """The key of its address for counting; empty for a trusted proxy."""
    since: float = field(default_factory=time.monotonic)
    """When it was accepted, or its last request completed."""
    requests: int = 0
    """Requests in progress, 0 or 1."""
    asked: bool = False
    """Whether it has ever sent a complete request."""
    transport: asyncio.BaseTransport | None = None
    """None until it is set up."""

    @property
    def closed(self) -> bool:
        return self.transport is not None and self.transport.is_closing()

    def abort(self) -> None:
        if isinstance(self.transport, asyncio.Transport):
            self.transport.abort()


class Connections:
    """The open connections of one server; lives on its event loop.

    When there are too many, a new connection replaces the one that has been idle longest, from the
    same address if that has too many. If none is idle, the new one is closed.
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
        """Set the limits; `most` defaults to what the open files of the process allow.

        `is_proxy` returns whether an address is that of a trusted proxy.
        """
        self._most = most or min(MOST_CONNECTIONS, max(8, open_files_limit() // _FILES_SHARE))
        self._most_per_address = most_per_address
        self._first_request_seconds = first_request_seconds
        self._idle_seconds = idle_seconds
        self._is_proxy = is_proxy
        self._open: dict[asyncio.BaseProtocol, _Connection] = {}
        self._warned: dict[str, float] = {}

    @property
    def count(self) -> int:
        """The number of open connections."""
        return sum(not open_.closed for open_ in self._open.values())

    def __call__(self, app: web.Application) -> None:
        """Track the requests in progress of `app` (an `AddRoutes`)."""

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
                        # The caller closed the connection before it was accepted.
                        await asyncio.sleep(0)
                        continue
                    self._warn("no more connections can be opened", error=error.strerror)
                    evicted = self._evict_idle(self._open.values())
                    # The next step closes it; without one, only others can free a file descriptor.
                    await asyncio.sleep(0 if evicted else _NO_FILES_SECONDS)
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
            self._warn("an address has too many connections", address=key, most=len(crowd))
        elif len(self._open) >= self._most:
            crowd = list(self._open.values())
            self._warn("too many connections", most=self._most)
        if crowd is not None and not self._evict_idle(crowd):
            peer.close()
            return
        # Its first request may arrive before this task runs again.
        protocol, connection = server(), _Connection(key)
        self._open[protocol] = connection
        loop = asyncio.get_running_loop()
        try:
            connection.transport, _ = await loop.connect_accepted_socket(lambda: protocol, peer)
        except OSError:
            del self._open[protocol]

    def _evict_idle(self, crowd: Iterable[_Connection]) -> bool:
        """Close the connection that has been idle longest; return whether there was one."""
        idle = [open_ for open_ in crowd if open_.transport and not open_.requests]
        if not idle:
            return False
        min(idle, key=lambda open_: open_.since).abort()
        return True

    async def _close_idle(self) -> None:
        while True:
            await asyncio.sleep(_CHECK_SECONDS)
            self._forget_closed()
            now = time.monotonic()
            for open_ in self._open.values():
                if not open_.requests and now - open_.since > self._allowed_seconds(open_):
                    open_.abort()

    def _allowed_seconds(self, open_: _Connection) -> float:
        if not open_.asked:
            return self._first_request_seconds
        return self._idle_seconds if open_.key else max(self._idle_seconds, PROXY_IDLE_SECONDS)

    def _forget_closed(self) -> None:
        # An aborted connection is closing at once, though its protocol is notified a step later.
        for protocol in [p for p, open_ in self._open.items() if open_.closed]:
            del self._open[protocol]

    def _warn(self, event: str, **fields: object) -> None:
        """Log an event that callers can cause at any rate, once a minute at most."""
        now = time.monotonic()
        if now - self._warned.get(event, -_WARN_AGAIN_SECONDS) >= _WARN_AGAIN_SECONDS:
            self._warned[event] = now
            logger.warning(event, extra=fields)

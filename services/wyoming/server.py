"""The Wyoming server: its thread, its port, and who may be connected."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import socket
from collections.abc import AsyncIterator, Sequence

from ..host.listening import listen
from ..host.loop_thread import START_TIMEOUT_SECONDS, LoopThread
from ..host.threads import started_pool
from ..shared.engines import SharedEngines
from .addresses import Network, is_allowed, is_loopback, reachable_addresses
from .announcement import Announcement, AnnouncementError
from .connection import Connection
from .errors import WyomingError
from .framing import discard
from .limits import LONGEST_JSON_BYTES, WyomingLimits
from .outlet import Outlet
from .speech import OnRequest, Speech

logger = logging.getLogger("services.wyoming")

STOP_TIMEOUT_SECONDS = 3.0
_BACKLOG = 32


class WyomingServer:
    """Serves recognition and synthesis until stopped, in a thread with an event loop of its own.

    `start` and `stop` may be called from any thread; a server that was stopped does not start
    again.
    """

    def __init__(
        self,
        engines: SharedEngines,
        host: str,
        port: int,
        *,
        name: str,
        allowed: Sequence[Network] = (),
        announced: bool = True,
        limits: WyomingLimits | None = None,
        on_request: OnRequest | None = None,
    ) -> None:
        """Prepare a server; nothing is bound before `start`.

        Args:
            engines: provide the models, which are loaded on first use.
            host: address to bind.
            port: TCP port, 0 for any free one.
            name: what clients show, and the beginning of the name under which it is found.
            allowed: the networks whose clients are served; empty for all that reach it.
            announced: whether it is found by zeroconf, where others can reach it at all.
            limits: what one client may cost.
            on_request: called in the server's thread when a request has ended.
        """
        self._engines = engines
        self._host = host
        self._requested_port = port
        self._name = name
        self._allowed = tuple(allowed)
        self._announced = announced
        self._limits = limits or WyomingLimits()
        self._on_request = on_request
        self._address: tuple[str, int] | None = None
        self._numbers = itertools.count(1)
        self._clients: dict[asyncio.Task[None], Connection] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._speech: Speech | None = None
        self._thread = LoopThread(
            self._serving, name="wyoming", called=f"the Wyoming server on {host}:{port}"
        )

    @property
    def port(self) -> int:
        """The bound port, known once started."""
        if self._address is None:
            raise RuntimeError("the Wyoming server is not started")
        return self._address[1]

    @property
    def connections(self) -> int:
        """Clients that are connected; from any thread."""
        return len(self._clients)

    def start(self, *, timeout_seconds: float = START_TIMEOUT_SECONDS) -> None:
        """Bind and serve; return once connections are accepted.

        Raises:
            PortBusyError: the port is in use.
            ListenError: the address cannot be used.
            StartError: the start took too long, or the server was stopped meanwhile or before.
        """
        self._address = self._thread.start(timeout_seconds=timeout_seconds)
        bound, port = self._address
        logger.info(
            "wyoming server started",
            extra={"host": bound, "port": port, "clients": _text(self._allowed)},
        )
        if not is_loopback(bound) and not self._allowed:
            logger.warning(
                "wyoming server is open to the network: the protocol has no keys, so whoever "
                "reaches this port can have speech recognised and spoken; name the addresses of "
                "your clients in WYOMING_ALLOWED",
                extra={"host": bound, "port": port},
            )

    def stop(self, *, timeout_seconds: float = STOP_TIMEOUT_SECONDS) -> None:
        """End all connections and the thread. Idempotent."""
        self._thread.stop(timeout_seconds=timeout_seconds)

    @contextlib.asynccontextmanager
    async def _serving(self) -> AsyncIterator[tuple[str, int]]:
        """Serve on the address that this yields."""
        asyncio.get_running_loop().set_default_executor(started_pool(1))
        self._speech = Speech(
            self._engines, self._limits, name=self._name, on_request=self._on_request
        )
        with listen(
            self._host,
            self._requested_port,
            host_setting="WYOMING_HOST",
            port_setting="WYOMING_PORT",
            backlog=_BACKLOG,
        ) as listener:
            server = await asyncio.start_server(
                self._on_client, sock=listener, limit=LONGEST_JSON_BYTES
            )
            bound, port = listener.getsockname()[:2]
            announcing = asyncio.create_task(self._announce(bound, port), name="wyoming-announce")
            try:
                yield bound, port
            finally:
                server.close()
                tasks = [announcing, *self._clients, *self._leaving]
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def _on_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert self._speech is not None
        log = self._speech.log
        peer = writer.get_extra_info("peername")
        address = str(peer[0]) if peer else ""
        if not is_allowed(address, self._allowed):
            log.warning(
                "wyoming client refused: its address is not in WYOMING_ALLOWED", address=address
            )
            writer.transport.abort()
            return
        if len(self._clients) >= self._limits.connections and not self._evict_idle():
            log.warning("too many wyoming clients", most=self._limits.connections)
            self._turn_away(reader, writer)
            return
        connection = Connection(
            reader, writer, self._speech, owner=f"wyoming-{next(self._numbers)}"
        )
        task = asyncio.create_task(connection.run(), name="wyoming-client")
        self._clients[task] = connection
        task.add_done_callback(self._gone)

    def _gone(self, task: asyncio.Task[None]) -> None:
        self._clients.pop(task, None)
        if not task.cancelled() and task.exception() is not None:
            logger.error("wyoming connection failed", exc_info=task.exception())

    def _evict_idle(self) -> bool:
        """End the connection that has been idle longest; return whether there was one."""
        idle = [(c.last_event, task) for task, c in self._clients.items() if c.idle]
        if not idle:
            return False
        _, task = min(idle, key=lambda each: each[0])
        self._clients.pop(task)
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)
        task.cancel()
        return True

    def _turn_away(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._leaving) >= self._limits.connections:
            writer.transport.abort()
            return

        async def tell() -> None:
            outlet = Outlet(writer)
            await outlet.refuse(WyomingError("busy", "too many clients at once; try again later"))
            await discard(reader)
            await outlet.close()

        task = asyncio.create_task(tell(), name="wyoming-turn-away")
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def _announce(self, bound: str, port: int) -> None:
        """Have clients find the server until this is cancelled, where others can reach it."""
        addresses = reachable_addresses(bound)
        if not self._announced or is_loopback(bound) or not addresses:
            return
        try:
            announcement = await Announcement.publish(
                f"{self._name}-{socket.gethostname()}",
                port,
                addresses,
                everywhere=_is_every(bound),
            )
        except AnnouncementError as error:
            logger.warning(
                "wyoming server is not announced: give clients its address",
                extra={"error": str(error)},
            )
            return
        try:
            logger.info(
                "wyoming server announced",
                extra={"name_announced": announcement.name, "addresses": ", ".join(addresses)},
            )
            await asyncio.Event().wait()
        finally:
            await announcement.aclose()


def _is_every(bound: str) -> bool:
    return bound in ("0.0.0.0", "::")


def _text(allowed: Sequence[Network]) -> str:
    return ", ".join(map(str, allowed)) or "all"

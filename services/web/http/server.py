"""A small HTTP server with its own thread and event loop, so that busy rooms cannot delay it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from ...host.listening import listen
from ...host.loop_thread import START_TIMEOUT_SECONDS, STOP_TIMEOUT_SECONDS, LoopThread
from .connections import Connections
from .errors import api_errors, plain_bodies
from .headers import SecurityHeaders

logger = logging.getLogger("services.web")

SHUTDOWN_GRACE_SECONDS = 1.0
"""How long open requests may still run after the server is stopped."""

MAX_BODY_BYTES = 64 * 1024

AddRoutes = Callable[[web.Application], None]
"""Adds routes and clean-up hooks to the application; called in the server's thread."""


class WebServer:
    """Serves the given routes until stopped.

    `start` and `stop` may be called from any thread; a server that was stopped does not start
    again. The handlers run in the server's own event loop and must not block it.
    """

    def __init__(
        self,
        host: str,
        port: int,
        routes: Sequence[AddRoutes],
        *,
        headers: SecurityHeaders | None = None,
        connections: Connections | None = None,
        host_setting: str = "WEB_HOST",
        port_setting: str = "WEB_PORT",
        name: str = "web",
    ) -> None:
        """Prepare a server; nothing is bound before `start`.

        Args:
            host: address to bind, such as `127.0.0.1`.
            port: TCP port, 0 for any free one.
            routes: each adds its routes to the application, in this order.
            headers: security headers of every response; the strictest by default.
            connections: their limits in number and time; the usual ones by default.
            host_setting: the setting named in errors about the address.
            port_setting: the setting named in errors about the port.
            name: name of the thread.
        """
        self._host = host
        self._requested_port = port
        self._routes = tuple(routes)
        self._headers = headers or SecurityHeaders()
        self._connections = connections or Connections()
        self._host_setting = host_setting
        self._port_setting = port_setting
        self._name = name
        self._port: int | None = None
        self._thread = LoopThread(
            self._serving, name=name, called=f"the web server on {host}:{port}"
        )

    @property
    def port(self) -> int:
        """The bound port, known once started."""
        if self._port is None:
            raise RuntimeError("the web server is not started")
        return self._port

    @property
    def address(self) -> str:
        """The address for a browser on this machine, such as `http://localhost:8080`."""
        host = (
            "localhost" if self._host in ("127.0.0.1", "0.0.0.0", "::", "::1", "") else self._host
        )
        if ":" in host:
            host = f"[{host}]"
        return f"http://{host}:{self.port}"

    def start(self, *, timeout_seconds: float = START_TIMEOUT_SECONDS) -> None:
        """Bind and serve; return once connections are accepted.

        Raises:
            PortBusyError: the port is in use.
            ListenError: the address cannot be used.
            StartError: the start took too long, or the server was stopped meanwhile or before.
        """
        self._port = self._thread.start(timeout_seconds=timeout_seconds)
        logger.info("web server started", extra={"address": self.address, "server": self._name})

    def stop(self, *, timeout_seconds: float = STOP_TIMEOUT_SECONDS) -> None:
        """Stop serving and end the thread. Idempotent; returns at once in a handler."""
        self._thread.stop(timeout_seconds=timeout_seconds)

    @contextlib.asynccontextmanager
    async def _serving(self) -> AsyncIterator[int]:
        """Serve on the port that this yields."""
        app = web.Application(
            middlewares=[api_errors, plain_bodies], client_max_size=MAX_BODY_BYTES
        )
        app.on_response_prepare.append(self._headers.add)
        for add_routes in self._routes:
            add_routes(app)
        self._connections(app)
        runner = web.AppRunner(
            app,
            access_log=None,
            logger=_http_logger(),
            shutdown_timeout=SHUTDOWN_GRACE_SECONDS,
            # Work for a caller who has left is cancelled.
            handler_cancellation=True,
        )
        await runner.setup()
        try:
            assert runner.server is not None
            with listen(
                self._host,
                self._requested_port,
                host_setting=self._host_setting,
                port_setting=self._port_setting,
            ) as listener:
                async with asyncio.TaskGroup() as tasks:
                    accepting = tasks.create_task(
                        self._connections.serve(listener, runner.server),
                        name="accept-connections",
                    )
                    try:
                        yield listener.getsockname()[1]
                    finally:
                        accepting.cancel()
        finally:
            await runner.cleanup()


def _http_logger() -> logging.Logger:
    """Return the logger for aiohttp's errors, without those of callers that do not speak HTTP."""
    found = logging.getLogger("services.web.http")
    if _is_ours not in found.filters:
        found.addFilter(_is_ours)
    return found


def _is_ours(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    of_caller = isinstance(error, HttpProcessingError | web.RequestPayloadError)
    return not of_caller or logger.isEnabledFor(logging.DEBUG)

"""A small HTTP server with its own thread and event loop, so that busy rooms cannot delay it."""

from __future__ import annotations

import asyncio
import concurrent.futures
import errno
import logging
import socket
import threading
from collections.abc import Callable, Sequence

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from .connections import Connections
from .errors import api_errors, plain_bodies
from .headers import SecurityHeaders

logger = logging.getLogger("services.web")

START_TIMEOUT_SECONDS = 10.0
STOP_TIMEOUT_SECONDS = 5.0
SHUTDOWN_GRACE_SECONDS = 1.0
"""How long open requests may still run after the server is stopped."""

MAX_BODY_BYTES = 64 * 1024

AddRoutes = Callable[[web.Application], None]
"""Adds routes and clean-up hooks to the application; called in the server's thread."""


class WebServerError(Exception):
    """The server could not start; the text names the address and the setting to change."""


class PortBusyError(WebServerError):
    """Another program listens on the port."""


class WebServer:
    """Serves the given routes until stopped.

    `start` and `stop` may be called from any thread, each at most once. The handlers run in the
    server's own event loop and must not block it.
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
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._started: concurrent.futures.Future[int] = concurrent.futures.Future()
        self._thread: threading.Thread | None = None

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
            WebServerError: the address cannot be bound, or the start took too long.
        """
        if self._thread is not None:
            raise RuntimeError("the web server was started before")
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()
        try:
            self._port = self._started.result(timeout=timeout_seconds)
        except concurrent.futures.TimeoutError:
            self.stop()
            raise WebServerError(
                f"The web server did not start within {timeout_seconds:g} s on "
                f"{self._host}:{self._requested_port}."
            ) from None
        except BaseException:
            self._thread.join(timeout=STOP_TIMEOUT_SECONDS)
            raise
        logger.info("web server started", extra={"address": self.address, "server": self._name})

    def stop(self, *, timeout_seconds: float = STOP_TIMEOUT_SECONDS) -> None:
        """Stop serving and end the thread; a second call does nothing."""
        thread, loop, stopping = self._thread, self._loop, self._stopping
        if thread is None or not thread.is_alive():
            return
        if loop is not None and stopping is not None:
            try:
                loop.call_soon_threadsafe(stopping.set)
            except RuntimeError:
                logger.debug("web server loop already closed")
        thread.join(timeout=timeout_seconds)
        if thread.is_alive():
            logger.error("web server did not stop", extra={"seconds": timeout_seconds})

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if not self._started.done():
                self._started.set_exception(error)
                return
            logger.exception("web server ended")

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
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
        accepting: asyncio.Task[None] | None = None
        listener: socket.socket | None = None
        try:
            assert runner.server is not None
            listener = self._bind()
            accepting = asyncio.create_task(
                self._connections.serve(listener, runner.server), name="accept-connections"
            )
            self._started.set_result(listener.getsockname()[1])
            stopping = asyncio.create_task(self._stopping.wait(), name="wait-for-stop")
            await asyncio.wait([accepting, stopping], return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if accepting.done():
                await accepting
        finally:
            if accepting is not None:
                accepting.cancel()
                await asyncio.gather(accepting, return_exceptions=True)
            if listener is not None:
                listener.close()
            await runner.cleanup()

    def _bind(self) -> socket.socket:
        try:
            family, _, _, _, address = socket.getaddrinfo(
                self._host, self._requested_port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
        except socket.gaierror as error:
            raise WebServerError(
                f"{self._host_setting}={self._host} is not an address of this machine "
                f"({error.strerror}); set it to an IP address such as 127.0.0.1."
            ) from error
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind(address)
            listener.listen(128)
            listener.setblocking(False)
        except OSError as error:
            listener.close()
            raise self._explain(error) from error
        return listener

    def _explain(self, error: OSError) -> WebServerError:
        place = f"{self._host}:{self._requested_port}"
        if error.errno == errno.EADDRINUSE:
            return PortBusyError(
                f"Port {self._requested_port} on {self._host} is in use by another program; "
                f"stop that program or set {self._port_setting} to a free port."
            )
        if error.errno == errno.EACCES:
            return WebServerError(
                f"No permission to listen on {place}; set {self._port_setting} to a port from "
                "1024 up."
            )
        return WebServerError(
            f"Cannot listen on {place} ({error.strerror}); check {self._host_setting} and "
            f"{self._port_setting}."
        )


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

"""The route that Prometheus scrapes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future

from aiohttp import web

from ...host.threads import run_in_daemon
from ...metrics import CONTENT_TYPE

logger = logging.getLogger("services.web")

TIMEOUT_SECONDS = 5.0
"""Less than the default timeout of Prometheus."""


class MetricsRoute:
    """`GET /metrics`.

    Metrics are gathered once for all concurrent requests, in a thread of their own: if something
    hangs there, such as a disk, health checks still answer and no second thread starts.
    """

    def __init__(
        self, render: Callable[[], bytes], *, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        """Configure the route; `render` (`Metrics.render`) runs in a thread that it may block."""
        self._render = render
        self._timeout_seconds = timeout_seconds
        self._rendering: Future[bytes] | None = None

    def __call__(self, app: web.Application) -> None:
        app.router.add_get("/metrics", self._answer)

    async def _answer(self, request: web.Request) -> web.Response:
        if self._rendering is None or self._rendering.done():
            self._rendering = run_in_daemon("metrics", self._render)
        rendering = asyncio.wrap_future(self._rendering)
        try:
            body = await asyncio.wait_for(asyncio.shield(rendering), self._timeout_seconds)
        except TimeoutError:
            logger.warning(
                "metrics are not gathered in time", extra={"seconds": self._timeout_seconds}
            )
            raise web.HTTPServiceUnavailable(text="The metrics could not be gathered.") from None
        return web.Response(
            body=body, headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"}
        )

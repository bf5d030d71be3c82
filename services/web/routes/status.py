"""Status for the page and health for supervisors, from callables."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

logger = logging.getLogger("services.web")


@dataclass(frozen=True)
class OfferedAgent:
    """An agent that callers may choose."""

    name: str
    title: str


@dataclass(frozen=True)
class AgentStatus:
    """What the page shows before a call; None for what this server cannot know."""

    ready: bool | None = None
    """Whether an agent could take a call now, apart from capacity."""
    rooms: int | None = None
    """Calls in progress."""
    capacity: int | None = None
    """Calls possible at the same time."""
    notices: tuple[str, ...] = ()
    """One sentence each, shown to callers."""
    agents: tuple[OfferedAgent, ...] = ()
    """From which callers may choose."""

    @property
    def busy(self) -> bool | None:
        """Whether every agent has as many calls as it can take."""
        if self.rooms is None or self.capacity is None:
            return None
        return self.rooms >= self.capacity

    def as_json(self) -> dict[str, Any]:
        return {
            "ready": self.ready,
            "busy": self.busy,
            "rooms": self.rooms,
            "capacity": self.capacity,
            "notices": list(self.notices),
            "agents": [{"name": agent.name, "title": agent.title} for agent in self.agents],
        }


@dataclass(frozen=True)
class Check:
    """The result of one health check."""

    ok: bool
    detail: str = ""
    """A few words for the operator, such as `2 of 5 rooms`."""


Checks = Callable[[], Mapping[str, Check]]
"""Returns health checks by name; called in the server's loop, so it must not block."""

ReadStatus = Callable[[], AgentStatus]
"""Reads the status; called in the server's loop, so it must not block."""


class StatusRoute:
    """`GET /api/status`."""

    def __init__(self, read: ReadStatus) -> None:
        self._read = read

    def __call__(self, app: web.Application) -> None:
        app.router.add_get("/api/status", self._answer)

    async def _answer(self, request: web.Request) -> web.Response:
        return web.json_response(self._read().as_json())


class HealthRoutes:
    """`GET /healthz` (is it alive) and `GET /readyz` (can it take work): 200, or 503 with why."""

    def __init__(self, alive: Checks, ready: Checks) -> None:
        self._alive = alive
        self._ready = ready

    def __call__(self, app: web.Application) -> None:
        app.router.add_get("/healthz", self._answer_alive)
        app.router.add_get("/readyz", self._answer_ready)

    async def _answer_alive(self, request: web.Request) -> web.Response:
        return _report(self._alive)

    async def _answer_ready(self, request: web.Request) -> web.Response:
        return _report(self._ready)


def _report(run_checks: Checks) -> web.Response:
    try:
        checks = dict(run_checks())
    except asyncio.CancelledError:
        raise
    except Exception as error:
        logger.exception("health check failed")
        checks = {"check": Check(False, f"the check itself failed: {type(error).__name__}")}
    ok = all(check.ok for check in checks.values())
    body = {
        "status": "ok" if ok else "failing",
        "checks": {name: {"ok": c.ok, "detail": c.detail} for name, c in checks.items()},
    }
    return web.json_response(body, status=200 if ok else 503, headers={"Cache-Control": "no-store"})

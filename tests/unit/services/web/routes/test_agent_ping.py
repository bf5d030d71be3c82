"""Asking an agent over LiveKit's API, where what answers need not be LiveKit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from services.livekit_server.credentials import LiveKitCredentials
from services.protocol import Pong
from services.web.routes.agent_ping import AgentPing, UnknownPresenceError

pytestmark = pytest.mark.unit


@asynccontextmanager
async def ping_of_server(status: int, body: str) -> AsyncIterator[AgentPing]:
    """The ping of a server that gives this answer to everything."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=body)

    application = web.Application()
    application.router.add_post("/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    ping = AgentPing(LiveKitCredentials(f"ws://{host}:{port}", "key", "s" * 40))
    try:
        yield ping
    finally:
        await ping.aclose()
        await runner.cleanup()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, '{"code": "bad_route", "msg": "no handler"}'),
        (404, "404 page not found"),
        (502, "<html><body>Bad Gateway</body></html>"),
        (200, "<html><body>Sign in</body></html>"),
        (200, "[]"),
        (200, ""),
    ],
)
async def test_an_answer_that_is_none_is_no_word_about_the_agent(status: int, body: str) -> None:
    async with ping_of_server(status, body) as ping:
        with pytest.raises(UnknownPresenceError):
            await ping.ask("room", "agent")


@pytest.mark.parametrize(
    ("status", "body", "pong"),
    [
        (200, '{"payload": "pong"}', Pong.SERVES),
        (200, '{"payload": "leaving"}', Pong.LEAVES),
        (200, '{"payload": "ended"}', Pong.ENDED),
        (200, "{}", Pong.SERVES),
        (503, '{"code": "unavailable"}', Pong.SERVES),
        (408, '{"code": "deadline_exceeded"}', None),
    ],
)
async def test_what_an_agent_answers(status: int, body: str, pong: Pong | None) -> None:
    async with ping_of_server(status, body) as ping:
        assert await ping.ask("room", "agent") == pong

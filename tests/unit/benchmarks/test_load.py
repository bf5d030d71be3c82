"""The load client: where its tickets come from, and what it prints."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import jwt
import pytest
from aiohttp import web

from benchmarks.callers import Turn
from benchmarks.load.calls import Found, by_key, by_page, summary


def _turn(answered: float | None, *, cut_off: bool = False) -> Turn:
    return Turn("room", "turn", 10.0, 12.0, answered, cut_off)


def test_the_table_counts_what_was_not_answered() -> None:
    found = Found(
        turns=[_turn(12.5), _turn(12.7), _turn(None), _turn(12.1, cut_off=True)],
        greetings=[1.0],
        failures=["caller 3: no agent spoke in room load-3"],
    )
    text = summary(found)
    assert "turns: 4, without a reply: 1, cut off: 1" in text
    assert "0.60" in text
    assert "caller 3: no agent spoke" in text


def test_the_table_of_nothing_says_none() -> None:
    assert "none" in summary(Found())


async def test_own_tickets_ask_for_the_agent_in_a_room_each() -> None:
    get = by_key("ws://127.0.0.1:7880", "key", "secret" * 6, "helper")
    first, second = await get(1), await get(2)
    assert first.room != second.room
    claims = jwt.decode(first.token, "secret" * 6, algorithms=["HS256"])
    assert claims["video"]["room"] == first.room
    assert claims["roomConfig"]["agents"][0]["agentName"] == "helper"


@pytest.fixture
async def page() -> AsyncIterator[str]:
    """A page's token route that wants the key `k`."""
    ticket = {"url": "ws://h", "token": "t", "room": "r", "identity": "i"}

    async def give(request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != "Bearer k":
            return web.json_response({"error": "access_key"}, status=401)
        return web.json_response(ticket)

    app = web.Application()
    app.router.add_post("/api/token", give)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


async def test_the_page_gives_tickets_to_those_who_have_its_key(page: str) -> None:
    async with aiohttp.ClientSession() as session:
        assert (await by_page(session, page, "k")(1)).room == "r"
        with pytest.raises(RuntimeError, match="access_key"):
            await by_page(session, page, "")(1)

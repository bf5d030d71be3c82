"""One address gets tokens for so many rooms with a call, however many it asks for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from services.livekit_server.credentials import LiveKitCredentials
from services.web.app import web_server
from services.web.http.server import WebServer
from services.web.routes.room_limit import MOST_UNUSED
from services.web.routes.status import AgentStatus
from tests.support.caller import Caller
from tests.support.web_client import Answer, post

if TYPE_CHECKING:
    from services.livekit_server.credentials import LiveKitCredentials

MOST = 2
ENOUGH_SECONDS = 30.0


@pytest.fixture
def page(livekit: LiveKitCredentials) -> Iterator[WebServer]:
    """The page's server, whose rooms nobody serves."""
    server = web_server(
        livekit,
        AgentStatus,
        agent_name="nobody",
        port=0,
        tokens_per_minute=1000,
        rooms_per_address=MOST,
    )
    server.start()
    yield server
    server.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def ask(page: WebServer, **wish: str) -> Answer:
    return await asyncio.to_thread(post, page, "/api/token", wish)


async def join(page: WebServer, stack: AsyncExitStack, **wish: str) -> Caller:
    answer = await ask(page, **wish)
    assert answer.status == 200, answer.text
    caller = await stack.enter_async_context(Caller(answer.json()["identity"]))
    await caller.join(answer.json()["url"], answer.json()["token"])
    return caller


async def test_an_address_with_enough_calls_gets_no_token_until_one_has_ended(
    page: WebServer, stack: AsyncExitStack
) -> None:
    callers = [await join(page, stack) for _ in range(MOST)]
    refused = await ask(page)
    assert refused.status == 429
    assert refused.json()["error"]["code"] == "too_many_rooms"
    # Into a room of theirs they may at any time.
    guest = await join(page, stack, room=callers[0].room.name)
    await guest.leave()
    await callers[1].leave()
    async with asyncio.timeout(ENOUGH_SECONDS):
        while (await ask(page)).status != 200:
            await asyncio.sleep(0.1)


async def test_tokens_that_nobody_uses_do_not_pile_up(page: WebServer) -> None:
    for _ in range(MOST_UNUSED):
        assert (await ask(page)).status == 200
    assert (await ask(page)).json()["error"]["code"] == "too_many_rooms"

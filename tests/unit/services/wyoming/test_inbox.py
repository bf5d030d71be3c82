from __future__ import annotations

import asyncio

from services.wyoming.inbox import Inbox
from services.wyoming.limits import MOST_WAITING_BYTES, MOST_WAITING_EVENTS
from services.wyoming.requests import Describe, Ping


async def test_what_waits_is_bounded_in_number_and_bytes() -> None:
    for size_bytes, most in ((1, MOST_WAITING_EVENTS), (MOST_WAITING_BYTES // 2, 2)):
        inbox = Inbox()
        for _ in range(most):
            await inbox.put(Describe(), size_bytes)
        putting = asyncio.create_task(inbox.put(Ping(), size_bytes))
        await asyncio.sleep(0)
        assert not putting.done()
        await inbox.take()
        await putting


async def test_it_is_idle_once_the_last_request_is_served() -> None:
    inbox = Inbox()
    assert inbox.idle
    await inbox.put(Ping(text="a"), 1)
    await inbox.put(Ping(text="b"), 1)
    assert await inbox.take() == Ping(text="a")
    assert await inbox.take() == Ping(text="b")
    assert not inbox.idle
    taking = asyncio.create_task(inbox.take())
    await asyncio.sleep(0)
    assert inbox.idle
    taking.cancel()

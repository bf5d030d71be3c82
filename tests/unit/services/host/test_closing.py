"""Each part is closed, whatever becomes of the others."""

from __future__ import annotations

import asyncio

import pytest

from services.host.closing import close_in_order


async def test_a_part_that_fails_leaves_no_other_open(caplog: pytest.LogCaptureFixture) -> None:
    closed: list[str] = []

    async def fail() -> None:
        raise RuntimeError("cannot be closed")

    async def close() -> None:
        closed.append("asynchronous")

    await close_in_order(lambda: closed.append("first"), fail, lambda: 1 / 0, close)
    assert closed == ["first", "asynchronous"]
    assert caplog.messages == ["part not closed"] * 2
    assert "fail" in caplog.records[0].__dict__["part"]


async def test_cancelled_it_closes_the_rest_before_it_ends() -> None:
    begun = asyncio.Event()
    closed: list[str] = []

    async def hang() -> None:
        begun.set()
        await asyncio.Event().wait()

    closing = asyncio.create_task(close_in_order(hang, lambda: closed.append("the rest")))
    await begun.wait()
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert closed == ["the rest"]

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from wyoming.audio import AudioChunk
from wyoming.event import async_read_event

from services.wyoming import outlet
from services.wyoming.outlet import Outlet

CHUNK = AudioChunk(16_000, 2, 1, bytes(64 * 1024))
MANY = 1000
"""More than the buffers of both sides hold."""


@pytest.fixture
async def ends() -> AsyncIterator[tuple[Outlet, asyncio.StreamReader, asyncio.StreamWriter]]:
    accepted: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
    server = await asyncio.start_server(
        lambda _, writer: accepted.put_nowait(writer), "127.0.0.1", 0
    )
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    own = await accepted.get()
    yield Outlet(own), reader, writer
    for side in (own, writer):
        side.transport.abort()
    server.close()


async def send_many(sender: Outlet) -> None:
    for _ in range(MANY):
        await sender.send(CHUNK)


async def test_nothing_is_sent_faster_than_it_is_taken(
    ends: tuple[Outlet, asyncio.StreamReader, asyncio.StreamWriter],
) -> None:
    sender, reader, _ = ends
    sending = asyncio.create_task(send_many(sender))
    done, _ = await asyncio.wait([sending], timeout=0.3)
    assert not done
    for _ in range(MANY):
        event = await async_read_event(reader)
        assert event is not None
        assert event.payload == CHUNK.audio
    await sending


async def test_who_takes_nothing_for_long_is_given_up(
    ends: tuple[Outlet, asyncio.StreamReader, asyncio.StreamWriter],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outlet, "WRITE_SECONDS", 0.1)
    sender, _, _ = ends
    with pytest.raises(ConnectionError, match="takes nothing"):
        await send_many(sender)
    with pytest.raises(ConnectionError):
        await sender.send(CHUNK)


async def test_who_has_gone_is_told_nothing(
    ends: tuple[Outlet, asyncio.StreamReader, asyncio.StreamWriter],
) -> None:
    sender, _, writer = ends
    writer.transport.abort()
    with pytest.raises(ConnectionError):
        await send_many(sender)

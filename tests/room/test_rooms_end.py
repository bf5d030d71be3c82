"""What a room leaves behind: nothing."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from typing import TYPE_CHECKING

from livekit import api

from tests.leaks import Snapshot
from tests.room.conftest import JoinRoom

if TYPE_CHECKING:
    from agent.worker import Worker
    from services.livekit_server import LiveKitAddress
    from services.shared import SharedSpeech


def _counts() -> Counter[str]:
    """How many there are of each kind of thing that a room could leave behind."""
    gc.collect()
    snapshot = Snapshot.take()
    return Counter(
        {
            # LiveKit's native pool shows up as dummies, whichever of its threads calls back first.
            **Counter(
                f"thread {thread.name}"
                for thread in snapshot.threads
                if not thread.name.startswith("Dummy-")
            ),
            "tasks": len(snapshot.tasks),
            "descriptors": len(snapshot.descriptors),
            "files": len(snapshot.files),
        }
    )


async def _grown_since(before: Counter[str]) -> dict[str, int]:
    """What there is more of, once it had time to end."""
    grown: dict[str, int] = {}
    for _ in range(200):
        grown = dict(_counts() - before)
        if not grown:
            break
        await asyncio.sleep(0.1)
    return grown


async def _until_empty(worker: Worker) -> None:
    async with asyncio.timeout(20):
        while worker.rooms:
            await asyncio.sleep(0.05)


async def test_ten_joins_and_leaves_leave_nothing_behind(
    join_room: JoinRoom, worker: Worker, shared: SharedSpeech
) -> None:
    # The first rooms start what stays: threads of the native library and idle job threads.
    for _ in range(2):
        call = await join_room(greeted=False)
        await call.caller.leave()
    await _until_empty(worker)
    await asyncio.sleep(1.0)
    before = _counts()
    for _ in range(10):
        call = await join_room(greeted=False)
        await call.caller.leave()
    await _until_empty(worker)
    # Each room's thread ends with it and an idle one takes its place: the numbers must agree.
    assert await _grown_since(before) == {}
    assert (shared.asr.loads, shared.tts.loads, shared.voice_activity.loads) == (1, 1, 1)


async def test_a_room_ends_when_its_last_caller_has_left(
    join_room: JoinRoom, worker: Worker
) -> None:
    await _until_empty(worker)
    call = await join_room(greeted=False)
    assert worker.rooms == 1
    await call.caller.leave()
    await _until_empty(worker)


async def test_a_room_that_the_server_deletes_ends(
    join_room: JoinRoom, worker: Worker, livekit: LiveKitAddress
) -> None:
    call = await join_room(greeted=False)
    async with api.LiveKitAPI(livekit.url, livekit.api_key, livekit.api_secret) as server:
        await server.room.delete_room(api.DeleteRoomRequest(room=call.room))
    await _until_empty(worker)


async def test_leaving_in_the_middle_of_a_reply_stops_the_computation(
    join_room: JoinRoom, worker: Worker, shared: SharedSpeech
) -> None:
    call = await join_room()
    await call.caller.send_text("count to twenty")
    call.caller.sound_started.clear()
    await asyncio.wait_for(call.caller.sound_started.wait(), 10)
    await call.caller.leave()
    await _until_empty(worker)
    async with asyncio.timeout(10):
        while (stats := shared.desk.stats()).running or sum(stats.queued.values()):
            await asyncio.sleep(0.02)

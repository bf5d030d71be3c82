"""What a room leaves behind: nothing."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from livekit import api, rtc
from livekit.rtc.data_stream import StreamError

from agent.session.callers import Callers
from benchmarks.remote import open_remote
from services.livekit_local import transcript_sync as spoken_transcript
from tests.room.conftest import JoinRoom
from tests.support.caller import room_token
from tests.support.leaks import Snapshot

if TYPE_CHECKING:
    from agent.runtime.worker import Worker
    from services.livekit_server.credentials import LiveKitCredentials
    from services.shared.engines import SharedEngines

_LOST_SECONDS = 60.0
"""LiveKit notices within about 20 s that a participant is gone who did not say so."""
_JOB_END_SECONDS = 60.0


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


async def _until_empty(worker: Worker, within_seconds: float = 20.0) -> None:
    async with asyncio.timeout(within_seconds):
        while worker.rooms:
            await asyncio.sleep(0.05)


async def _warmed_up(join_room: JoinRoom, worker: Worker) -> Counter[str]:
    """What there is once the first rooms have started what stays, and have ended.

    That is threads of the native library and idle job threads.
    """
    for _ in range(2):
        call = await join_room(greeted=False)
        await call.caller.leave()
    await _until_empty(worker)
    await asyncio.sleep(1.0)
    return _counts()


async def test_ten_joins_and_leaves_leave_nothing_behind(
    join_room: JoinRoom, worker: Worker, shared: SharedEngines
) -> None:
    before = await _warmed_up(join_room, worker)
    for _ in range(10):
        call = await join_room(greeted=False)
        await call.caller.leave()
    await _until_empty(worker)
    # Each room's thread ends with it and an idle one takes its place: the numbers must agree.
    assert await _grown_since(before) == {}
    assert (shared.asr.loads, shared.tts.loads, shared.voice_activity.loads) == (1, 1, 1)


async def test_a_room_ends_whose_connection_is_gone_in_the_middle_of_a_reply(
    join_room: JoinRoom, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await _warmed_up(join_room, worker)
    call = await join_room()
    await call.caller.send_text("count to twenty")
    await call.caller.wait_for_words("three")
    unsent = 0

    async def fail(writer: rtc.TextStreamWriter, **_: object) -> None:
        nonlocal unsent
        unsent += 1
        raise StreamError("unable to send packet")

    # Sound is not taken any more, so its end is not heard of, and words cannot be sent.
    monkeypatch.setattr(spoken_transcript.SpokenAudio, "clear_buffer", lambda _: None)
    monkeypatch.setattr(rtc.TextStreamWriter, "aclose", fail)
    await call.caller.leave()
    await _until_empty(worker)
    assert unsent
    assert await _grown_since(before) == {}


async def test_a_part_that_cannot_be_closed_leaves_no_other_open(
    join_room: JoinRoom,
    worker: Worker,
    shared: SharedEngines,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await _until_empty(worker)
    users = shared.asr.users
    close = Callers.aclose

    async def fail(callers: Callers) -> None:
        await close(callers)
        raise RuntimeError("it cannot be closed")

    monkeypatch.setattr(Callers, "aclose", fail)
    call = await join_room(greeted=False)
    assert shared.asr.users > users
    with caplog.at_level(logging.INFO, logger="agent.session"):
        await call.caller.leave()
        async with asyncio.timeout(_JOB_END_SECONDS):
            while "conversation ended" not in caplog.messages:
                await asyncio.sleep(0.02)
    assert "part not closed" in caplog.messages
    async with asyncio.timeout(_JOB_END_SECONDS):
        while shared.asr.users > users:
            await asyncio.sleep(0.02)


async def test_a_room_ends_when_its_last_caller_has_left(
    join_room: JoinRoom, worker: Worker
) -> None:
    await _until_empty(worker)
    call = await join_room(greeted=False)
    assert worker.rooms == 1
    await call.caller.leave()
    await _until_empty(worker)


async def test_a_room_that_the_server_deletes_ends(
    join_room: JoinRoom, worker: Worker, livekit: LiveKitCredentials
) -> None:
    call = await join_room(greeted=False)
    async with api.LiveKitAPI(livekit.url, livekit.api_key, livekit.api_secret) as server:
        await server.room.delete_room(api.DeleteRoomRequest(room=call.room))
    await _until_empty(worker)


@pytest.mark.timeout(240)
async def test_a_room_ends_when_its_caller_crashes_or_loses_the_network(
    join_room: JoinRoom, worker: Worker, livekit: LiveKitCredentials, tmp_path: Path
) -> None:
    # A process that stands still sends nothing and takes nothing, as behind a cut line.
    ways = (signal.SIGKILL, signal.SIGSTOP)
    async with AsyncExitStack() as stack:
        lost = [
            await stack.enter_async_context(
                open_remote(f"lost-caller-{way.name}", "benchmarks.callers", tmp_path)
            )
            for way in ways
        ]
        before = await _warmed_up(join_room, worker)
        for caller, way in zip(lost, ways, strict=True):
            room = f"lost-by-{way.name.lower()}"
            token = room_token(
                livekit.api_key, livekit.api_secret, room, "lost", agent_name="agent-under-test"
            )
            await caller.call("join", url=livekit.url, token=token, room=room)
        assert worker.rooms == len(ways)
        for caller, way in zip(lost, ways, strict=True):
            os.kill(caller.program.process_id, way)
        await _until_empty(worker, _LOST_SECONDS)
        assert await _grown_since(before) == {}


async def test_jobs_that_are_cancelled_while_they_start_leave_nothing_behind(
    join_room: JoinRoom, worker: Worker, livekit: LiveKitCredentials
) -> None:
    before = await _warmed_up(join_room, worker)
    async with api.LiveKitAPI(livekit.url, livekit.api_key, livekit.api_secret) as server:

        async def begin(room: str) -> api.AgentDispatch:
            begun = worker.rooms
            dispatch = await server.agent_dispatch.create_dispatch(
                api.CreateAgentDispatchRequest(agent_name="agent-under-test", room=room)
            )
            async with asyncio.timeout(20):
                while worker.rooms == begun:
                    await asyncio.sleep(0)
            return dispatch

        # From the moment in which the job was taken to one in which the agent has joined.
        for count, seconds in enumerate((0.0, 0.3)):
            room = f"deleted-early-{count}"
            await begin(room)
            await asyncio.sleep(seconds)
            await server.room.delete_room(api.DeleteRoomRequest(room=room))
            room = f"cancelled-early-{count}"
            dispatch = await begin(room)
            await asyncio.sleep(seconds)
            await server.agent_dispatch.delete_dispatch(dispatch.id, room)
    # An agent that joins a room after its deletion waits for a first caller as in any other.
    await _until_empty(worker, _JOB_END_SECONDS)
    assert await _grown_since(before) == {}


async def test_a_join_that_is_cancelled_half_way_is_seen_through(
    livekit: LiveKitCredentials,
) -> None:
    token = room_token(
        livekit.api_key, livekit.api_secret, "cancelled-join", "someone", agent_name=None
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.room.cancelled_join",
        livekit.url,
        token,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    assert output.decode().split("\n") == ["cancelled", "joined", ""]


async def test_leaving_in_the_middle_of_a_reply_stops_the_computation(
    join_room: JoinRoom, worker: Worker, shared: SharedEngines
) -> None:
    call = await join_room()
    await call.caller.send_text("count to twenty")
    call.caller.sound_started.clear()
    await asyncio.wait_for(call.caller.sound_started.wait(), 10)
    await call.caller.leave()
    await _until_empty(worker)
    async with asyncio.timeout(10):
        while (stats := shared.scheduler.stats()).running or sum(stats.queued.values()):
            await asyncio.sleep(0.02)

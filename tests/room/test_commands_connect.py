"""`connect` brings the agent into one room of a server, and takes it away again."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import uuid
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from services.livekit_server.credentials import LiveKitCredentials
from tests.support.caller import Caller, room_token
from tests.support.recordings import recording

_REPOSITORY = Path(__file__).parents[2]
_START_SECONDS = 90.0
_END_SECONDS = 20.0


@asynccontextmanager
async def connected(
    livekit: LiveKitCredentials, room: str, **settings: str
) -> AsyncIterator[Process]:
    """The command, sent into `room`."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "agent", "connect", "--room", room),
        cwd=_REPOSITORY,
        env={
            **os.environ,
            "MODELS": "demo",
            "ROOM_EMPTY_SECONDS": "0.2",
            "LIVEKIT_URL": livekit.url,
            "LIVEKIT_API_KEY": livekit.api_key,
            "LIVEKIT_API_SECRET": livekit.api_secret,
            **settings,
        },
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@asynccontextmanager
async def caller_in(livekit: LiveKitCredentials, room: str) -> AsyncIterator[Caller]:
    """Somebody in the room, who asks for no agent."""
    async with Caller() as caller:
        token = room_token(
            livekit.api_key, livekit.api_secret, room, caller.identity, agent_name=None
        )
        await caller.join(livekit.url, token)
        yield caller


async def test_agent_comes_answers_and_leaves_with_the_caller(livekit: LiveKitCredentials) -> None:
    room = f"connect-{uuid.uuid4().hex[:8]}"
    async with connected(livekit, room) as process:
        async with caller_in(livekit, room) as caller:
            await caller.wait_for_agent(_START_SECONDS)
            await caller.wait_for_transcript(1, of_agent=True)
            await caller.send_text("what is six times seven")
            await caller.wait_for_transcript(2, of_agent=True)
            assert "forty two" in caller.transcripts(of_agent=True)[1]
        out, err = await asyncio.wait_for(process.communicate(), _END_SECONDS)
    assert process.returncode == 0, err.decode()
    assert f"The agent is in room {room}." in out.decode()
    assert err == b""


async def test_the_second_end_of_turn_model_is_used_where_it_is_set(
    livekit: LiveKitCredentials,
) -> None:
    room = f"connect-{uuid.uuid4().hex[:8]}"
    chosen = {"TURN_DETECTION": "model", "LOG_LEVEL": "debug"}
    async with connected(livekit, room, **chosen) as process:
        async with caller_in(livekit, room) as caller:
            await caller.wait_for_agent(_START_SECONDS)
            await caller.wait_for_greeting()
            await caller.say_file(recording("turn_05").path)
            assert (await caller.wait_for_transcript(2, of_agent=True))[1].startswith("It is ")
        _, err = await asyncio.wait_for(process.communicate(), _END_SECONDS)
    assert b"end-of-turn model ready" in err


async def test_ctrl_c_takes_the_agent_out_of_the_room(livekit: LiveKitCredentials) -> None:
    room = f"connect-{uuid.uuid4().hex[:8]}"
    async with connected(livekit, room) as process, caller_in(livekit, room) as caller:
        agent = await caller.wait_for_agent(_START_SECONDS)
        left = asyncio.Event()
        caller.room.on("participant_disconnected", lambda who: left.set())
        process.send_signal(signal.SIGINT)
        await asyncio.wait_for(left.wait(), _END_SECONDS)
        await asyncio.wait_for(process.wait(), _END_SECONDS)
        assert process.returncode == 0
        assert agent.identity not in caller.room.remote_participants


async def test_wrong_secret_is_one_line(livekit: LiveKitCredentials) -> None:
    wrong = LiveKitCredentials(livekit.url, livekit.api_key, "x" * 40)
    async with connected(wrong, "any") as process:
        out, err = await process.communicate()
    assert (process.returncode, out) == (1, b"")
    (line,) = err.decode().splitlines()
    assert line.startswith(f"connect: {livekit.url} does not let us into the room: it answers 401")

"""Rooms in threads are woken by their own sound only."""

from __future__ import annotations

import asyncio
import sys

import pytest

from services.livekit_server.credentials import LiveKitCredentials
from tests.support.caller import room_token

pytestmark = pytest.mark.room


async def test_sound_wakes_only_the_loop_that_hears_it(livekit: LiveKitCredentials) -> None:
    tokens = [
        room_token(livekit.api_key, livekit.api_secret, "two-threads", name, agent_name=None)
        for name in ("one", "two")
    ]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.room.rooms_in_threads", livekit.url, *tokens),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    assert output.decode().splitlines() == ["heard 40, no other"] * 2 + ["remembered 0"]

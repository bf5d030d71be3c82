"""What each room of a worker keeps in memory is told by its name."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np

from services.audio.samples import SAMPLE_RATE
from services.livekit_server.credentials import LiveKitCredentials
from tests.room.processes import ROOT, AgentProcess
from tests.room.workers import call_the_worker, health_address, start

TOKEN = "a-token-of-enough-characters"
MESSAGES = 12
LONG = "never mind " * 300
KB_IN_MB = 1 / 1024


async def look(agent: AgentProcess) -> dict[str, Any]:
    async with (
        aiohttp.ClientSession(headers={"X-Admin-Token": TOKEN}) as session,
        session.get(f"{health_address(agent)}/admin/memory") as response,
    ):
        assert response.status == 200
        told: dict[str, Any] = await response.json()
        return told


async def until_held(agent: AgentProcess, room: str, kilobytes: float) -> dict[str, float]:
    """Until the room holds that much; returns what all rooms hold, largest first."""
    async with asyncio.timeout(30):
        while True:
            rooms: dict[str, float] = (await look(agent))["members_mb"]
            if rooms.get(room, 0.0) >= kilobytes * KB_IN_MB:
                return rooms
            # The worker answers 120 times a minute.
            await asyncio.sleep(0.6)


async def shown(agent: AgentProcess, folder: Path) -> str:
    """What `python -m agent memory --once` shows of the worker."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "agent", "memory", "--once", "--url", health_address(agent)),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "ADMIN_TOKEN": TOKEN, "COLUMNS": "120"},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


async def test_a_room_whose_state_grows_has_its_name(
    livekit: LiveKitCredentials, tmp_path: Path
) -> None:
    async with start(livekit, tmp_path, {"ADMIN_TOKEN": TOKEN}) as agent:
        await agent.wait_for_log("worker ready")
        async with (
            call_the_worker(livekit, "talkative") as talkative,
            call_the_worker(livekit, "quiet"),
        ):
            for _ in range(MESSAGES):
                said = len(talkative.transcripts(of_agent=True))
                await talkative.send_text(LONG)
                await talkative.wait_for_transcript(said + 1, of_agent=True)
            rooms = await until_held(agent, "talkative", MESSAGES * len(LONG) / 1024)
            assert list(rooms) == ["talkative", "quiet"]
            assert 0.0 < rooms["quiet"] < 0.5 * rooms["talkative"]
            lines = [line.split() for line in (await shown(agent, tmp_path)).splitlines()]
            (place,) = [number for number, line in enumerate(lines) if "talkative" in line]
            assert "rooms" in lines[place - 1]
            assert "quiet" in lines[place + 1]
        await agent.wait_for_log("conversation ended")
        async with asyncio.timeout(30):
            while (await look(agent))["members_mb"]:
                await asyncio.sleep(0.6)


async def test_sound_that_waits_for_its_recognition_counts(
    livekit: LiveKitCredentials, tmp_path: Path
) -> None:
    async with start(livekit, tmp_path, {"ADMIN_TOKEN": TOKEN}) as agent:
        await agent.wait_for_log("worker ready")
        async with call_the_worker(livekit, "listening") as caller:
            silence = np.zeros(2 * SAMPLE_RATE, dtype=np.float32)
            await caller.say(silence)
            # Half a second from before speech is kept, and the greeting.
            await until_held(agent, "listening", 0.5 * SAMPLE_RATE * 4 / 1024)

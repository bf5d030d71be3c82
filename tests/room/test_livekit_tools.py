"""LiveKit's own command line drives the product's worker, as `python -m agent` does."""

from __future__ import annotations

import asyncio
import signal
import struct
from pathlib import Path

import numpy as np
import pytest
from livekit.protocol.agent_pb.agent_session import AgentSessionMessage

from services.livekit_server.credentials import LiveKitCredentials
from tests.room.processes import ROOT, START_SECONDS, running
from tests.room.workers import AGENT, call_the_worker, start

_SERVER = str(ROOT / "agent" / "server.py")
_AUDIBLE = 1000


@pytest.mark.parametrize("development", [False, True])
async def test_a_worker_that_livekit_s_tools_start_serves_rooms(
    livekit: LiveKitCredentials, tmp_path: Path, development: bool
) -> None:
    words = (_SERVER, *(["--dev"] if development else []))
    async with start(livekit, tmp_path, module="livekit.agents", words=words) as worker:
        await worker.wait_for_log("worker ready")
        async with call_the_worker(livekit, f"{AGENT}-{development}"):
            pass
        assert await worker.end(signal.SIGTERM) == 0


async def test_settings_that_are_wrong_end_it_with_a_sentence(tmp_path: Path) -> None:
    async with running("start", tmp_path, module="livekit.agents", words=(_SERVER,)) as worker:
        assert await worker.ended() == 2
        (line,) = worker.log
        assert line.startswith("LIVEKIT_URL is not set: ")
        assert not worker.output


async def test_the_tools_console_hears_the_agent(tmp_path: Path) -> None:
    heard = asyncio.Event()

    async def take_sound(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """What the tools' program does with the agent's sound."""
        try:
            while True:
                (size,) = struct.unpack("!I", await reader.readexactly(4))
                message = AgentSessionMessage.FromString(await reader.readexactly(size))
                sound = np.frombuffer(message.audio_output.data, dtype=np.int16)
                if len(sound) and np.abs(sound).max() > _AUDIBLE:
                    heard.set()
        except asyncio.IncompleteReadError:
            writer.close()

    tool = await asyncio.start_server(take_sound, "127.0.0.1", 0)
    address = "{}:{}".format(*tool.sockets[0].getsockname())
    words = (_SERVER, "--connect-addr", address)
    async with (
        tool,
        running(
            "console",
            tmp_path,
            {"AGENT_GREETING": "Hello there."},
            module="livekit.agents",
            words=words,
        ) as worker,
    ):
        async with asyncio.timeout(START_SECONDS):
            await heard.wait()
        assert await worker.end() == 0

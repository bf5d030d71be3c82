"""Home Assistant's way to the speech of a worker, which also serves rooms."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from wyoming.tts import Synthesize

from services.livekit_server.credentials import LiveKitCredentials
from tests.room.processes import free_port
from tests.room.workers import call_the_worker, metric, start
from tests.support.recordings import recording
from tests.support.word_errors import word_errors
from tests.support.wyoming_client import connected

LONG_TEXT = "One two three four five six seven eight nine ten. " * 100


async def test_home_assistant_is_served_beside_a_room_and_let_go_at_the_end(
    livekit: LiveKitCredentials, tmp_path: Path
) -> None:
    port = free_port()
    async with start(livekit, tmp_path, {"WYOMING_PORT": str(port)}) as agent:
        await agent.wait_for_log('"worker ready"')
        async with connected(port) as client, connected(port) as other:
            info = await client.describe()
            assert (info.asr[0].name, info.tts[0].name) == ("worker-under-test",) * 2
            await other.send(Synthesize(LONG_TEXT))
            await other.until("audio-chunk")
            async with call_the_worker(livekit, "beside-wyoming"):
                said = recording("turn_05")
                assert word_errors((await client.hear(said.path)).text, said.text) <= 1
                streamed = await client.speak_in_pieces(["Dinner ", "is ready. ", "Come."])
                assert streamed.kinds[-1] == "synthesize-stopped"
                assert streamed.seconds > 0.5
            assert await metric(agent, "voice_agent_wyoming_clients") == 2
            assert await agent.end(signal.SIGTERM) == 0
            with pytest.raises(ConnectionError):
                await other.until("audio-stop")

"""Workers whose models are in one speech process, with real rooms."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from services.livekit_server.credentials import LiveKitCredentials
from tests.room.processes import AgentProcess, free_port, running
from tests.room.workers import call_the_worker, metric, start
from tests.support.caller import Caller
from tests.support.recordings import SPEECH_FOLDER

pytestmark = pytest.mark.timeout(240)

AGENT = "with-speech-process"
LOADS = 'voice_agent_model_loads_total{role="asr"}'


async def answered(caller: Caller, turns: int) -> None:
    """Ask aloud, and wait for the answer; `turns` counts what was said before."""
    await caller.say_file(SPEECH_FOLDER / "pause_01_500ms.wav")
    await caller.wait_for_transcript(turns + 1, of_agent=False)
    await caller.wait_for_transcript(turns + 2, of_agent=True)


async def test_two_workers_answer_with_one_copy_of_the_models_and_outlive_its_process(
    livekit: LiveKitCredentials, tmp_path: Path
) -> None:
    folders = [tmp_path / name for name in ("speech", "again", "first", "second", "socket")]
    for folder in folders:
        folder.mkdir(mode=0o700)
    variables = {
        "SPEECH_SOCKET": str(tmp_path / "socket" / "s"),
        "SPEECH_PORT": str(free_port()),
        "AGENT_NAME": AGENT,
        "MAX_ROOMS": "1",
        "LOOP_LAG_LIMIT_SECONDS": "60",
        "CIRCUIT_FAILURES": "1000",
    }

    async def serve(stack: AsyncExitStack, folder: Path) -> AgentProcess:
        return await stack.enter_async_context(running("speech", folder, variables))

    async with AsyncExitStack() as stack:
        speech = await serve(stack, folders[0])
        # They wait for it.
        workers = [
            await stack.enter_async_context(start(livekit, folder, variables))
            for folder in folders[2:4]
        ]
        for worker in workers:
            await worker.wait_for_log("worker ready")
            assert any("models are those of a speech process" in line for line in worker.log)
        await speech.wait_for_log("speech process ready")
        callers = [
            await stack.enter_async_context(call_the_worker(livekit, f"{AGENT}-{n}", AGENT))
            for n in range(2)
        ]
        await asyncio.gather(*(answered(caller, 0) for caller in callers))
        for worker in workers:
            assert await metric(worker, "voice_agent_rooms") == 1
            assert await metric(worker, LOADS) == 0
        assert await metric(speech, LOADS) == 1

        speech.send(signal.SIGKILL)
        await speech.ended()
        for worker in workers:
            await worker.wait_for_log("speech process lost")
        await serve(stack, folders[1])
        for worker in workers:
            await worker.wait_for_log("speech process reached again")
        await asyncio.gather(*(answered(caller, 1) for caller in callers))

"""A recogniser whose call never comes back: another takes its place, and rooms go on."""

from __future__ import annotations

import asyncio
from pathlib import Path

from services.livekit_server.credentials import LiveKitCredentials
from tests.room.workers import call_the_worker, metric, start
from tests.support.recordings import recording
from tests.support.word_errors import without_numbers

QUESTION = recording("pause_01")
LOST_THREADS = "voice_agent_inference_written_off_threads"


async def test_a_recogniser_that_hangs_for_good_is_replaced_at_the_cost_of_one_thread(
    livekit: LiveKitCredentials, tmp_path: Path
) -> None:
    variables = {"ASR_TIMEOUT_SECONDS": "2"}
    async with start(livekit, tmp_path, variables, module="tests.room.hanging_agent") as agent:
        await agent.wait_for_log("worker ready")
        async with (
            call_the_worker(livekit, "hanging") as caller,
            call_the_worker(livekit, "beside") as beside,
        ):
            await caller.say_file(QUESTION.path)
            async with asyncio.timeout(30):
                while await metric(agent, LOST_THREADS) != 1:
                    await asyncio.sleep(0.1)
            for one in (beside, caller):
                await one.wait_for_silence()
                before = len(one.transcripts(of_agent=False))
                await one.say_file(QUESTION.path)
                heard = await one.wait_for_transcript(before + 1, of_agent=False)
                assert without_numbers(heard[-1]) == without_numbers(QUESTION.text)
            assert await metric(agent, LOST_THREADS) == 1

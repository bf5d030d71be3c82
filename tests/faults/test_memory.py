"""A worker at the limit of its memory."""

from __future__ import annotations

from pathlib import Path

from services.livekit_server.server import LiveKitServer
from tests.faults.memory_limit import memory_limit
from tests.room.processes import ROOT
from tests.room.workers import call_the_worker, metric, start
from tests.support.recordings import recording
from tests.support.word_errors import word_errors

LIMIT_BYTES = 512 * 2**20
QUESTION = recording("turn_31")


async def test_a_room_of_the_demo_pair_lives_in_512_megabytes(tmp_path: Path) -> None:
    with memory_limit(LIMIT_BYTES) as limit:
        async with (
            LiveKitServer(ROOT / "livekit.yaml") as livekit,
            start(livekit, tmp_path, through=limit.through) as worker,
        ):
            await worker.wait_for_log("worker ready")
            async with call_the_worker(livekit, "small") as caller:
                await caller.say_file(QUESTION.path)
                heard = await caller.wait_for_transcript(1, of_agent=False)
                assert word_errors(heard[0], QUESTION.text) <= 1
                answer = (await caller.wait_for_transcript(2, of_agent=True))[1]
                assert "fourteen" in answer.lower()
                await caller.wait_for_silence()
            assert await metric(worker, "voice_agent_memory_limit_bytes") == LIMIT_BYTES
            assert await metric(worker, "voice_agent_accepting_rooms") == 1
            assert limit.kills == 0

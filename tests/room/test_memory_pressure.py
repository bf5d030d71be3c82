"""A worker whose memory stays critical: its call may finish, then a supervisor gets it back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from services.livekit_server.credentials import LiveKitCredentials
from tests.room.processes import START_SECONDS, AgentProcess
from tests.room.workers import call_the_worker, start

LEVELS = {
    # A worker with the demo models has some 270 MB, and 400 more with its first room.
    "MEMORY_WARNING_MB": "400",
    "MEMORY_HIGH_MB": "450",
    "MEMORY_THRESHOLD_MB": "500",
    "MEMORY_CHECK_SECONDS": "0.3",
}
EXIT_FOR_A_RESTART = 4
DRAINS = "memory stays critical after cleaning: the worker drains and ends"


def said(agent: AgentProcess, message: str) -> list[dict[str, Any]]:
    """The lines of the log with that message."""
    lines = [json.loads(line) for line in agent.log if line.startswith("{")]
    return [line for line in lines if line.get("message") == message]


async def test_memory_that_stays_critical_lets_the_call_finish_and_ends_the_worker(
    livekit: LiveKitCredentials, tmp_path: Path
) -> None:
    async with start(livekit, tmp_path, LEVELS, module="tests.room.growing_agent") as agent:
        await agent.wait_for_log("worker ready")
        async with call_the_worker(livekit, "growing") as caller:
            await agent.wait_for_log(DRAINS)
            await caller.send_text("what is two plus three")
            assert "five" in (await caller.wait_for_transcript(2, of_agent=True))[1].lower()
        assert await agent.ended(START_SECONDS) == EXIT_FOR_A_RESTART
    changes = said(agent, "memory level changed")
    assert [line["level_"] for line in changes].count("critical") == 1
    assert len(said(agent, DRAINS)) == 1

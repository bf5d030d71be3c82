"""A worker's temporary files, its libraries' too: swept when nobody uses them, gone at the end."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from services.livekit_server.credentials import LiveKitCredentials
from tests.room.untidy_agent import FORGOTTEN, OPEN
from tests.room.workers import call_the_worker, metric, start

MODULE = "tests.room.untidy_agent"


def temporary(folder: Path) -> Path:
    """A folder for temporary files that nothing else uses."""
    place = folder / "temporary"
    place.mkdir()
    return place


def files_in(place: Path) -> list[str]:
    return sorted(path.name for path in place.rglob("*") if path.is_file())


async def test_a_file_that_a_library_forgets_is_swept_and_one_in_use_is_not(
    livekit: LiveKitCredentials, tmp_path: Path
) -> None:
    place = temporary(tmp_path)
    settings = {
        "TMPDIR": str(place),
        "MEMORY_CHECK_SECONDS": "0.2",
        "TEMP_FILE_SECONDS": "0.2",
        "TEMP_FILE_PRESSURE_SECONDS": "0.1",
    }
    async with start(livekit, tmp_path, settings, module=MODULE) as agent:
        await agent.wait_for_log("worker ready")
        async with call_the_worker(livekit, "untidy"):
            await agent.wait_for_log("old temporary files removed")
            left = files_in(place)
            assert not [name for name in left if name.startswith(FORGOTTEN)]
            assert [name for name in left if name.startswith(OPEN)]
            assert await metric(agent, "voice_agent_temp_files") >= 1
            (folder,) = place.iterdir()
            assert folder.name.startswith(f"local-voice-agent-{os.getuid()}-")
        await agent.end(signal.SIGTERM)
    assert list(place.iterdir()) == []


async def test_what_the_libraries_of_a_killed_worker_left_is_gone_at_the_next_start(
    livekit: LiveKitCredentials, tmp_path: Path
) -> None:
    place = temporary(tmp_path)
    settings = {"TMPDIR": str(place)}
    async with start(livekit, tmp_path, settings, module=MODULE) as agent:
        await agent.wait_for_log("worker ready")
        async with call_the_worker(livekit, "killed-untidy"):
            agent.send(signal.SIGKILL)
            await agent.ended()
            await agent.nothing_left()
    assert [name for name in files_in(place) if name.startswith(FORGOTTEN)]
    async with start(livekit, tmp_path, settings) as agent:
        await agent.wait_for_log("temporary files of a crashed process removed")
        await agent.wait_for_log("worker ready")
        assert not [name for name in files_in(place) if name.startswith((FORGOTTEN, OPEN))]

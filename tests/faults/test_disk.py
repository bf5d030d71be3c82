"""A disk that is full to the last byte."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from services.livekit_server.server import LiveKitServer
from services.models import DEMO_VOICE, ModelMissing, resolve_voice
from tests.faults.disk import SmallDisk, small_disk
from tests.room.processes import ROOT, START_SECONDS, free_port
from tests.room.workers import call_the_worker, start
from tests.support.audio_api import FORM_TYPE, form, write_key
from tests.support.models.hub_server import HubServer, running_hub
from tests.support.models.small_catalogue import FIRST_VOICE, SmallCatalogue
from tests.support.recordings import recording

VOICE = FIRST_VOICE
SMALL_AGENT = """
import sys
import pytest
from agent.__main__ import main
from tests.support.models.small_catalogue import SmallCatalogue

SmallCatalogue().use(pytest.MonkeyPatch())
sys.exit(main())
"""
"""The agent, with a catalogue whose files are small."""
API_KEY = "the key of this test"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    room_for_a_download = DEMO_VOICE.model.stat().st_size // 2**20 + 8
    with small_disk(tmp_path, megabytes=room_for_a_download) as disk:
        yield disk


@pytest.fixture
def hub() -> Iterator[HubServer]:
    """A hub that stops in the middle of a voice until it is told to go on."""
    server = SmallCatalogue().hub()
    server.hold_after_bytes = 500_000
    with running_hub(server) as running:
        yield running


async def answers(session: aiohttp.ClientSession, address: str) -> bool:
    try:
        async with session.get(f"{address}/readyz") as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


async def test_a_worker_whose_log_and_temporary_files_have_no_room_keeps_talking(
    disk: SmallDisk, tmp_path: Path
) -> None:
    log = disk.path / "log"
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    variables = {
        "TMPDIR": str(disk.path),
        "WORKER_PORT": str(port),
        "MEMORY_CHECK_SECONDS": "0.2",
        "API_KEYS_FILE": str(tmp_path / "keys.json"),
    }
    write_key(tmp_path / "keys.json", API_KEY)
    with_log_on_disk = ("sh", "-c", 'exec "$@" 2>"$0"', str(log))
    async with (
        LiveKitServer(ROOT / "livekit.yaml") as livekit,
        start(livekit, tmp_path, variables, through=with_log_on_disk),
        aiohttp.ClientSession() as session,
    ):
        async with asyncio.timeout(START_SECONDS):
            while not await answers(session, address):
                await asyncio.sleep(0.05)
        disk.fill()
        async with call_the_worker(livekit, "full") as caller:
            await caller.say_file(recording("turn_31").path)
            answer = (await caller.wait_for_transcript(2, of_agent=True))[1]
            assert "fourteen" in answer.lower()
        upload = session.post(
            f"{address}/v1/audio/transcriptions",
            data=form(recording("turn_31").path.read_bytes(), {"model": "whisper-1"}),
            headers={"Authorization": f"Bearer {API_KEY}", "Content-Type": FORM_TYPE},
        )
        async with upload as response:
            assert response.status == 507
            assert "no room on its disk" in (await response.json())["error"]["message"]
        assert await answers(session, address)


def test_a_disk_that_fills_up_during_a_download_is_one_line_and_no_model(
    disk: SmallDisk, hub: HubServer, tmp_path: Path
) -> None:
    cache = disk.path / "models"
    process = subprocess.Popen(
        [sys.executable, "-c", SMALL_AGENT, "download-files", "--voice", VOICE],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "PYTHONPATH": str(ROOT),
            "WHISPER_MODEL_PATH": str(cache),
            "HF_ENDPOINT": hub.url,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert hub.holding.wait(60)
    disk.fill()
    hub.release.set()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Traceback" not in errors
    (line,) = [line for line in errors.splitlines() if "No space left on device" in line]
    assert line == errors.splitlines()[-1]
    assert VOICE in line
    with pytest.raises(ModelMissing):
        resolve_voice(VOICE, cache=cache)
    assert [path.name for path in cache.iterdir()] == [".partial"]

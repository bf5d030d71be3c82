"""A speech process that is started on its first use and ends after its last user."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import psutil
import pytest

from services.inference import EngineLost
from services.shared.config import EngineConfig
from services.speech_process import RemoteEngines, on_demand
from tests.engine.services.speech_process.test_remote import speak, transcribe, until


@pytest.fixture
def config(tmp_path: Path) -> EngineConfig:
    """The demo models, of this test alone."""
    return EngineConfig(cache=tmp_path)


def pid_of(engines: RemoteEngines) -> int:
    status = engines.status
    assert status is not None
    return status.pid


def is_running(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


async def test_several_processes_get_the_same_one_and_it_ends_after_the_last(
    tmp_path: Path, config: EngineConfig
) -> None:
    def start() -> Path:
        return on_demand.start(config, folder=tmp_path / "run", linger_seconds=1.0)

    paths = await asyncio.gather(*(asyncio.to_thread(start) for _ in range(3)))
    assert len(set(paths)) == 1
    with (
        # Started again where this machine was too busy to connect before it had ended.
        contextlib.closing(RemoteEngines(config, paths[0], revive=start)) as one,
        contextlib.closing(RemoteEngines(config, paths[0], revive=start)) as other,
    ):
        assert await transcribe(await one.asr.get()) == await transcribe(await other.asr.get())
        pid = pid_of(one)
        assert pid == pid_of(other) != os.getpid()
        await until(lambda: one.status is not None and one.status.loads["asr"] == 1)
        one.close()
        assert await transcribe(await other.asr.get())
    await until(lambda: not is_running(pid))
    assert not paths[0].exists()


async def test_a_killed_process_fails_what_was_in_flight_and_is_replaced(
    tmp_path: Path, config: EngineConfig, no_leaks: None
) -> None:
    def start() -> Path:
        return on_demand.start(config, folder=tmp_path / "run", linger_seconds=1.0)

    path = await asyncio.to_thread(start)
    engines = RemoteEngines(config, path, revive=start)
    asr, voice = await engines.asr.get(), await engines.tts.get()
    killed = pid_of(engines)
    # It answers nothing from here on, so the work is in flight when it is killed.
    os.kill(killed, signal.SIGSTOP)
    work = [asyncio.create_task(transcribe(asr)), asyncio.create_task(speak(voice))]
    await until(lambda: engines.link.pending == 2)
    os.kill(killed, signal.SIGKILL)
    for task in work:
        with pytest.raises(EngineLost, match="speech process was lost"):
            await task
    assert await transcribe(asr)
    assert (await speak(voice))[0]
    replaced = pid_of(engines)
    assert replaced != killed
    await asyncio.to_thread(engines.close)
    await until(lambda: not is_running(replaced))

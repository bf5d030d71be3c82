"""The shared demo models behind a real socket."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.inference import Priority, Run
from services.shared.config import EngineConfig
from services.shared.engines import SharedEngines
from services.speech_process import RemoteEngines, SpeechServer
from tests.support.speech_server import WAIT_SECONDS, served


@pytest.fixture
def socket_path(tmp_path: Path) -> Path:
    """Of the server."""
    return tmp_path / "speech.sock"


@pytest.fixture
def server(shared: SharedEngines, socket_path: Path) -> Iterator[SpeechServer]:
    """Serves the shared models."""
    shared.asr.get_blocking()
    shared.tts.get_blocking()
    with served(shared, socket_path) as server:
        yield server


@pytest.fixture
def remote(server: SpeechServer, socket_path: Path) -> Iterator[RemoteEngines]:
    """Uses the models of the server."""
    with contextlib.closing(RemoteEngines(EngineConfig(), socket_path)) as engines:
        yield engines


@pytest.fixture
def busy(shared: SharedEngines) -> Iterator[Callable[[], None]]:
    """Keeps every slot of the server's scheduler busy, until it is called."""
    release = threading.Event()
    slots = shared.scheduler.stats().slots
    running = threading.Barrier(slots + 1)

    def hold(_: Run) -> None:
        running.wait(WAIT_SECONDS)
        release.wait(WAIT_SECONDS)

    calls = [
        shared.scheduler.submit(
            hold, engine="busy", owner=f"busy {slot}", priority=Priority.FINAL, deadline_seconds=60
        )
        for slot in range(slots)
    ]
    running.wait(WAIT_SECONDS)
    yield release.set
    release.set()
    for call in calls:
        call.result(WAIT_SECONDS)

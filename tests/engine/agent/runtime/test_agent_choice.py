"""The models of a job are held from its acceptance to its end, however it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

import pytest
from livekit.agents import JobContext
from livekit.protocol.agent import Job

from agent.definitions.folder import AgentFolder
from agent.runtime import agent_choice
from agent.runtime.agent_choice import AgentChoice
from agent.settings import Settings
from services.asr.engine import StreamingASR
from services.livekit_server.credentials import LiveKitCredentials
from services.livekit_server.rooms import LiveKitRooms, People
from services.shared.engines import SharedEngines
from services.tts.engine import StreamingTTS


class SilentRooms(LiveKitRooms):
    """A LiveKit that does not answer."""

    def __init__(self) -> None:
        super().__init__(LiveKitCredentials("ws://127.0.0.1:9", "key", "s" * 40))
        self.asked = asyncio.Event()

    async def people(self, room: str) -> People:
        self.asked.set()
        return await asyncio.Future[People]()


class Context:
    """What the framework gives a job."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._callbacks: list[Callable[[], Awaitable[None]]] = []

    def add_shutdown_callback(self, callback: Callable[[], Awaitable[None]]) -> None:
        self._callbacks.append(callback)

    async def shut_down(self) -> None:
        for callback in self._callbacks:
            await callback()


@pytest.fixture
def rooms() -> SilentRooms:
    return SilentRooms()


@pytest.fixture
def choice(
    tmp_path: Path,
    shared: SharedEngines,
    rooms: SilentRooms,
    asr: StreamingASR,
    tts: StreamingTTS,
) -> AgentChoice:
    """Of a folder with one agent, so that the callers of a room are looked at; models loaded."""
    (tmp_path / "reception.toml").write_text('instructions = "Be kind."\n')
    settings = Settings.model_validate(
        {"agent": {"folder": tmp_path}, "models": {"choice": "demo"}}
    )
    folder = AgentFolder(settings, {})
    folder.read()
    return AgentChoice(settings, folder, shared, edited=False, rooms=lambda: rooms)


async def test_a_job_that_is_cancelled_while_it_begins_holds_no_model(
    choice: AgentChoice, shared: SharedEngines, rooms: SilentRooms
) -> None:
    before = shared.asr.users, shared.tts.users
    job = Job(id="job")
    choice.hold(job.id, choice.default())
    context = Context(job)
    beginning = asyncio.create_task(choice.begin(cast("JobContext", context)))
    await rooms.asked.wait()
    beginning.cancel()
    await asyncio.wait([beginning])
    assert (shared.asr.users, shared.tts.users) == (before[0] + 1, before[1] + 1)
    await context.shut_down()
    assert (shared.asr.users, shared.tts.users) == before


async def test_an_accepted_job_that_never_begins_lets_its_models_go(
    choice: AgentChoice, shared: SharedEngines, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = shared.asr.users, shared.tts.users
    monkeypatch.setattr(agent_choice, "RESERVATION_SECONDS", 0.0)
    choice.hold("job", choice.default())
    assert shared.asr.users == before[0] + 1
    async with asyncio.timeout(20.0):
        while (shared.asr.users, shared.tts.users) != before:
            await asyncio.sleep(0.005)

import asyncio
import contextlib
import gc
import tempfile
import weakref
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agent.runtime.supervisor import Upkeep, memory_config
from agent.settings import Settings
from services.admission import Refusal
from services.host.allocator import trim_allocator
from services.host.process_memory import resident_bytes
from services.inference import CallRecord, Priority
from services.memory import Level, MemoryConfig
from services.memory.config import MB
from services.shared.engines import LoadedModel, SharedEngines
from tests.support.leaks import Snapshot, assert_nothing_left
from tests.support.memory_use import fragment, mapped

pytestmark = pytest.mark.own_process


@pytest.fixture
async def upkeep() -> AsyncIterator[Upkeep]:
    """The upkeep of a worker whose models are ready, here without any."""
    before = Snapshot.take()
    upkeep = make()
    upkeep.begin()
    yield upkeep
    upkeep.close()
    gc.unfreeze()
    await assert_nothing_left(before)


def make(**memory: Any) -> Upkeep:
    return Upkeep(Settings.model_validate({"memory": memory}), drain=None)


def failed(engine: str) -> CallRecord:
    return CallRecord(engine, Priority.FINAL, "failed", 0.0, 0.1)


def test_the_defaults_of_the_settings_are_those_of_the_monitor() -> None:
    assert memory_config(Settings().memory) == MemoryConfig()


async def test_no_room_comes_before_the_models_are_ready() -> None:
    upkeep = make()
    assert upkeep.admission.offer("a").refusal is Refusal.HELD
    upkeep.close()


async def test_a_room_is_counted_and_watched_from_begin_to_end(upkeep: Upkeep) -> None:
    assert upkeep.admission.offer("job").accepted
    room = upkeep.enter_room("job", "kitchen")
    room.account(lambda: 3 * MB)
    told = upkeep.view.look_blocking()
    assert told["memory"]["rooms"] == 1
    assert told["members_mb"] == {"kitchen": 3.0}
    assert told["breakdown_mb"]["rooms"] == 3.0
    assert told["admission"]["load"] > 0.1
    room.close()
    room.close()
    told = upkeep.view.look_blocking()
    assert told["memory"]["rooms"] == 0
    assert told["members_mb"] == {}


class Part:
    """Something of a room that refers to itself."""

    def __init__(self) -> None:
        self.itself = self


async def test_what_a_room_leaves_in_cycles_is_collected_at_the_next_check(upkeep: Upkeep) -> None:
    gc.disable()
    try:
        left = weakref.ref(Part())
        await upkeep.monitor.check()
        assert left() is not None
        upkeep.enter_room("job", "kitchen").close()
        await upkeep.monitor.check()
        assert left() is None
        # The room's thread ends a little later, and leaves the rest.
        left = weakref.ref(Part())
        await upkeep.monitor.check()
        assert left() is None
    finally:
        gc.enable()


async def test_what_a_room_held_is_given_back_at_the_next_check(upkeep: Upkeep) -> None:
    await upkeep.monitor.check()
    trim_allocator()
    before = resident_bytes()
    top = fragment(20)
    await upkeep.monitor.check()
    # So little is kept for later, as long as no room has ended.
    assert resident_bytes() - before >= 15 * MB
    upkeep.enter_room("job", "kitchen").close()
    await upkeep.monitor.check()
    assert resident_bytes() - before <= 5 * MB
    assert top


async def test_a_recogniser_that_keeps_failing_closes_the_door(upkeep: Upkeep) -> None:
    for _ in range(3):
        upkeep.circuits.observe(failed("asr"))
    assert upkeep.admission.offer("a").refusal is Refusal.DEAF
    upkeep.circuits.of("asr").success()
    assert upkeep.admission.offer("a").accepted


async def test_a_voice_that_keeps_failing_leaves_the_door_open(upkeep: Upkeep) -> None:
    for _ in range(3):
        upkeep.circuits.observe(failed("tts"))
    assert upkeep.admission.offer("a").accepted
    assert upkeep.view.look_blocking()["circuits"] == {"tts": "open"}


async def test_the_models_have_parts_of_their_own(upkeep: Upkeep) -> None:
    speech = SharedEngines()
    upkeep.watch_over(speech)
    speech._note("asr", LoadedModel("demo", True, 5 * MB))
    assert upkeep.view.look_blocking()["breakdown_mb"]["asr model"] == 5.0
    speech.close()


class Reloadable(SharedEngines):
    """Models that only note that they would be loaded anew."""

    def __init__(self) -> None:
        super().__init__()
        self.reloads: list[bool] = []

    def reload(self, *, both_fit: bool) -> None:
        self.reloads.append(both_fit)


async def test_fragmented_models_are_reloaded_when_nothing_else_helps() -> None:
    now = resident_bytes() / MB
    upkeep = make(
        warning_mb=round(now + 20),
        high_mb=round(now + 40),
        critical_mb=round(now + 4000),
        fragmentation_mb=30,
    )
    speech = Reloadable()
    upkeep.watch_over(speech)
    upkeep.begin()
    kept = mapped(70 * MB)
    assert await upkeep.monitor.check() is Level.HIGH
    assert speech.reloads == [True]
    assert upkeep.view.look_blocking()["model"]["reload_count"] == 1
    kept.close()
    upkeep.close()
    speech.close()
    gc.unfreeze()


async def test_run_watches_the_workers_own_loop(upkeep: Upkeep) -> None:
    task = asyncio.create_task(upkeep.run())
    while not upkeep.monitor.state().snapshot.history:
        await asyncio.sleep(0.01)
    assert upkeep.loops.lag().loop in ("", "worker")
    assert len(upkeep.loops._open_probes()) == 1
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert upkeep.loops._open_probes() == []


async def test_closing_leaves_no_temporary_files() -> None:
    upkeep = make()
    folder = upkeep.temp_files.folder
    assert folder.is_relative_to(Path(tempfile.gettempdir()))
    upkeep.close()
    upkeep.close()
    assert not folder.exists()

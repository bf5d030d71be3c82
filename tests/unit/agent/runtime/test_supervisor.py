import asyncio
import contextlib
import gc
import shutil
import tempfile
import weakref
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.runtime.memory import memory_config
from agent.runtime.supervisor import Supervisor
from agent.settings import Settings
from services.admission import Refusal
from services.host.allocator import trim_allocator
from services.host.process_memory import resident_bytes
from services.inference import CallRecord, Priority
from services.memory import Level, MemoryConfig
from services.memory.config import MB
from services.metrics import Metrics
from services.models import DEMO_VOICE
from services.shared.engines import SharedEngines
from tests.support.leaks import Snapshot, assert_nothing_left
from tests.support.memory_use import fragment, mapped

pytestmark = pytest.mark.own_process


@pytest.fixture
def engines() -> Iterator[SharedEngines]:
    """Models, none of which is loaded."""
    engines = SharedEngines()
    yield engines
    engines.close()


@pytest.fixture
async def supervisor(engines: SharedEngines) -> AsyncIterator[Supervisor]:
    """The supervisor of a worker that takes rooms."""
    before = Snapshot.take()
    supervisor = make(engines)
    supervisor.begin()
    yield supervisor
    supervisor.close()
    gc.unfreeze()
    await assert_nothing_left(before)


def make(engines: SharedEngines, **memory: Any) -> Supervisor:
    settings = Settings.model_validate({"memory": memory})
    return Supervisor(settings, engines, Metrics(), drain=None)


def failed(engine: str) -> CallRecord:
    return CallRecord(engine, Priority.FINAL, "failed", 0.0, 0.1)


def test_the_defaults_of_the_settings_are_those_of_the_monitor() -> None:
    assert memory_config(Settings().memory) == MemoryConfig()


async def test_no_room_comes_before_the_models_are_ready(engines: SharedEngines) -> None:
    supervisor = make(engines)
    assert supervisor.admission.offer("a").refusal is Refusal.HELD
    supervisor.close()


async def test_a_room_is_counted_and_watched_from_begin_to_end(supervisor: Supervisor) -> None:
    assert supervisor.admission.offer("job").accepted
    room = supervisor.enter_room("job", "kitchen")
    room.account(lambda: 3 * MB)
    told = supervisor.view.look_blocking()
    assert told["memory"]["rooms"] == 1
    assert told["members_mb"] == {"kitchen": 3.0}
    assert told["breakdown_mb"]["rooms"] == 3.0
    assert told["admission"]["load"] > 0.1
    room.close()
    room.close()
    told = supervisor.view.look_blocking()
    assert told["memory"]["rooms"] == 0
    assert told["members_mb"] == {}


class Part:
    """Something of a room that refers to itself."""

    def __init__(self) -> None:
        self.itself = self


async def test_what_a_room_leaves_in_cycles_is_collected_at_the_next_check(
    supervisor: Supervisor,
) -> None:
    gc.disable()
    try:
        left = weakref.ref(Part())
        await supervisor.monitor.check()
        assert left() is not None
        supervisor.enter_room("job", "kitchen").close()
        await supervisor.monitor.check()
        assert left() is None
        # The room's thread ends a little later, and leaves the rest.
        left = weakref.ref(Part())
        await supervisor.monitor.check()
        assert left() is None
    finally:
        gc.enable()


async def test_what_a_room_held_is_given_back_at_the_next_check(supervisor: Supervisor) -> None:
    await supervisor.monitor.check()
    trim_allocator()
    before = resident_bytes()
    top = fragment(20)
    await supervisor.monitor.check()
    # So little is kept for later, as long as no room has ended.
    assert resident_bytes() - before >= 15 * MB
    supervisor.enter_room("job", "kitchen").close()
    await supervisor.monitor.check()
    assert resident_bytes() - before <= 5 * MB
    assert top


async def test_a_recogniser_that_keeps_failing_closes_the_door(supervisor: Supervisor) -> None:
    for _ in range(3):
        supervisor.circuits.observe(failed("asr"))
    assert supervisor.admission.offer("a").refusal is Refusal.ASR_UNAVAILABLE
    supervisor.circuits.of("asr").success()
    assert supervisor.admission.offer("a").accepted


async def test_a_voice_that_keeps_failing_leaves_the_door_open(supervisor: Supervisor) -> None:
    for _ in range(3):
        supervisor.circuits.observe(failed("tts"))
    assert supervisor.admission.offer("a").accepted
    assert supervisor.view.look_blocking()["circuits"] == {"tts": "open"}


@pytest.mark.own_copy
async def test_the_models_have_parts_of_their_own(
    supervisor: Supervisor, engines: SharedEngines, tmp_path: Path
) -> None:
    await engines.tts.get()
    shutil.copy(DEMO_VOICE.model, tmp_path / "mine.onnx")
    shutil.copy(DEMO_VOICE.config, tmp_path / "mine.onnx.json")
    mine = engines.voice([str(tmp_path / "mine.onnx")])
    lease = mine.use()
    await mine.get()
    parts = supervisor.view.look_blocking()["breakdown_mb"]
    assert parts["voice model"] > 0
    assert parts["voice model mine"] > 0
    lease.close()


@pytest.mark.own_copy
async def test_idle_models_leave_when_memory_is_high(engines: SharedEngines) -> None:
    await engines.tts.get()
    now = resident_bytes() / MB
    supervisor = make(
        engines, warning_mb=round(now - 30), high_mb=round(now - 20), critical_mb=round(now + 4000)
    )
    supervisor.begin()
    assert await supervisor.monitor.check() is Level.HIGH
    assert engines.in_use == []
    cleaned = supervisor.view.look_blocking()["last_cleaning"]
    assert "idle model" in [step["step"] for step in cleaned["steps"]]
    supervisor.close()
    gc.unfreeze()


class Reloadable(SharedEngines):
    """Models that only note that they would be loaded anew."""

    def __init__(self) -> None:
        super().__init__()
        self.reloads: list[bool] = []

    def reload(self, *, both_fit: bool) -> None:
        self.reloads.append(both_fit)


async def test_fragmented_models_are_reloaded_when_nothing_else_helps() -> None:
    now = resident_bytes() / MB
    engines = Reloadable()
    supervisor = make(
        engines,
        warning_mb=round(now + 20),
        high_mb=round(now + 40),
        critical_mb=round(now + 4000),
        fragmentation_mb=30,
    )
    supervisor.begin()
    kept = mapped(70 * MB)
    assert await supervisor.monitor.check() is Level.HIGH
    assert engines.reloads == [True]
    assert supervisor.view.look_blocking()["model"]["reload_count"] == 1
    kept.close()
    supervisor.close()
    engines.close()
    gc.unfreeze()


async def test_run_watches_the_workers_own_loop(supervisor: Supervisor) -> None:
    task = asyncio.create_task(supervisor.run())
    while not supervisor.monitor.state().snapshot.history:
        await asyncio.sleep(0.01)
    assert supervisor._loops.lag().loop in ("", "worker")
    assert len(supervisor._loops._open_probes()) == 1
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert supervisor._loops._open_probes() == []


async def test_closing_leaves_no_temporary_files(engines: SharedEngines) -> None:
    supervisor = make(engines)
    folder = supervisor.temp_files.folder
    assert folder.is_relative_to(Path(tempfile.gettempdir()))
    supervisor.close()
    supervisor.close()
    assert not folder.exists()

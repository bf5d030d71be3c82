import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from services.host.allocator import trim_allocator
from services.host.cgroup import Cgroups, MemoryLimit, memory_limit
from services.host.gpu import GPUReading
from services.host.process_memory import resident_bytes
from services.memory.cleaning import CleaningStep
from services.memory.config import MB, MemoryConfig
from services.memory.levels import Level
from services.memory.monitor import MemoryMonitor
from services.memory.reading import MemoryMeter, MemoryReading
from tests.support.memory_use import fragment, mapped

pytestmark = pytest.mark.own_process

STEP = 24
"""MB between two levels in these tests, far more than a process swings by itself."""


class Ballast:
    """Memory really held, in steps of one level each."""

    def __init__(self) -> None:
        self._blocks: list[Any] = []

    def set(self, steps: int) -> None:
        while len(self._blocks) > steps:
            self._blocks.pop().close()
        while len(self._blocks) < steps:
            self._blocks.append(mapped(STEP * MB))


@pytest.fixture
def ballast() -> Iterator[Ballast]:
    ballast = Ballast()
    yield ballast
    ballast.set(0)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """The messages logged since the last call."""
    caplog.set_level(logging.INFO, logger="services.memory")

    def take() -> list[str]:
        messages = [record.getMessage() for record in caplog.records]
        caplog.clear()
        return messages

    return take


def level_changes(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, str]]:
    """From, to and decisive measure of each change of level that was logged."""
    lines = [vars(r) for r in caplog.records if r.getMessage() == "memory level changed"]
    return [(line["before"], line["level"], line["measure"]) for line in lines]


def config(**changes: Any) -> MemoryConfig:
    """Levels half a step above the process as it is, then a step apart each."""
    now = resident_bytes() / MB
    values: dict[str, Any] = {
        "warning_mb": now + STEP / 2,
        "high_mb": now + 1.5 * STEP,
        "critical_mb": now + 2.5 * STEP,
        "hysteresis": 0.01,
        "slack_mb": 0.0,
    }
    return MemoryConfig(**{**values, **changes})


def limit(tmp_path: Path) -> Callable[[], MemoryLimit]:
    """The limit on a large machine with its cgroups in `tmp_path`."""
    return lambda: memory_limit(Cgroups(tmp_path), machine_bytes=1024**4)


def monitor(tmp_path: Path, settings: MemoryConfig | None = None, **rest: Any) -> MemoryMonitor:
    return MemoryMonitor(settings or config(), MemoryMeter(limit=limit(tmp_path)), **rest)


async def test_levels_rise_and_fall_with_one_line_each(
    tmp_path: Path,
    ballast: Ballast,
    log: Callable[[], list[str]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    watched = monitor(tmp_path)
    for steps in (0, 1, 1, 2, 2, 3, 3, 2, 1, 1, 0, 0):
        ballast.set(steps)
        await watched.check()
    assert level_changes(caplog) == [
        ("healthy", "warning", "process"),
        ("warning", "high", "process"),
        ("high", "critical", "process"),
        ("critical", "high", "process"),
        ("high", "warning", "process"),
        ("warning", "healthy", "process"),
    ]
    lines = log()
    # Cleaned when it became high, and again when it became critical.
    assert lines.count("memory cleaned") == 2
    assert lines.count("suspected memory leak") == 2


async def test_a_jump_to_critical_is_one_crossing_and_one_cleaning(
    tmp_path: Path, ballast: Ballast, log: Callable[[], list[str]]
) -> None:
    watched = monitor(tmp_path)
    ballast.set(3)
    await watched.check()
    lines = log()
    assert lines.count("memory level changed") == lines.count("memory cleaned") == 1
    assert watched.level is Level.CRITICAL


async def test_cleaning_that_helps_brings_the_level_down_at_once(
    tmp_path: Path, ballast: Ballast, log: Callable[[], list[str]]
) -> None:
    drained: list[bool] = []
    watched = monitor(
        tmp_path,
        config(leak_mb=20.0),
        steps=[CleaningStep("ballast", lambda: ballast.set(0))],
        drain=lambda: drained.append(True),
    )
    ballast.set(3)
    for _ in range(3):
        await watched.check()
    assert watched.level is Level.HEALTHY
    assert drained == []
    report = watched.state().last_cleaning
    assert report is not None
    assert report.freed_bytes >= 2.5 * STEP * MB
    assert log() == [
        "memory level changed",
        "memory step done",
        "memory cleaned",
        "memory level changed",
    ]


async def test_memory_that_stays_critical_drains_the_worker_once(
    tmp_path: Path, ballast: Ballast, log: Callable[[], list[str]]
) -> None:
    drained: list[bool] = []
    watched = monitor(tmp_path, drain=lambda: drained.append(True))
    ballast.set(3)
    assert await watched.check() is Level.CRITICAL
    assert drained == []
    for _ in range(3):
        await watched.check()
    assert drained == [True]
    assert watched.state().draining
    told = "memory stays critical after cleaning: the worker drains and ends"
    assert log().count(told) == 1


async def test_without_a_supervisor_the_worker_only_says_so(
    tmp_path: Path, ballast: Ballast, log: Callable[[], list[str]]
) -> None:
    watched = monitor(tmp_path)
    ballast.set(3)
    for _ in range(4):
        await watched.check()
    lines = log()
    assert len([line for line in lines if line.startswith("memory stays critical")]) == 1
    assert lines.count("memory cleaned") == 1


async def test_models_that_are_critical_by_themselves_do_not_restart_the_worker_for_ever(
    tmp_path: Path, ballast: Ballast, log: Callable[[], list[str]]
) -> None:
    drained: list[bool] = []
    watched = monitor(tmp_path, drain=lambda: drained.append(True))
    ballast.set(3)
    watched.mark_ready()
    assert log()[0].startswith("the models alone make memory critical")
    for _ in range(4):
        await watched.check()
    assert drained == []
    assert watched.level is Level.CRITICAL


async def test_memory_that_stays_high_is_cleaned_ever_more_rarely(
    tmp_path: Path, ballast: Ballast, log: Callable[[], list[str]]
) -> None:
    watched = monitor(tmp_path, config(clean_again_seconds=0.0))
    ballast.set(2)
    for _ in range(3):
        await watched.check()
    assert log().count("memory cleaned") == 3
    patient = monitor(tmp_path, config())
    ballast.set(4)
    for _ in range(3):
        await patient.check()
    assert log().count("memory cleaned") == 1


async def test_a_small_container_is_warned_by_its_share(
    tmp_path: Path,
    ballast: Ballast,
    log: Callable[[], list[str]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    limit_bytes = round((resident_bytes() + STEP / 2 * MB) * 2)
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text(str(limit_bytes))
    watched = monitor(tmp_path, MemoryConfig(slack_mb=0.0, hysteresis=0.01))
    await watched.check()
    assert watched.level is Level.HEALTHY
    ballast.set(1)
    await watched.check()
    assert level_changes(caplog) == [("healthy", "warning", "limit")]
    assert watched.state().thresholds.warning == limit_bytes // 2


class GPUMeterOf(MemoryMeter):
    """A meter on a machine with a GPU of 8 GB, of which `gpu_mb` are the process's."""

    gpu_mb = 0.0

    def read(self, *, full: bool = False) -> MemoryReading:
        held = round(self.gpu_mb * MB)
        return replace(super().read(full=full), gpu=GPUReading(held, held, 8192 * MB))


async def test_gpu_memory_has_levels_of_its_own(
    tmp_path: Path, log: Callable[[], list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    gpu = GPUMeterOf(limit=limit(tmp_path))
    watched = MemoryMonitor(config(gpu_critical_mb=2048), gpu)
    for gpu.gpu_mb in (1000.0, 1200.0, 2048.0, 1200.0, 0.0):
        await watched.check()
    assert level_changes(caplog) == [
        ("healthy", "warning", "gpu"),
        ("warning", "critical", "gpu"),
        ("critical", "warning", "gpu"),
        ("warning", "healthy", "gpu"),
    ]


async def test_a_suspected_leak_is_named(
    tmp_path: Path, ballast: Ballast, caplog: pytest.LogCaptureFixture
) -> None:
    watched = monitor(tmp_path)
    watched.components.add("chat history", lambda: STEP * MB * len(ballast._blocks))
    for steps in (0, 1, 1, 2):
        ballast.set(steps)
        await watched.check()
    leaks = [r for r in caplog.records if r.getMessage() == "suspected memory leak"]
    assert [vars(r)["fastest_growing"] for r in leaks] == ["chat history"]
    assert vars(leaks[0])["largest_mb"]["chat history"] == 2 * STEP


async def test_statistics_come_in_one_line(
    tmp_path: Path, log: Callable[[], list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    watched = monitor(tmp_path, config(statistics_seconds=1e-6))
    await watched.check()
    record = caplog.records[-1]
    assert log() == ["memory statistics"]
    fields = vars(record)
    assert fields["process_mb"] > 0
    assert fields["unique_mb"] > 0
    assert fields["limit_source"] == "machine"
    assert fields["threads"] >= 1
    assert fields["descriptors"] >= 1
    assert "libraries" in fields["breakdown_mb"]


async def test_housekeeping_and_callbacks_that_fail_do_not_stop_the_watch(
    tmp_path: Path, ballast: Ballast, log: Callable[[], list[str]]
) -> None:
    levels: list[Level] = []

    def fail(*_: object) -> None:
        raise RuntimeError("broken")

    watched = monitor(tmp_path, each_check=[fail, levels.append])
    ballast.set(3)
    await watched.check()
    await watched.check()
    assert levels == [Level.HEALTHY, Level.CRITICAL]
    assert log().count("a memory callback failed") == 2


async def test_the_allocator_gives_back_what_it_collected(tmp_path: Path) -> None:
    trim_allocator()
    watched = monitor(tmp_path, MemoryConfig(slack_mb=20.0))
    await watched.check()
    before = resident_bytes()
    top = fragment(60)
    assert resident_bytes() - before >= 40 * MB
    await watched.check()
    assert resident_bytes() - before <= 20 * MB
    assert top


async def test_run_watches_until_it_is_cancelled(tmp_path: Path, ballast: Ballast) -> None:
    watched = monitor(tmp_path, config(check_seconds=0.01))
    task = asyncio.create_task(watched.run())
    ballast.set(1)
    while watched.level is Level.HEALTHY:
        await asyncio.sleep(0.01)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert watched.level is Level.WARNING


async def test_the_loop_turns_while_a_cleaning_blocks(tmp_path: Path) -> None:
    may_end = threading.Event()
    watched = monitor(tmp_path, steps=[CleaningStep("slow", lambda: may_end.wait(10))])
    first, second = watched.clean("one"), watched.clean("two")
    assert first is second
    await asyncio.sleep(0)
    assert not first.done()
    may_end.set()
    report = await asyncio.wrap_future(first)
    assert report.reason == "one"
    assert watched.state().last_cleaning is report


async def test_headroom_is_what_is_left_before_critical(tmp_path: Path) -> None:
    watched = monitor(tmp_path)
    assert 2.0 * STEP * MB < watched.headroom_bytes() < 3.0 * STEP * MB
    nothing_left = monitor(tmp_path, config(warning_mb=1.0, high_mb=2.0, critical_mb=3.0))
    assert nothing_left.headroom_bytes() == 0


async def test_the_state_is_told_as_plain_figures(tmp_path: Path) -> None:
    watched = monitor(tmp_path)
    watched.components.add("phrase cache", lambda: 3 * MB)
    watched.components.add("rooms", lambda: 2 * MB, member="kitchen")
    started = time.time()
    for _ in range(3):
        await watched.check()
    told = watched.look().as_json(moments=2)
    assert told["memory"]["level"] == "healthy"
    assert told["memory"]["process_mb"] == pytest.approx(resident_bytes() / MB, abs=30)
    assert told["memory"]["gpu_mb"] == told["memory"]["gpu_percent"] == 0.0
    assert told["breakdown_mb"]["phrase cache"] == 3.0
    assert told["members_mb"] == {"kitchen": 2.0}
    assert len(told["history"]) == 2
    assert told["history"][-1]["at"] >= started

from dataclasses import replace

import pytest

from services.host.allocator import AllocatorFigures
from services.host.cgroup import MemoryLimit
from services.memory import breakdown
from services.memory.breakdown import Breakdown, Components, Reported
from services.memory.reading import MemoryMeter, MemoryReading
from tests.support.memory_use import mapped

pytestmark = pytest.mark.own_process

MB = 2**20
LEAK_BYTES = 40 * MB
"""Far more than what other tests left, and may be freed meanwhile."""

NOTHING = Reported({}, {})


def reading(
    process_mb: int, *, at: float = 0.0, in_use_mb: int = 0, free_mb: int = 0
) -> MemoryReading:
    return MemoryReading(
        at_seconds=at,
        process_bytes=process_mb * MB,
        unique_bytes=process_mb * MB,
        limit=MemoryLimit(64 * 1024 * MB, "machine", None),
        system_percent=1.0,
        available_bytes=64 * 1024 * MB,
        threads=1,
        descriptors=1,
        rooms=0,
        allocator=AllocatorFigures(in_use_mb * MB, free_mb * MB),
        python_blocks=0,
        gpu=None,
    )


def test_parts_add_up_to_the_process() -> None:
    split = Breakdown(reading(100))
    reported = Reported({"asr model": 40 * MB, "rooms": 5 * MB}, {})
    split.mark_ready(reading(150, in_use_mb=60, free_mb=10), reported)
    parts = split.explain(reading(200, in_use_mb=80, free_mb=25), reported)
    assert parts == {
        "libraries": 100 * MB,
        "asr model": 40 * MB,
        "rooms": 5 * MB,
        "allocator slack": 15 * MB,
        "python objects": 0,
        "native heap": 20 * MB,
        "unaccounted": 20 * MB,
    }


def test_a_part_that_overstates_itself_leaves_the_rest_at_nothing() -> None:
    parts = Breakdown(reading(100)).explain(reading(120, free_mb=50), Reported({"x": 90 * MB}, {}))
    assert parts["x"] == 90 * MB
    assert parts["allocator slack"] == parts["unaccounted"] == 0


def test_what_was_trimmed_is_no_slack_until_it_is_used_again() -> None:
    split = Breakdown(reading(100))
    split.mark_trimmed(reading(100, free_mb=60))
    assert split.explain(reading(200, free_mb=60), NOTHING)["allocator slack"] == 0
    assert split.explain(reading(200, free_mb=20), NOTHING)["allocator slack"] == 0
    assert split.explain(reading(200, free_mb=50), NOTHING)["allocator slack"] == 30 * MB


@pytest.mark.parametrize(
    ("kind", "part"),
    [("big", "native heap"), ("small", "python objects"), ("mapped", "unaccounted")],
)
def test_a_leak_has_a_name(kind: str, part: str) -> None:
    meter = MemoryMeter()
    split = Breakdown(meter.read())
    split.mark_ready(meter.read(), NOTHING)
    leaked: list[object] = []
    for minute in range(4):
        now = replace(meter.read(), at_seconds=60.0 * minute)
        split.record(now, split.explain(now, NOTHING), {})
        if kind == "big":
            leaked.append(b"x" * LEAK_BYTES)
        elif kind == "small":
            leaked.append([float(i) for i in range(250_000)])
        else:
            leaked.append(mapped(LEAK_BYTES))
    growth = split.fastest_growing()
    assert growth is not None
    assert growth.part == part
    assert growth.grown_bytes >= 15 * MB
    assert growth.bytes_per_hour >= 300 * MB


def test_a_history_without_growth_names_nothing() -> None:
    split = Breakdown(reading(100))
    for minute in range(5):
        now = reading(100 - minute, at=60.0 * minute)
        split.record(now, split.explain(now, NOTHING), {})
    assert split.fastest_growing() is None


def test_a_room_that_grows_has_its_name() -> None:
    split = Breakdown(reading(100))
    for minute in range(4):
        rooms = {"kitchen": MB, "hall": minute * 5 * MB, "attic": minute * MB}
        now = reading(110 + 6 * minute, at=60.0 * minute)
        parts = split.explain(now, Reported({breakdown.ROOMS: sum(rooms.values())}, rooms))
        split.record(now, parts, rooms)
    growth = split.fastest_growing()
    assert growth is not None
    assert (growth.part, growth.member, growth.name) == ("rooms", "hall", "rooms (hall)")


def test_the_history_is_bounded() -> None:
    split = Breakdown(reading(100), moments=3)
    for minute in range(5):
        split.record(reading(100, at=float(minute)), {}, {})
    assert [moment.at_seconds for moment in split.history] == [2.0, 3.0, 4.0]


def test_rooms_add_up_and_are_told_apart() -> None:
    components = Components()
    components.add(breakdown.ROOMS, lambda: 3, member="kitchen")
    remove = components.add(breakdown.ROOMS, lambda: 4, member="hall")
    components.add("phrase cache", lambda: 7)
    components.add_parts(lambda: {"asr model": 10, "phrase cache": 1})
    assert components.read() == Reported(
        {"asr model": 10, "phrase cache": 8, "rooms": 7}, {"kitchen": 3, "hall": 4}
    )
    remove()
    remove()
    assert components.read().members == {"kitchen": 3}


def test_a_part_that_fails_counts_as_nothing_and_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    components = Components()
    components.add("broken", lambda: 1 // 0)
    components.add("whole", lambda: 5)
    components.add_parts(lambda: {"part": 1 // 0})
    for _ in range(3):
        assert components.read().parts == {"broken": 0, "whole": 5}
    assert [r.getMessage() for r in caplog.records] == ["memory of a part cannot be read"] * 2

import asyncio
import ctypes
import gc
import threading
from collections.abc import Iterator

import pytest

from services.host.allocator import allocator_figures
from services.host.event_loops import LoopWatch
from services.memory.cleaning import (
    Cleaner,
    CleaningStep,
    StepSkipped,
    settle,
    standard_steps,
)
from tests.support.memory_use import fragment, mapped

pytestmark = pytest.mark.own_process

MB = 2**20


@pytest.fixture
def watch() -> Iterator[LoopWatch]:
    """A watch over a loop that turns in a thread."""
    watch = LoopWatch()
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    probes = []

    def begin() -> None:
        probes.append(watch.watch("room"))
        ready.set()

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    loop.call_soon_threadsafe(begin)
    assert ready.wait(5)
    yield watch
    probes[0].close()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def hold_the_interpreter() -> None:
    """What a long garbage collection does: no other thread runs Python for 0.1 s."""
    ctypes.PyDLL(None).usleep(100_000)


def test_each_step_tells_the_pause_it_caused(watch: LoopWatch) -> None:
    steps = [
        CleaningStep("quick", lambda: None),
        CleaningStep("holding", hold_the_interpreter),
    ]
    quick, holding = Cleaner(steps, watch).clean("test", enough=lambda: True).gains
    assert holding.pause_seconds >= 0.08
    assert holding.paused_loop == "room"
    assert quick.pause_seconds < holding.pause_seconds


def test_last_resorts_are_left_where_the_rest_was_enough(watch: LoopWatch) -> None:
    taken: list[str] = []
    steps = [
        CleaningStep("cheap", lambda: taken.append("cheap")),
        CleaningStep("dear", lambda: taken.append("dear"), last_resort=True),
    ]
    cleaner = Cleaner(steps, watch)
    assert not cleaner.clean("test", enough=lambda: True).reloaded
    assert taken == ["cheap"]
    assert cleaner.clean("test", enough=lambda: False).reloaded
    assert taken == ["cheap", "cheap", "dear"]


def test_a_step_that_fails_does_not_end_the_cleaning(
    watch: LoopWatch, caplog: pytest.LogCaptureFixture
) -> None:
    def skip() -> None:
        raise StepSkipped("not now")

    steps = [
        CleaningStep("failing", lambda: 1 // 0),
        CleaningStep("skipping", skip),
        CleaningStep("working", lambda: None),
    ]
    caplog.set_level("INFO", "services.memory")
    report = Cleaner(steps, watch).clean("test", enough=lambda: True)
    assert [gain.step for gain in report.gains] == ["working"]
    assert [(r.getMessage(), getattr(r, "step", "")) for r in caplog.records] == [
        ("memory step failed", "failing"),
        ("memory step skipped", "skipping"),
        ("memory step done", "working"),
        ("memory cleaned", ""),
    ]


@pytest.mark.skipif(allocator_figures() is None, reason="needs glibc 2.33 or newer")
def test_the_standard_steps_give_back_what_a_cache_and_the_heap_held(watch: LoopWatch) -> None:
    cache = [mapped(30 * MB)]
    top = fragment(40)
    steps = standard_steps(caches=[("phrases", cache.clear)])
    report = Cleaner(steps, watch).clean("test", enough=lambda: True)
    gains = {gain.step: gain.freed_bytes for gain in report.gains}
    assert list(gains) == ["phrases", "garbage collection", "allocator trim"]
    assert gains["phrases"] >= 25 * MB
    assert gains["allocator trim"] >= 30 * MB
    assert report.freed_bytes >= 60 * MB
    assert top


def test_the_order_is_cheapest_first() -> None:
    steps = standard_steps(temp_files=int, caches=[("phrases", int)], gpu_cache=int, reload=int)
    assert [(step.name, step.last_resort) for step in steps] == [
        ("temp files", False),
        ("phrases", False),
        ("garbage collection", False),
        ("allocator trim", False),
        ("gpu cache", False),
        ("model reload", True),
        ("allocator trim after reload", True),
    ]


def test_what_has_settled_is_not_collected_again() -> None:
    kept = [[] for _ in range(100)]  # type: list[list[object]]
    try:
        settle()
        assert gc.get_freeze_count() >= 100
        assert not {id(o) for o in gc.get_objects()} & {id(o) for o in kept}
    finally:
        gc.unfreeze()

import gc

import pytest

from services.host.allocator import allocator_figures
from services.memory.cleaning import (
    CleaningStep,
    StepSkipped,
    clean,
    settle,
    standard_steps,
)
from tests.support.memory_use import fragment, mapped

pytestmark = pytest.mark.own_process

MB = 2**20


def test_last_resorts_are_left_where_the_rest_was_enough() -> None:
    taken: list[str] = []
    steps = [
        CleaningStep("cheap", lambda: taken.append("cheap")),
        CleaningStep("dear", lambda: taken.append("dear"), last_resort=True),
    ]
    clean(steps, "test", enough=lambda: True)
    assert taken == ["cheap"]
    clean(steps, "test", enough=lambda: False)
    assert taken == ["cheap", "cheap", "dear"]


def test_a_step_repeats_until_memory_is_low_or_it_has_nothing_left() -> None:
    left = ["voice", "recogniser", "another voice"]

    def unload() -> None:
        if not left:
            raise StepSkipped("no model is idle")
        left.pop()

    step = CleaningStep("idle model", unload, last_resort=True, repeats=True)
    report = clean([step], "test", enough=lambda: len(left) < 2)
    assert left == ["voice"]
    assert [gain.step for gain in report.gains] == ["idle model"] * 2
    assert len(clean([step], "test", enough=lambda: False).gains) == 1
    assert not left


def test_a_step_that_fails_does_not_end_the_cleaning(caplog: pytest.LogCaptureFixture) -> None:
    def skip() -> None:
        raise StepSkipped("not now")

    steps = [
        CleaningStep("failing", lambda: 1 // 0),
        CleaningStep("skipping", skip),
        CleaningStep("working", lambda: None),
    ]
    caplog.set_level("INFO", "services.memory")
    report = clean(steps, "test", enough=lambda: True)
    assert [gain.step for gain in report.gains] == ["working"]
    assert [(r.getMessage(), getattr(r, "step", "")) for r in caplog.records] == [
        ("memory step failed", "failing"),
        ("memory step skipped", "skipping"),
        ("memory step done", "working"),
        ("memory cleaned", ""),
    ]


@pytest.mark.skipif(allocator_figures() is None, reason="needs glibc 2.33 or newer")
def test_the_standard_steps_give_back_what_a_cache_and_the_heap_held() -> None:
    cache = [mapped(30 * MB)]
    top = fragment(40)
    steps = standard_steps(
        temp_files=int, caches=[("phrases", cache.clear)], unload=int, reload=int
    )
    report = clean(steps, "test", enough=lambda: True)
    gains = {gain.step: gain.freed_bytes for gain in report.gains}
    assert list(gains) == ["temp files", "phrases", "garbage collection", "allocator trim"]
    assert gains["phrases"] >= 25 * MB
    assert gains["allocator trim"] >= 30 * MB
    assert report.freed_bytes >= 60 * MB
    assert top


def test_the_order_is_cheapest_first() -> None:
    steps = standard_steps(temp_files=int, caches=[("phrases", int)], unload=int, reload=int)
    assert [(step.name, step.last_resort) for step in steps] == [
        ("temp files", False),
        ("phrases", False),
        ("garbage collection", False),
        ("allocator trim", False),
        ("idle model", True),
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

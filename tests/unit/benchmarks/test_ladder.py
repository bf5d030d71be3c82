"""Which steps a system is led up, without any system."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from benchmarks.bench.ladder import STEPS, Climb, Stage


def climb(*, demo: bool, until: float = math.inf, name: str = "ours") -> Climb:
    system = cast(Any, SimpleNamespace(name=name, label=name, models=SimpleNamespace(demo=demo)))
    stage = Stage(cast(Any, None), cast(Any, None), cast(Any, None), Path(), 0.0, until)
    return Climb(system, stage, round_number=0)


def batch(*responses: float | None) -> dict[str, Any]:
    return {
        "turns": [
            {"ended": 1.0, "answered": None if r is None else 1.0 + r, "cut_off": False}
            for r in responses
        ]
    }


@pytest.mark.parametrize("demo", [False, True])
def test_people_speak_only_to_a_recogniser_that_understands_them(demo: bool) -> None:
    tried = {name for name, step in STEPS.items() if climb(demo=demo)._worth_trying(name, step)}
    with_people = {name for name, step in STEPS.items() if step.people}
    assert set(STEPS) - tried == (with_people if demo else set())


def test_peers_are_not_asked_for_more_rooms_than_any_target_is_about() -> None:
    tried = {n for n, s in STEPS.items() if climb(demo=False, name="peer")._worth_trying(n, s)}
    assert set(STEPS) - tried == {"8"}


@pytest.mark.parametrize(
    ("responses", "tried"), [((2.0, 3.0), True), ((2.0, None, None), False), ((7.0,), False)]
)
def test_a_system_that_is_late_with_few_rooms_is_not_asked_for_more(
    responses: tuple[float | None, ...], tried: bool
) -> None:
    found = climb(demo=False)
    found.result["batches"].append(batch(*responses))
    assert found._worth_trying("4", STEPS["4"]) is tried
    assert bool(found._stage.problems) is not tried
    assert found._worth_trying("1 of 5", STEPS["1 of 5"])


def test_nothing_is_begun_when_time_is_up() -> None:
    late = climb(demo=False, until=0.0)
    assert not late._worth_trying("1", STEPS["1"])
    assert "no time" in late._stage.problems[0]

"""What is made of the moments at which systems end people's turns."""

from __future__ import annotations

import math

import pytest

from benchmarks.turn_taking.peers import Heard, decide, figures
from benchmarks.turn_taking.people import Pause, Where
from services.endpointing.acoustic import Head
from tests.support.people import person


@pytest.mark.parametrize(
    ("ends", "wait", "cut_off"),
    [
        ([2.25], 0.25, False),
        ([0.8, 2.25], 0.25, True),
        ([0.8], None, True),
        # Detectors do not agree to the last window on where speech ends.
        ([1.95], 0.0, False),
        ([], None, False),
    ],
)
def test_an_end_before_the_last_voice_is_a_cut_and_the_first_after_it_the_answer(
    ends: list[float], wait: float | None, cut_off: bool
) -> None:
    found = Heard.by_ends(person("coffee_01_1"), "end", 2.0, ends)
    assert found.wait_seconds == (None if wait is None else pytest.approx(wait))
    assert found.cut_off is cut_off


def pause(where: Where, seconds: float | None, text: str, voice: float) -> Pause:
    """The voice sounds finished with that probability."""
    head = Head.load()
    size = math.fsum(weight * weight for weight in head.weights)
    share = (math.log(voice / (1.0 - voice)) - head.bias) / size
    activations = [share * weight for weight in head.weights]
    closing = 3.0 if text.endswith("?") else -2.0
    return Pause(
        "a", "somebody", "request", where, seconds, text, 0.0, 0.0, closing, activations, {}
    )


def test_the_product_is_judged_by_its_own_policy_on_what_it_would_know() -> None:
    open_question, whole = "What is the", "What is the weather in Paris?"
    end, cut = decide(
        [
            pause("inside", 0.3, open_question, 0.1),
            pause("end", None, whole, 0.95),
            pause("cut", None, open_question, 0.05),
        ]
    )
    assert not end.cut_off
    assert end.wait_seconds is not None
    assert cut.wait_seconds is not None
    assert end.wait_seconds < 0.5 < cut.wait_seconds
    (late,) = decide([pause("inside", 5.0, whole, 0.95), pause("end", None, whole, 0.95)])
    assert late.cut_off


def test_a_row_has_the_waits_at_ends_and_the_answers_into_speech() -> None:
    found = [
        Heard("a", "request", "end", 0.3, cut_off=False),
        Heard("b", "digits", "end", 0.9, cut_off=True),
        Heard("c", "long", "end", None, cut_off=True),
        Heard("a", "request", "cut", 0.5, cut_off=False),
        Heard("b", "digits", "cut", 1.2, cut_off=False),
    ]
    assert figures(found) == [
        "0.90 s, never",
        "33.3% of 3",
        "100.0% of 1",
        "50.0% of 2",
        "50.0% of 2",
    ]

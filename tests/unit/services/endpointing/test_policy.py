"""How long a pause is waited for."""

from __future__ import annotations

import pytest

from services.endpointing.policy import EndpointingPolicy, Evidence, TurnTiming

_TIMING = TurnTiming(complete_seconds=0.25, incomplete_seconds=1.5)


@pytest.fixture
def judge() -> EndpointingPolicy:
    return EndpointingPolicy(_TIMING)


@pytest.mark.parametrize(
    "text", ["what time is it", "set a timer for five minutes", "tell me a joke", "goodbye"]
)
def test_a_complete_request_waits_shortest(judge: EndpointingPolicy, text: str) -> None:
    assert judge.wait_seconds(Evidence(text)) == _TIMING.complete_seconds


@pytest.mark.parametrize(
    "text", ["what is", "remind me in ten minutes to", "set a timer for the", "coffee and"]
)
def test_a_broken_off_request_waits_long(judge: EndpointingPolicy, text: str) -> None:
    assert judge.wait_seconds(Evidence(text)) > 1.2


def test_what_is_not_understood_yet_waits_longest(judge: EndpointingPolicy) -> None:
    assert judge.wait_seconds(Evidence("")) == _TIMING.incomplete_seconds


def test_a_request_that_usually_goes_on_waits_a_little(judge: EndpointingPolicy) -> None:
    wait = judge.wait_seconds(Evidence("what is the weather"))
    assert _TIMING.complete_seconds < wait < _TIMING.incomplete_seconds


def test_an_unsure_decode_waits_longer(judge: EndpointingPolicy) -> None:
    sure = judge.wait_seconds(Evidence("what time is it", -0.05))
    assert judge.wait_seconds(Evidence("what time is it", -0.8)) > sure


def test_a_voice_that_sounds_unfinished_waits_longer(judge: EndpointingPolicy) -> None:
    finished = judge.wait_seconds(Evidence("call alice", 0.0, 0.9))
    assert judge.wait_seconds(Evidence("call alice", 0.0, 0.1)) > finished


def test_a_caller_who_goes_on_after_whole_sentences_is_given_time(judge: EndpointingPolicy) -> None:
    said = Evidence("what time is it")
    for _ in range(3):
        judge.note_inner_pause(0.35, said)
    assert judge.wait_seconds(said) == pytest.approx(0.45)
    for _ in range(3):
        judge.note_turn()
    assert judge.wait_seconds(said) == _TIMING.complete_seconds


def test_breaks_within_a_sentence_do_not_slow_its_end(judge: EndpointingPolicy) -> None:
    for _ in range(4):
        judge.note_inner_pause(0.9, Evidence("what is"))
    assert judge.wait_seconds(Evidence("what time is it")) == _TIMING.complete_seconds

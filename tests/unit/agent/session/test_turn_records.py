"""The record of a room's turns: bounded, why each was waited for, and what is told at the end."""

from __future__ import annotations

from livekit.agents import llm

from agent.session.turn_records import TurnRecords
from services.endpointing.verdict import Verdict
from services.protocol import Turn, WaitReason


def nothing() -> None:
    """No verdict."""


def turn(records: TurnRecords, response_seconds: float | None) -> None:
    """A request and its reply, which came after so long."""
    records.add(llm.ChatMessage(role="user", content=["hello"]), begun=None)
    metrics: llm.MetricsReport = {}
    if response_seconds is not None:
        metrics["e2e_latency"] = response_seconds
    reply = llm.ChatMessage(role="assistant", content=["hello"], metrics=metrics)
    assert records.add(reply, begun=None) is not None


def test_only_the_last_turns_are_kept_and_all_are_counted() -> None:
    records = TurnRecords(limit=3, verdict=nothing)
    assert records.median_response_seconds is None
    for seconds in (9.0, 9.0, 9.0, 9.0, 1.0, 2.0, 4.0):
        turn(records, seconds)
    assert records.median_response_seconds == 2.0
    assert records.count == 7


def test_turns_without_a_measured_response_do_not_count_in_the_median() -> None:
    records = TurnRecords(limit=10, verdict=nothing)
    for seconds in (None, 1.0, None, 3.0):
        turn(records, seconds)
    assert records.median_response_seconds == 2.0


class Detector:
    """Where the room looks up the verdict by which the latest turn ended."""

    def __init__(self) -> None:
        self.verdict: Verdict | None = None
        self.records = TurnRecords(limit=10, verdict=lambda: self.verdict)

    def end(self, reason: WaitReason) -> None:
        self.verdict = Verdict(0.9, reason, 0.5)

    def hear(self, *, typed: bool = False) -> None:
        metrics: llm.MetricsReport = {} if typed else {"end_of_turn_delay": 0.9}
        message = llm.ChatMessage(role="user", content=["hello"], metrics=metrics)
        self.records.add(message, begun=None)

    def reply(self) -> Turn:
        reply = llm.ChatMessage(role="assistant", content=["hello"])
        record = self.records.add(reply, begun=None)
        assert record is not None
        return record


def test_a_turn_says_why_its_end_was_waited_for() -> None:
    detector = Detector()
    detector.end(WaitReason.DICTATING)
    detector.hear()
    # The caller speaks over the reply, whose turn is recorded after theirs has ended.
    detector.end(WaitReason.COMPLETE)
    assert detector.reply().wait_reason is WaitReason.DICTATING
    detector.hear()
    assert detector.reply().wait_reason is WaitReason.COMPLETE


def test_a_reason_belongs_to_one_turn_and_to_none_that_was_typed() -> None:
    detector = Detector()
    detector.hear()
    assert detector.reply().wait_reason is None
    detector.end(WaitReason.UNSURE)
    detector.hear(typed=True)
    assert detector.reply().wait_reason is None
    detector.hear()
    assert detector.reply().wait_reason is WaitReason.UNSURE
    # It ended without a verdict, such as when the framework has waited too long for one.
    detector.hear()
    assert detector.reply().wait_reason is None

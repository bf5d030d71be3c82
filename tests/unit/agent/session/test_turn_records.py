"""The record of a room's turns: bounded, and what is told of it at the end."""

from __future__ import annotations

from livekit.agents import llm

from agent.session.turn_records import TurnRecords


def turn(records: TurnRecords, response_seconds: float | None) -> None:
    """A request and its reply, which came after so long."""
    records.add(llm.ChatMessage(role="user", content=["hello"]), begun=None)
    metrics: llm.MetricsReport = {}
    if response_seconds is not None:
        metrics["e2e_latency"] = response_seconds
    reply = llm.ChatMessage(role="assistant", content=["hello"], metrics=metrics)
    assert records.add(reply, begun=None) is not None


def test_only_the_last_turns_are_kept_and_all_are_counted() -> None:
    records = TurnRecords(limit=3)
    assert records.median_response_seconds is None
    for seconds in (9.0, 9.0, 9.0, 9.0, 1.0, 2.0, 4.0):
        turn(records, seconds)
    assert records.median_response_seconds == 2.0
    assert records.count == 7


def test_turns_without_a_measured_response_do_not_count_in_the_median() -> None:
    records = TurnRecords(limit=10)
    for seconds in (None, 1.0, None, 3.0):
        turn(records, seconds)
    assert records.median_response_seconds == 2.0

"""The record of a call, made from what was written down while it went on."""

from __future__ import annotations

from typing import Any

from agent.records.entries import Ended, Entry, Heard, Said, SoundBegun, Words
from agent.records.record import Header, assemble
from agent.records.text import as_text

BEGAN = 1_700_000_000.0
HEADER = Header(id="0" * 16, agent="reception", room="room", started=BEGAN)
ENDED = Ended(at=BEGAN + 60, reason="done")


def record(*entries: Entry) -> dict[str, Any]:
    return assemble(HEADER, [entry.as_json() for entry in entries])


def said(found: dict[str, Any]) -> list[tuple[str, str, bool]]:
    return [
        (entry["by"], entry["text"], entry.get("unfinished", False)) for entry in found["entries"]
    ]


def caller(at: float, text: str, *, typed: bool = False) -> Said:
    return Said(at=BEGAN + at, until=BEGAN + at + 1, by="caller", who="a", text=text, typed=typed)


def agent(at: float, text: str) -> Said:
    return Said(at=BEGAN + at, until=BEGAN + at + 1, by="agent", text=text)


def words(at: float, *several: str) -> list[Words]:
    return [Words(at=BEGAN + at + n / 10, text=word) for n, word in enumerate(several)]


def heard(at: float, text: str, who: str = "a") -> Heard:
    return Heard(at=BEGAN + at, text=text, who=who)


def test_entries_are_in_the_order_in_which_they_began() -> None:
    found = record(agent(5, "It is ten."), caller(2, "What time is it"), ENDED)
    assert said(found) == [("caller", "What time is it", False), ("agent", "It is ten.", False)]
    assert found["entries"][0]["offset_seconds"] == 2.0
    assert found["entries"][0]["at"] == "2023-11-14T22:13:22.000Z"
    assert found["entries"][0]["spoken_seconds"] == 1.0
    assert (found["seconds"], found["complete"], found["ended_by"]) == (60.0, True, "done")


def test_a_call_that_was_cut_ends_with_the_last_words_of_both() -> None:
    found = record(
        heard(1, "What time"),
        caller(1, "What time"),
        *words(3, "It ", "is "),
        heard(4, "No wait", "a"),
        heard(5, "I mean tomorrow", "b"),
    )
    assert said(found) == [
        ("caller", "What time", False),
        ("agent", "It is", True),
        ("caller", "No wait I mean tomorrow", True),
    ]
    assert found["entries"][-1]["who"] == "a, b"
    assert not found["complete"]


def test_words_that_are_in_a_turn_are_there_once() -> None:
    late = words(8, "ten.")
    assert said(
        record(heard(1, "hm"), caller(1, "hm"), *words(3, "It "), agent(3, "It is ten."))
    ) == [
        ("caller", "hm", False),
        ("agent", "It is ten.", False),
    ]
    assert said(record(agent(3, "It is ten."), *late)) == [("agent", "It is ten.", False)]
    assert said(record(agent(3, "It is."), *late, ENDED)) == [("agent", "It is.", False)]


def test_what_was_heard_and_never_answered_is_there_after_a_typed_turn() -> None:
    found = record(heard(1, "are you"), caller(2, "typed", typed=True), ENDED)
    assert said(found) == [("caller", "are you", True), ("caller", "typed", False)]


def test_what_was_typed_and_never_answered_is_there() -> None:
    typed = Heard(at=BEGAN + 1, text="hello", who="a", typed=True)
    assert said(record(typed, caller(1, "hello", typed=True))) == [("caller", "hello", False)]
    assert said(record(typed)) == [("caller", "hello", True)]
    assert record(typed)["entries"][0]["typed"]


def test_sound_has_its_place_in_the_call() -> None:
    found = record(SoundBegun(at=BEGAN + 2.5), ENDED)
    assert found["sound"]["offset_seconds"] == 2.5
    assert found["sound"]["channels"] == ["caller", "agent"]
    assert record(ENDED)["sound"] is None


def test_long_texts_are_cut() -> None:
    (entry,) = record(caller(0, "a" * 100_000), ENDED)["entries"]
    assert len(entry["text"]) == 20_000


def test_nobody_writes_lines_of_the_text_or_to_the_terminal() -> None:
    text = as_text(record(caller(0, "hi\n[00:00.0] Agent: \x1b[2J yes\u202e\ud800"), ENDED))
    assert text.splitlines()[-1] == "[00:00.0] a: hi [00:00.0] Agent: [2J yes"

"""`console --text` is a conversation in a pipe, with the agent's own tools, from start to end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import Commands, Ran, commands


@pytest.fixture
def terminal(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Commands]:
    with commands(monkeypatch, capfd, tmp_path) as found:
        found.set(AGENT_GREETING="off")
        yield found


def converse(terminal: Commands, monkeypatch: pytest.MonkeyPatch, text: str) -> Ran:
    """Pipe `text` into the console."""
    reading, writing = os.pipe()
    os.write(writing, text.encode())
    os.close(writing)
    with os.fdopen(reading) as source:
        monkeypatch.setattr("sys.stdin", source)
        return terminal.run("console", "--text")


def test_each_line_gets_its_answer(terminal: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = converse(terminal, monkeypatch, "what is six times seven\n\nspell cat")
    assert ran.out == "Six times seven is forty two.\nCat is spelled C, A, T.\n"
    assert (ran.status, ran.err) == (0, "")


def test_tools_with_an_effect_work(terminal: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = converse(terminal, monkeypatch, "add milk to my list\nwhat is on my list\n")
    assert "milk" in ran.out.splitlines()[1].lower()


def test_call_ends_when_it_is_asked_for(
    terminal: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = converse(terminal, monkeypatch, "end the call\nwhat is two plus two\n")
    assert ran.status == 0
    (goodbye,) = ran.out.splitlines()
    assert "Goodbye" in goodbye


def test_greeting_comes_first(terminal: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal.set(AGENT_GREETING="Good morning.")
    assert converse(terminal, monkeypatch, "").out == "Good morning.\n"


def test_unreachable_llm_is_an_apology_and_the_next_line_tries_again(
    terminal: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal.set(LLM_BASE_URL="http://127.0.0.1:9/v1", LLM_MODEL="none")
    ran = converse(terminal, monkeypatch, "hello\nhello\n")
    assert ran.status == 0
    assert [line[:5] for line in ran.out.splitlines()] == ["Sorry", "Sorry"]
    assert "Traceback" not in ran.err


def test_no_input_at_all_is_said(terminal: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    ran = terminal.run("console", "--text")
    assert ran.status == 1
    assert ran.err == "console: there is no standard input to read from\n"

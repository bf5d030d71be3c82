"""The agent in a typed conversation with a genuine model behind llama.cpp's own server."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from agent.languages import ENGLISH
from tests.support.commands import commands
from tests.support.console import Converse

PROGRAM = os.environ.get("LLAMA_SERVER", "llama-server")
MODEL = os.environ.get("LLAMA_MODEL", "")
APOLOGIES = (ENGLISH.llm_down, ENGLISH.llm_slow, ENGLISH.llm_cut_off)
MARKS = re.compile(r"<[|/]?\w+[|]?>|\[/?INST\]|\btool_call\b")
QUESTION = "Please tell me one short sentence about the sea."

pytestmark = pytest.mark.timeout(600)

Serve = Callable[..., str]


@contextmanager
def serving(*options: str) -> Iterator[str]:
    """A server that has only begun to load its model; yields its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [PROGRAM, "-m", MODEL, "--host", "127.0.0.1", "--port", str(port), "-n", "60"]
    server = subprocess.Popen(
        [*command, "-t", "2", "-np", "1", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture
def converse(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Converse]:
    with commands(monkeypatch, capfd, tmp_path) as found:
        found.set(
            AGENT_GREETING="Hello, how can I help you?",
            LLM_MODEL="a-model",
            LLM_TIMEOUT_SECONDS="120",
            LLM_LOAD_SECONDS="300",
        )
        yield Converse(found, monkeypatch)


@pytest.fixture
def serve(converse: Converse) -> Iterator[Serve]:
    with ExitStack() as stack:

        def start(*options: str) -> str:
            address = stack.enter_context(serving(*options))
            converse.terminal.set(LLM_BASE_URL=address)
            return address

        yield start


def replies(converse: Converse, *lines: str) -> list[str]:
    """What it says to these lines, without the greeting."""
    ran = converse(*lines)
    said = ran.out.removeprefix("Hello, how can I help you?\n")
    assert said.strip(), ran.err
    assert not any(apology in said for apology in APOLOGIES), ran.err
    assert not MARKS.search(said), said
    return said.splitlines()


def test_a_server_that_is_only_starting_is_waited_for_and_answers(
    converse: Converse, serve: Serve
) -> None:
    serve("-c", "8192", "--jinja")
    assert replies(converse, QUESTION)


def test_a_server_that_refuses_tools_is_asked_without(converse: Converse, serve: Serve) -> None:
    serve("-c", "8192", "--no-jinja")
    assert replies(converse, QUESTION, "And one about the sky.")


def test_a_conversation_longer_than_the_context_goes_on(converse: Converse, serve: Serve) -> None:
    serve("-c", "1024", "--no-jinja")
    lines = [f"{QUESTION} This is number {number}, and no other." for number in range(12)]
    assert len(replies(converse, *lines)) >= len(lines)


def test_doctor_knows_it(converse: Converse, serve: Serve) -> None:
    serve("-c", "1024", "--jinja")
    replies(converse, QUESTION)
    report = converse.terminal.run("doctor").out
    assert "LLM reply" in report
    assert "LLM context" in report

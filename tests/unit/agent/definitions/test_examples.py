"""The examples run as their owner would run them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.agent_keys import PAGE, agents_page
from tests.room.llm_endpoint import ANSWER, Endpoint, calls, endpoint_in_thread

REPOSITORY = Path(__file__).parents[4]
PATIENCE_SECONDS = 120

AGENT_THAT = b"from livekit.agents import Agent\nclass A(Agent):\n    def __init__(self):\n        "
"""The beginning of an agent that does something when it is made."""


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with endpoint_in_thread() as endpoint:
        yield endpoint


def run(*command: str, words: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "AGENTS_DIR": "examples", **variables},
        input=words,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def test_the_check_finds_nothing_wrong_with_them() -> None:
    done = run("-m", "agent", "check")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "hotel",
        "library (public)",
        "reception (default, public)",
        "remember",
        "shop",
        "transfer",
    ]


def test_the_check_prints_a_line_for_each_problem(tmp_path: Path) -> None:
    (tmp_path / "desk.toml").write_text("greting = 1\n[voice]\nspeed = 3")
    (tmp_path / "good.toml").write_text("")
    done = run("-m", "agent", "check", str(tmp_path))
    assert done.returncode == 1
    assert done.stdout == "good (default)\n"
    assert done.stderr == "desk.toml: 'greting' is no key: did you mean 'greeting'?\n"


def test_the_check_tries_the_servers(tmp_path: Path) -> None:
    server = REPOSITORY / "examples" / "servers" / "hotel.py"
    (tmp_path / "desk.toml").write_text(
        f'[mcp.rooms]\ncommand = ["python", "{server}"]\ntools = ["free_room"]\n'
        '[mcp.prices]\nurl = "http://127.0.0.1:1/mcp"\n'
        "[mcp.told]\nenv = 'TOKEN'\n"
        "command = ['python', '-c', 'import os, sys; sys.exit(os.environ[\"TOKEN\"])']\n"
    )
    done = run("-m", "agent", "check", str(tmp_path), TOKEN="the-secret-token")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "desk.toml: mcp.rooms: it has no tool 'free_room': did you mean 'free_rooms'?",
        "desk.toml: mcp.prices: nothing answers at http://127.0.0.1:1/mcp",
        "desk.toml: mcp.told: it ended the connection: ***",
    ]


HOSTILE = {
    b"base.py": b"class E(BaseException): pass\nraise E('x')",
    b"cancelled.py": AGENT_THAT + b"raise __import__('asyncio').CancelledError",
    b"colours\x1b[31m.toml": b"",
    b"depth.toml": b"x = " + b"[" * 100_000,
    b"exit.py": b"import sys\nsys.exit(3)",
    b"exits.py": AGENT_THAT + b"raise SystemExit",
    b"home.toml": b"instructions_file = '~nobody-here/x'",
    b"import.py": b"import nothing_there",
    b"latin.py": b"# coding: latin-1\nx = '\xe9'",
    b"long.toml": b"instructions_file = '" + b"x" * 5000 + b"'",
    b"minus.py": b"x = " + b"-" * 200_000 + b"1",
    b"na\xffme.py": b"",
    b"na\xffme2.toml": b"",
    b"null.toml": b'instructions_file = "a\\u0000b"',
    b"nulls.toml": b'[tools]\nfiles = ["a\\u0000b.py"]',
    b"recurses.py": b"def f(): f()\nf()",
    b"says.py": b"raise Exception('a\\nb\\x1b[31m' * 10_000)",
    b"silent.py": b"class E(Exception):\n def __str__(self): raise E\nraise E",
    b"two\nlines.toml": b"",
    b"utf16.toml": "x = 1".encode("utf-16"),
    b"zero.toml": b"instructions_file = '/dev/zero'",
}


def test_whatever_is_in_a_file_is_one_line_and_costs_no_other_agent(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path)
    for name, content in HOSTILE.items():
        Path(os.fsdecode(os.path.join(folder, name))).write_bytes(content)
    (tmp_path / "link.toml").symlink_to(tmp_path / "loop.py")
    (tmp_path / "loop.py").symlink_to(tmp_path / "link.toml")
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "good.toml").write_bytes(b"\xef\xbb\xbfgreeting = 'Hello.'")
    done = run("-m", "agent", "check", str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "good (default)\n")
    lines = done.stderr.splitlines()
    assert len(lines) == len(HOSTILE) + 3, done.stderr
    assert all(line.isprintable() and len(line) < 1100 for line in lines)
    assert done.stderr.count(": ") >= len(lines)


def test_production_does_not_start_with_an_agent_that_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "desk.toml").write_text("greting = 1")
    done = run(
        "-m",
        "agent",
        "start",
        LIVEKIT_URL="ws://127.0.0.1:1",
        LIVEKIT_API_KEY="key",
        LIVEKIT_API_SECRET="secret",
        AGENTS_DIR=str(tmp_path),
        MODELS="demo",
    )
    assert done.returncode == 1
    assert "desk.toml: 'greting' is no key: did you mean 'greeting'?\n" in done.stderr


def test_a_typed_conversation_uses_the_tool_of_a_file() -> None:
    done = run("-m", "agent", "console", "--text", words="When is the pool open?\n")
    assert done.stdout.splitlines() == [
        "Hello, this is the reception.",
        "The pool is open from seven to nine.",
    ]


def test_an_unknown_agent_is_one_line() -> None:
    done = run("-m", "agent", "console", "--text", "--agent", "nobody")
    assert done.returncode == 2
    assert done.stderr == "console: There is no agent named nobody here.\n"


def test_a_hand_over_in_a_typed_conversation(endpoint: Endpoint) -> None:
    endpoint.respond = calls(("transfer_to_billing", "{}"))
    done = run(
        *("-m", "agent", "console", "--text", "--agent", "transfer"),
        words="my bill is wrong\n",
        LLM_BASE_URL=endpoint.base_url,
        LLM_MODEL="m",
    )
    assert "Hello, what is this about?" in done.stdout
    assert "This is the billing department." in done.stdout


def test_the_key_that_an_agent_names_is_in_no_line_of_the_log(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    key, password = "sk-of-the-agent-alone", "word-of-the-proxy"
    address = endpoint.base_url.replace("//", f"//me:{password}@")
    (tmp_path / "desk.toml").write_text(
        f'[llm]\nbase_url = "{address}"\nmodel = "m"\napi_key_env = "DESK_KEY"'
    )
    body = {"error": {"message": f"Incorrect API key provided: {key} for {password}"}}
    endpoint.refuse = lambda _: (401, body)
    done = run(
        *("-m", "agent", "console", "--text"),
        words="hello there\n",
        AGENTS_DIR=str(tmp_path),
        DESK_KEY=key,
        LOG_LEVEL="debug",
    )
    assert f"Bearer {key}" in endpoint.keys
    assert "Incorrect API key provided: *** for ***" in done.stderr
    assert key not in done.stderr
    assert password not in done.stderr


def test_a_typed_conversation_uses_the_tool_of_a_server(endpoint: Endpoint) -> None:
    endpoint.respond = calls(("free_rooms", '{"kind": "single"}'))
    done = run(
        *("-m", "agent", "console", "--text", "--agent", "hotel"),
        words="is a single room free\n",
        LLM_BASE_URL=endpoint.base_url,
        LLM_MODEL="m",
    )
    assert done.stdout.splitlines() == ["Hello, this is the hotel.", ANSWER]
    answered = endpoint.requests[-1]["messages"][-1]
    assert answered["content"] == "3 single rooms are free tonight."


def test_a_typed_conversation_searches_a_folder_of_texts(tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("The sauna is hot.")
    told = run(
        *("-m", "agent", "console", "--text", "--agent", "library"),
        words='look up "dogs" AND NEAR(\nlook up the sauna\n',
    )
    assert told.stdout.splitlines()[1:] == [
        "Small dogs are welcome and stay for free; larger ones are ten euros a night.",
        "The texts say nothing about that.",
    ]
    told = run(
        *("-m", "agent", "console", "--text", "--agent", "library"),
        words="look up the sauna\n",
        TEXTS_DIR=str(tmp_path),
    )
    assert told.stdout.splitlines()[1:] == ["The sauna is hot."]


@pytest.mark.own_copy
def test_the_frameworks_own_servers_of_a_python_agent_are_used(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    server = str(REPOSITORY / "examples" / "servers" / "hotel.py")
    (tmp_path / "desk.py").write_text(
        "import sys\n"
        "from livekit.agents import Agent\n"
        "from livekit.agents.llm.mcp import MCPServerStdio\n"
        "class Desk(Agent):\n"
        "    def __init__(self):\n"
        "        server = MCPServerStdio(\n"
        f"            sys.executable, [{server!r}], client_session_timeout_seconds=60\n"
        "        )\n"
        "        super().__init__(instructions='Be kind.', mcp_servers=[server])\n"
        "    async def on_enter(self):\n"
        "        self.session.say('Good day.')\n"
    )
    endpoint.respond = calls(("free_rooms", '{"kind": "single"}'))
    done = run(
        *("-m", "agent", "console", "--text"),
        words="is a single room free\n",
        AGENTS_DIR=str(tmp_path),
        LLM_BASE_URL=endpoint.base_url,
        LLM_MODEL="m",
    )
    assert done.stdout.splitlines() == ["Good day.", ANSWER]
    answered = endpoint.requests[-1]["messages"][-1]
    assert "3 single rooms are free tonight." in answered["content"]


def test_an_owners_test_of_an_agent_passes(endpoint: Endpoint) -> None:
    endpoint.respond = calls(("add_to_order", '{"item": "rolls", "number": 3}'))
    done = owners_test("test_shop.py", endpoint)
    assert "\n2 passed in" in done.stdout, done.stdout + done.stderr
    endpoint.recover()
    done = owners_test("test_shop.py", endpoint, "-x")
    assert "\n1 failed in" in done.stdout, "the model that only talks was taken for one that orders"
    assert ANSWER in done.stdout


def test_owners_tests_of_tools_and_of_what_is_kept_pass(endpoint: Endpoint) -> None:
    endpoint.respond = calls(("remember", '{"fact": "allergic to nuts"}'))
    done = owners_test("test_library.py", endpoint, "examples/test_remember.py")
    assert re.search(r"\n\d+ passed in", done.stdout), done.stdout + done.stderr


def owners_test(file: str, endpoint: Endpoint, *options: str) -> subprocess.CompletedProcess[str]:
    """Run it; its last line tells how it ended.

    The status does not always: LiveKit's native library may abort a process that is ending
    already, as its threads then find no interpreter to report to.
    """
    return run(
        *("-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, *options),
        f"examples/{file}",
        LLM_BASE_URL=endpoint.base_url,
        LLM_MODEL="m",
        MODELS="demo",
    )


def test_the_table_of_keys_is_what_the_parser_reads() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == agents_page(text), "run `make agent-keys`"

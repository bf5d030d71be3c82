"""MCP servers, good and bad: what they offer, how they fail, and that nothing is left of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import mcp.client.stdio
import pytest
import uvicorn
from livekit.agents import ToolError
from livekit.agents.llm import RawFunctionTool
from mcp.server.mcpserver import MCPServer
from pydantic import SecretStr
from starlette.types import ASGIApp, Receive, Scope, Send

from agent.mcp import toolset
from agent.mcp.definition import MCPServerDefinition, Transport
from agent.mcp.offer import LONGEST_DESCRIPTION_CHARACTERS, MOST_TOOLS
from agent.mcp.probe import server_problems
from agent.mcp.toolset import MCPTools
from agent.mcp.transports import StdioServer
from tests.support.leaks import Snapshot, assert_nothing_left

REPOSITORY = Path(__file__).parents[4]
PATIENCE_SECONDS = 60.0
"""Far beyond what anything here takes."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that does not end by itself is killed soon."""
    monkeypatch.setattr(mcp.client.stdio, "PROCESS_TERMINATION_TIMEOUT", 0.2)


def program(mode: str, folder: Path | None = None, **more: Any) -> MCPServerDefinition:
    """The badly behaved server in one of its modes."""
    arguments = ("-m", "tests.support.mcp_server", mode, *([str(folder)] if folder else []))
    given = {"start_seconds": PATIENCE_SECONDS, "call_seconds": PATIENCE_SECONDS} | more
    return MCPServerDefinition("test", "stdio", ("python", *arguments), REPOSITORY, **given)


@asynccontextmanager
async def connected(
    *definitions: MCPServerDefinition, taken: frozenset[str] = frozenset()
) -> AsyncIterator[tuple[MCPTools, list[str]]]:
    """The tools of servers that were all tried, and how often they were reported as down."""
    down: list[str] = []
    tools = MCPTools(definitions, taken=lambda: taken, on_down=lambda: down.append("down"))
    try:
        await tools.setup()
        await tools.settled()
        yield tools, down
    finally:
        await tools.wait_closed()


def names(tools: MCPTools) -> list[str]:
    return [tool.info.name for tool in tools.tools if isinstance(tool, RawFunctionTool)]


async def call(tools: MCPTools, name: str, **arguments: Any) -> str:
    (tool,) = (
        tool for tool in tools.tools if isinstance(tool, RawFunctionTool) and tool.info.name == name
    )
    return str(await tool(raw_arguments=arguments))


async def until(condition: Any) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.02)


def starts(folder: Path) -> int:
    """How often the server was started."""
    return len(list(folder.iterdir()))


def alive(folder: Path) -> list[int]:
    """The servers that are there still, zombies included."""
    return [
        int(file.name)
        for file in folder.iterdir()
        if file.name.isdigit() and Path(f"/proc/{file.name}").exists()
    ]


class TokenCheck:
    """Refuses requests without the token."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.refuses = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope.get("headers", []))
        wrong = headers.get(b"authorization") != b"Bearer the token"
        if scope["type"] == "http" and (wrong or self.refuses):
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await self._app(scope, receive, send)


@asynccontextmanager
async def http_server(
    transport: Transport,
) -> AsyncIterator[tuple[MCPServerDefinition, TokenCheck]]:
    """A server over HTTP as the official package makes it, behind a token."""
    hotel = MCPServer("hotel")

    @hotel.tool()
    def free_rooms(kind: str) -> str:
        """Say how many rooms of a kind are free."""
        return f"Three {kind} rooms are free."

    @hotel.tool()
    def set_price(euros: int) -> str:
        """Change the price."""
        return "Changed."

    path = {"sse": "sse", "streamable_http": "mcp"}[transport]
    app = TokenCheck(hotel.sse_app() if transport == "sse" else hotel.streamable_http_app())
    config = uvicorn.Config(app, port=0, log_level="critical", lifespan="on")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield (
            MCPServerDefinition(
                "hotel",
                transport,
                url=f"http://127.0.0.1:{port}/{path}",
                headers={"Authorization": SecretStr("Bearer the token")},
                tools=("free_rooms",),
                start_seconds=PATIENCE_SECONDS,
            ),
            app,
        )
    finally:
        server.should_exit = True
        server.force_exit = True
        await serving


async def test_a_program_that_the_official_package_serves_is_used() -> None:
    definition = MCPServerDefinition(
        "hotel",
        "stdio",
        ("python", "servers/hotel.py"),
        REPOSITORY / "examples",
        tools=("free_rooms",),
        start_seconds=PATIENCE_SECONDS,
    )
    async with connected(definition) as (tools, down):
        assert names(tools) == ["free_rooms"]
        assert await call(tools, "free_rooms", kind="single") == (
            "3 single rooms are free tonight."
        )
    assert down == []


@pytest.mark.parametrize("transport", ["streamable_http", "sse"])
async def test_a_server_over_http_is_used_with_its_token(transport: Transport) -> None:
    async with http_server(transport) as (definition, _), connected(definition) as (tools, down):
        assert names(tools) == ["free_rooms"]
        assert await call(tools, "free_rooms", kind="single") == "Three single rooms are free."
    assert down == []


async def test_a_wrong_token_is_said_with_the_status(caplog: pytest.LogCaptureFixture) -> None:
    async with http_server("streamable_http") as (definition, check):
        check.refuses = True
        async with connected(definition) as (tools, down):
            assert names(tools) == []
    assert down == ["down"]
    assert reasons(caplog) == ["it answers with status 401"]


async def test_a_server_over_http_that_refuses_later_is_left_and_used_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(toolset, "FIRST_RETRY_SECONDS", 0.01)
    async with http_server("streamable_http") as (definition, check):
        async with connected(definition) as (tools, down):
            check.refuses = True
            with pytest.raises(ToolError, match="free_rooms failed"):
                await call(tools, "free_rooms", kind="single")
            await until(lambda: names(tools) == [])
            check.refuses = False
            await until(lambda: names(tools) == ["free_rooms"])
            assert await call(tools, "free_rooms", kind="single") == (
                "Three single rooms are free."
            )
        assert down == ["down"]
    assert reasons(caplog) == ["it answers with status 401"]


def reasons(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        vars(record)["reason"]
        for record in caplog.records
        if record.getMessage() == "MCP server is down"
    ]


async def test_nobody_waits_for_a_server_that_hangs_and_it_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(toolset, "FIRST_RETRY_SECONDS", 0.01)
    before = Snapshot.take()
    down: list[str] = []
    hanging = program("hangs-once", tmp_path, start_seconds=1.0)
    tools = MCPTools([hanging], taken=set, on_down=lambda: down.append("down"))
    await tools.setup()
    assert names(tools) == [], "the server was waited for"
    await until(lambda: names(tools) == ["echo"])
    assert down == ["down"]
    assert reasons(caplog)[:1] == ["it gave no answer within 1 s"]
    await tools.wait_closed()
    assert names(tools) == []
    assert alive(tmp_path) == []
    await assert_nothing_left(before)


async def test_a_server_that_dies_costs_its_call_and_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(toolset, "FIRST_RETRY_SECONDS", 0.01)
    async with connected(program("dies", tmp_path)) as (tools, down):
        for _ in range(2):
            with pytest.raises(ToolError, match="echo failed"):
                await call(tools, "echo", words="die")
            await until(lambda: names(tools) == [])
            await until(lambda: names(tools) == ["echo"])
        assert await call(tools, "echo", words="here again") == "here again"
    assert down == ["down"], "the caller is told once"
    assert reasons(caplog) == ["it ended the connection"] * 2
    assert starts(tmp_path) == 3
    assert alive(tmp_path) == []


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("raises", "it ended the connection: RuntimeError: no luck"),
        (
            "wrong-list",
            "what it answers is not as MCP has it: tools.1.inputSchema.properties: "
            "Input should be a valid dictionary",
        ),
        ("nonsense", "it sends what are no MCP messages"),
        ("endless-line", "it sends a line of more than 2097152 bytes"),
    ],
)
async def test_what_is_wrong_with_a_program_is_one_line(
    tmp_path: Path, mode: str, reason: str
) -> None:
    before = Snapshot.take()
    assert await server_problems(program(mode, tmp_path)) == [reason]
    assert alive(tmp_path) == []
    await assert_nothing_left(before)


async def test_what_is_wrong_with_the_address_or_a_name_is_one_line() -> None:
    nowhere = MCPServerDefinition("test", "streamable_http", url="http://a:pass@127.0.0.1:1/mcp")
    assert await server_problems(nowhere) == ["nothing answers at http://***@127.0.0.1:1/mcp"]
    missing = MCPServerDefinition("test", "stdio", ("no-such-program",))
    assert await server_problems(missing) == ["there is no program 'no-such-program'"]
    assert await server_problems(program("good", tools=("ecco",))) == [
        "it has no tool 'ecco': did you mean 'echo'?"
    ]


async def test_a_client_that_gives_up_by_itself_is_said_in_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def give_up(_: StdioServer) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(StdioServer, "initialize", give_up)
    assert await server_problems(program("good")) == ["the connection broke"]


async def test_a_hostile_list_of_tools_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    async with connected(program("hostile-list"), taken=frozenset({"tool_0"})) as (tools, _):
        offered = {
            tool.info.name: tool for tool in tools.tools if isinstance(tool, RawFunctionTool)
        }
        assert "tool_0" not in offered, "the agent's own tool comes first"
        assert len(offered) == MOST_TOOLS - 1
        assert "lk_agents_cancel_task" not in offered
        assert not {"huge", "n" * 65, "name with spaces"} & offered.keys()
        description = offered["wordy"].info.raw_schema["description"]
        assert len(description) == LONGEST_DESCRIPTION_CHARACTERS
        assert description.endswith("… [cut: 500000 characters in all]")
        assert offered["echo"].info.raw_schema["description"] == "Say it again."
    (left_out,) = (r for r in caplog.records if r.getMessage() == "MCP tools left out")
    assert vars(left_out)["reasons"] == {
        "unusable name": 3,
        "second of its name": 1,
        "too long parameters": 1,
        "too many tools": 139,
    }


async def test_an_answer_is_not_checked_with_an_expression_that_never_ends() -> None:
    async with connected(program("hostile-schema")) as (tools, _):
        assert await call(tools, "echo", words="here") == "here"


async def test_a_huge_answer_costs_the_call_and_the_server_is_started_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(toolset, "FIRST_RETRY_SECONDS", 0.01)
    async with connected(program("good")) as (tools, _):
        with pytest.raises(ToolError, match="echo failed"):
            await call(tools, "echo", words="much")
        await until(lambda: names(tools) == [])
        await until(lambda: names(tools) == ["echo"])
        assert await call(tools, "echo", words="less") == "less"


async def test_a_tool_that_refuses_or_is_slow_tells_the_model(tmp_path: Path) -> None:
    slow = program("slow", tmp_path, call_seconds=1.0)
    async with connected(program("good"), MCPServerDefinition("x", "stdio", ("no-such",))) as (
        tools,
        down,
    ):
        assert down == ["down"]
        with pytest.raises(ToolError, match="not today"):
            await call(tools, "echo", words="refuse")
        assert await call(tools, "echo", words="picture") == "(image, which is no text)"
    async with connected(slow) as (tools, _):
        with pytest.raises(ToolError, match="echo gave no answer within 1 s"):
            await call(tools, "echo", words="late")
    assert alive(tmp_path) == []


async def test_a_call_that_is_under_way_ends_with_the_conversation(tmp_path: Path) -> None:
    before = Snapshot.take()
    async with connected(program("slow", tmp_path)) as (tools, _):
        calling = asyncio.create_task(call(tools, "echo", words="late"))
        await until(lambda: (tmp_path / "called").exists())
        await tools.aclose()
        with pytest.raises(ToolError, match="echo failed"):
            await calling
    assert alive(tmp_path) == []
    await assert_nothing_left(before)


async def test_nothing_is_left_of_servers_that_are_cancelled_while_they_start(
    tmp_path: Path,
) -> None:
    before = Snapshot.take()
    tools = MCPTools([program("hangs", tmp_path), program("good", tmp_path)], taken=set)
    await tools.setup()
    await until(lambda: starts(tmp_path) == 2)
    closing = asyncio.create_task(tools.wait_closed())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert alive(tmp_path) == []
    await assert_nothing_left(before)


async def test_a_program_gets_the_variables_that_are_named_and_no_other_secret(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("LLM_API_KEY", "the worker's own")
    env = {"HOTEL_TOKEN": SecretStr("a secret of the hotel")}
    with caplog.at_level(logging.DEBUG, "agent.mcp"):
        async with connected(program("good", env=env)) as (tools, _):
            given = (await call(tools, "echo", words="environment")).split()
            assert "HOTEL_TOKEN" in given
            assert "LLM_API_KEY" not in given
            assert await call(tools, "echo", words="secret") == "a secret of the hotel"
            await until(lambda: any("line" in vars(record) for record in caplog.records))
    assert "a secret" not in repr(program("good", env=env))
    said = [record for record in caplog.records if "line" in vars(record)]
    assert {record.levelno for record in said} == {logging.DEBUG}

"""A plain function becomes a tool of the LLM and an answer of the built-in one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from livekit.agents import ToolError, llm

from agent.llm.schemas import with_known_schemas
from agent.tools import REGISTRY, NotUnderstoodError, RoomState, Tool, Toolbox, registry, tool
from tests.support.manual_clock import ManualClock


def own_tools() -> dict[str, Tool]:
    """Tools as an owner might write them."""
    tools: dict[str, Tool] = {}

    @tool("tell my fortune", "fortune for (?P<name>.+)", registry=tools)
    def fortune(name: str = "you") -> str:
        """Tell somebody's fortune.

        Args:
            name: whose fortune.
        """
        return f"A good day for {name}."

    @tool("double (?P<number>.+)", registry=tools)
    def double(state: RoomState, number: int) -> str:
        """Double a number."""
        if number > 100:
            raise NotUnderstoodError("too big")
        return str(2 * number)

    @tool("sleep for ever", effect=True, registry=tools)
    async def sleep_for_ever() -> str:
        """Never answer."""
        await asyncio.sleep(3600)
        return "never"

    return tools


@pytest.fixture
def toolbox() -> Toolbox:
    return Toolbox(RoomState(clock=ManualClock()), own_tools().values())


def schema(toolbox: Toolbox, name: str) -> dict[str, Any]:
    tools = llm.ToolContext(toolbox.function_tools).parse_function_tools("openai", strict=False)
    return next(t["function"] for t in tools if t["function"]["name"] == name)


async def execute(toolbox: Toolbox, name: str, arguments: str) -> llm.FunctionCallOutput:
    call = llm.FunctionToolCall(name=name, arguments=arguments, call_id="1")
    result = await llm.execute_function_call(call, llm.ToolContext(toolbox.function_tools))
    assert result.fnc_call_out is not None
    return result.fnc_call_out


def test_the_docstring_describes_the_tool_to_an_llm(toolbox: Toolbox) -> None:
    fortune = schema(toolbox, "fortune")
    assert fortune["description"] == "Tell somebody's fortune."
    assert fortune["parameters"]["properties"]["name"]["description"] == "whose fortune."
    assert "required" not in fortune["parameters"]


def test_the_state_of_the_room_is_no_parameter_of_the_llm(toolbox: Toolbox) -> None:
    assert list(schema(toolbox, "double")["parameters"]["properties"]) == ["number"]


async def test_an_llm_can_call_the_function(toolbox: Toolbox) -> None:
    assert (await execute(toolbox, "fortune", '{"name": "Ada"}')).output == "A good day for Ada."
    assert (await execute(toolbox, "fortune", "{}")).output == "A good day for you."
    assert (await execute(toolbox, "double", '{"number": 4}')).output == "8"


async def test_wrong_arguments_are_an_error_that_the_llm_sees(toolbox: Toolbox) -> None:
    assert (await execute(toolbox, "double", '{"number": "many"}')).is_error
    output = await execute(toolbox, "double", '{"number": 500}')
    assert output.is_error
    assert "too big" in output.output


def test_the_same_function_answers_its_phrases(toolbox: Toolbox) -> None:
    found = [(m.tool.name, m.arguments) for m in toolbox.matches("fortune for bob")]
    assert found == [("fortune", {"name": "bob"})]
    assert [m.arguments for m in toolbox.matches("tell my fortune")] == [{}]
    assert [m.arguments for m in toolbox.matches("double twenty one")] == [{"number": 21}]
    assert not list(toolbox.matches("double trouble"))
    assert not list(toolbox.matches("please tell my fortune now"))


def test_tools_are_the_same_objects_each_time(toolbox: Toolbox) -> None:
    assert all(a is b for a, b in zip(toolbox.function_tools, toolbox.function_tools, strict=True))


async def test_a_tool_that_never_answers_is_given_up(
    toolbox: Toolbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "DEADLINE_SECONDS", 0.01)
    with pytest.raises(ToolError, match="no answer"):
        await toolbox.call("sleep_for_ever", {})


def test_two_tools_of_one_name_are_refused() -> None:
    tools = own_tools()
    with pytest.raises(ValueError, match="'fortune'"):

        @tool(registry=tools)
        def fortune() -> str:
            """Another."""
            return ""


def test_every_tool_of_the_product_is_documented_for_an_llm() -> None:
    toolbox = Toolbox(RoomState())
    described = llm.ToolContext(toolbox.function_tools).parse_function_tools("openai", strict=True)
    assert len(described) == len(REGISTRY) >= 18
    for entry in described:
        function = entry["function"]
        assert function["description"].endswith("."), function["name"]
        for name, parameter in function["parameters"]["properties"].items():
            assert parameter["description"], f"{function['name']}: {name}"


def test_tools_that_change_anything_are_marked() -> None:
    with_effect = {name for name, entry in REGISTRY.items() if entry.effect}
    assert with_effect == {
        "set_timer",
        "set_alarm",
        "set_reminder",
        "cancel_timer",
        "add_to_list",
        "remove_from_list",
        "clear_list",
        "end_call",
    }


async def test_schemas_are_the_frameworks_own_and_made_once() -> None:
    def schemas(tools: list[llm.Tool]) -> list[dict[str, Any]]:
        return llm.ToolContext(tools).parse_function_tools("openai", strict=True)

    one, another = Toolbox(RoomState()).function_tools, Toolbox(RoomState()).function_tools
    known = schemas(with_known_schemas(one))
    assert known == schemas(list(one))
    again = schemas(with_known_schemas(another))
    assert [id(schema["function"]["parameters"]) for schema in again] == [
        id(schema["function"]["parameters"]) for schema in known
    ]


async def test_tools_of_one_name_that_differ_keep_their_own_schemas() -> None:
    found = []
    for kind in (int, str):
        own: dict[str, Tool] = {}

        async def lucky(value: Any) -> str:
            """Say whether it is lucky."""
            return "yes"

        lucky.__annotations__["value"] = kind
        tool(registry=own)(lucky)
        tools = Toolbox(RoomState(), own.values()).function_tools
        (described,) = llm.ToolContext(with_known_schemas(tools)).parse_function_tools("openai")
        found.append(described["function"]["parameters"]["properties"]["value"]["type"])
    assert found == ["integer", "string"]

"""The built-in LLM as the framework sees it: chunks, usage, tool calls, nothing before its time."""

from __future__ import annotations

import json

import pytest
from livekit.agents import llm

from agent import phrases
from agent.llm.builtin import BuiltinLLM
from agent.tools import RoomState, Tool, Toolbox, tool
from tests.support.manual_clock import ManualClock


class Conversation:
    """A built-in LLM, its tools and the chat so far."""

    def __init__(self, tools: dict[str, Tool] | None = None) -> None:
        self.state = RoomState(clock=ManualClock())
        self.toolbox = Toolbox(self.state, tools.values() if tools else None)
        self.llm = BuiltinLLM(self.toolbox)
        self.chat_ctx = llm.ChatContext.empty()

    def say(self, text: str) -> None:
        self.chat_ctx.add_message(role="user", content=text)

    async def chunks(self, tool_choice: llm.ToolChoice = "auto") -> list[llm.ChatChunk]:
        stream = self.llm.chat(
            chat_ctx=self.chat_ctx, tools=[*self.toolbox.function_tools], tool_choice=tool_choice
        )
        async with stream:
            return [chunk async for chunk in stream]

    async def text(self) -> str:
        contents = [c.delta.content or "" for c in await self.chunks() if c.delta]
        return "".join(contents)

    def add_result(self, output: str, *, is_error: bool = False, replies: bool = True) -> None:
        call = llm.FunctionCall(call_id="1", name="set_timer", arguments="{}")
        result = llm.FunctionCallOutput(
            call_id="1", name="set_timer", output=output, is_error=is_error, reply_required=replies
        )
        self.chat_ctx.insert([call, result])


@pytest.fixture
def conversation() -> Conversation:
    return Conversation()


async def test_a_reply_streams_sentence_by_sentence_and_ends_with_usage(
    conversation: Conversation,
) -> None:
    conversation.say("who are you")
    *contents, last = await conversation.chunks()
    assert [c.delta.content for c in contents if c.delta] == [
        "I am your local voice assistant. ",
        phrases.LOCAL,
    ]
    assert len({chunk.id for chunk in [*contents, last]}) == 1
    assert last.usage is not None
    assert last.usage.prompt_tokens == 3
    assert last.usage.total_tokens == 3 + last.usage.completion_tokens
    assert (conversation.llm.model, conversation.llm.provider) == ("builtin", "local")


async def test_an_effect_is_a_tool_call_and_nothing_is_said_yet(conversation: Conversation) -> None:
    conversation.say("set a timer for five minutes")
    chunks = await conversation.chunks()
    calls = [call for chunk in chunks if chunk.delta for call in chunk.delta.tool_calls]
    assert [(call.name, json.loads(call.arguments)) for call in calls] == [
        ("set_timer", {"when": "five minutes"})
    ]
    assert not any(chunk.delta.content for chunk in chunks if chunk.delta)


async def test_a_turn_that_is_discarded_leaves_no_trace(conversation: Conversation) -> None:
    for request in (
        "set a timer for five minutes",
        "remind me in ten minutes to open the door",
        "add milk to my list",
        "my name is ada",
        "end the call",
        "flip a coin",
    ):
        ended: list[bool] = []
        conversation.state.end_call = lambda ended=ended: ended.append(True)  # type: ignore[misc]
        conversation.chat_ctx = llm.ChatContext.empty()
        conversation.say(request)
        assert await conversation.chunks()
        assert conversation.state.timers.entries() == []
        assert conversation.state.items == []
        assert conversation.state.caller_name is None
        assert ended == []


async def test_a_stream_closed_early_leaves_nothing_behind(conversation: Conversation) -> None:
    conversation.say("set a timer for five minutes")
    stream = conversation.llm.chat(
        chat_ctx=conversation.chat_ctx, tools=[*conversation.toolbox.function_tools]
    )
    await stream.aclose()
    assert conversation.state.timers.entries() == []


async def test_the_results_of_tools_are_spoken(conversation: Conversation) -> None:
    conversation.say("set a timer for five minutes")
    conversation.add_result("Timer set for five minutes.")
    assert await conversation.text() == "Timer set for five minutes."


async def test_a_failed_tool_is_apologised_for(conversation: Conversation) -> None:
    conversation.say("set a timer for five minutes")
    conversation.add_result("KeyError: secret", is_error=True)
    assert await conversation.text() == phrases.TOOL_FAILED


async def test_an_announcement_in_between_does_not_hide_a_result(
    conversation: Conversation,
) -> None:
    conversation.say("set a timer for five minutes")
    conversation.add_result("Timer set for five minutes.")
    conversation.chat_ctx.add_message(role="assistant", content="Your one minute timer is done.")
    assert await conversation.text() == "Timer set for five minutes."


async def test_a_request_that_was_answered_is_not_carried_out_again(
    conversation: Conversation,
) -> None:
    conversation.say("set a timer for five minutes")
    conversation.add_result("Timer set for five minutes.")
    conversation.chat_ctx.add_message(role="assistant", content="Timer set for five minutes.")
    chunks = await conversation.chunks()
    assert not any(chunk.delta.tool_calls for chunk in chunks if chunk.delta)
    assert await conversation.text() == phrases.HOW_CAN_I_HELP


async def test_a_result_without_need_of_a_reply_is_not_spoken(conversation: Conversation) -> None:
    conversation.say("set a timer for five minutes")
    conversation.add_result("done in silence", replies=False)
    assert await conversation.text() == phrases.HOW_CAN_I_HELP


async def test_without_a_request_it_asks_how_to_help(conversation: Conversation) -> None:
    conversation.chat_ctx.add_message(role="system", content="Greet the caller.")
    assert await conversation.text() == phrases.HOW_CAN_I_HELP


async def test_where_tools_are_forbidden_nothing_is_claimed(conversation: Conversation) -> None:
    conversation.say("set a timer for five minutes")
    chunks = await conversation.chunks(tool_choice="none")
    assert [c.delta.content for c in chunks if c.delta] == [phrases.CANNOT_DO]


async def test_an_owners_function_answers_too_and_may_fail() -> None:
    tools: dict[str, Tool] = {}

    @tool("tell my fortune", registry=tools)
    async def fortune() -> str:
        """Tell the caller's fortune."""
        return "You will have a good day."

    @tool("tell my past", registry=tools)
    def past() -> str:
        """Fail."""
        raise RuntimeError("nobody knows")

    conversation = Conversation(tools)
    conversation.say("please tell my fortune")
    assert await conversation.text() == "You will have a good day."
    conversation.say("tell my past")
    conversation.chat_ctx.items[:] = conversation.chat_ctx.items[-1:]
    assert await conversation.text() == phrases.TOOL_FAILED

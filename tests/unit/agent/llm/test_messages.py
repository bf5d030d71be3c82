"""A conversation is worded so that the strictest endpoint takes it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from livekit.agents import llm

from agent.llm.messages import build_messages, history_characters
from agent.llm.refusals import RequestShape

ALL = RequestShape()


def chat(*items: tuple[llm.ChatRole, str] | llm.ChatItem) -> llm.ChatContext:
    conversation = llm.ChatContext.empty()
    for item in items:
        if isinstance(item, tuple):
            conversation.add_message(role=item[0], content=item[1])
        else:
            conversation.items.append(item)
    return conversation


def called(name: str, arguments: str, result: str, *, number: int = 1) -> list[llm.ChatItem]:
    return [
        llm.FunctionCall(call_id=f"c{number}", name=name, arguments=arguments),
        llm.FunctionCallOutput(call_id=f"c{number}", name=name, output=result, is_error=False),
    ]


def roles(messages: list[dict[str, Any]]) -> list[str]:
    return [message["role"] for message in messages]


def test_a_greeting_is_told_in_the_system_message() -> None:
    messages = build_messages(
        chat(("system", "Be brief."), ("assistant", "Hello."), ("user", "Hi.")), ALL
    )
    assert roles(messages) == ["system", "user"]
    assert messages[0]["content"].startswith("Be brief.")
    assert "Hello." in messages[0]["content"]


def test_messages_of_one_side_in_a_row_are_one() -> None:
    said: list[tuple[llm.ChatRole, str]] = [
        ("system", "Be brief."),
        ("user", "One."),
        ("user", "Two."),
        ("assistant", "A."),
    ]
    messages = build_messages(chat(*said, ("assistant", "B."), ("user", "Three.")), ALL)
    assert roles(messages) == ["system", "user", "assistant", "user"]
    assert messages[1]["content"] == "One.\nTwo."
    assert messages[2]["content"] == "A.\nB."


def test_later_instructions_join_the_first() -> None:
    messages = build_messages(
        chat(("system", "Be brief."), ("user", "One."), ("system", "Be kind.")), ALL
    )
    assert messages == [
        {"role": "system", "content": "Be brief.\n\nBe kind."},
        {"role": "user", "content": "One."},
    ]


def test_a_history_that_was_cut_within_a_call_begins_with_the_caller() -> None:
    items = called("time_now", "{}", "It is five.")
    messages = build_messages(
        chat(("system", "Be brief."), *items, ("assistant", "Five."), ("user", "Thanks.")), ALL
    )
    assert roles(messages) == ["system", "user"]
    assert "Five." in messages[0]["content"]


@pytest.mark.parametrize("arguments", ["{broken", '"text"', "[1]", "[" * 5_000, ""])
def test_arguments_that_cannot_be_parsed_are_sent_as_none(arguments: str) -> None:
    messages = build_messages(
        chat(("user", "Go."), *called("set_timer", arguments, "Sorry."), ("user", "Well?")), ALL
    )
    (call,) = messages[1]["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == {}
    assert messages[1]["content"] == ""
    assert messages[2] == {"role": "tool", "tool_call_id": "c1", "content": "Sorry."}


def test_without_tools_calls_and_results_are_words() -> None:
    messages = build_messages(
        chat(("system", "Be brief."), ("user", "Time?"), *called("time_now", "{}", "It is five.")),
        RequestShape(tools=False),
    )
    assert roles(messages) == ["system", "user", "assistant", "user"]
    assert "no tools" in messages[0]["content"]
    assert json.loads(messages[2]["content"]) == {"name": "time_now", "arguments": {}}
    assert "It is five." in messages[3]["content"]


def test_without_a_system_role_the_caller_begins_with_the_instructions() -> None:
    messages = build_messages(
        chat(("system", "Be brief."), ("assistant", "Hello."), ("user", "Hi.")),
        RequestShape(system_role=False),
    )
    assert roles(messages) == ["user"]
    assert messages[0]["content"].startswith("Be brief.")
    assert messages[0]["content"].endswith("Hi.")


@pytest.mark.parametrize("characters", [0, 10, 60, 200, 10_000])
def test_a_shorter_history_ends_the_same_and_begins_with_the_caller(characters: int) -> None:
    turns: list[Any] = [("system", "Be brief.")]
    for number in range(8):
        turns += [("user", f"Roll number {number}.")]
        turns += called("roll_dice", "{}", "A four.", number=number)
        turns += [("assistant", "It is a four.")]
    conversation = chat(*turns, ("user", "And the sum?"))
    messages = build_messages(conversation, RequestShape(history_characters=characters))
    assert roles(messages)[:2] == ["system", "user"]
    assert messages[-1] == {"role": "user", "content": "And the sum?"}
    ids = [call["id"] for message in messages for call in message.get("tool_calls", ())]
    assert [m["tool_call_id"] for m in messages if m["role"] == "tool"] == ids
    assert history_characters(messages) <= max(characters, len("And the sum?"))


def test_what_was_just_called_stays_with_its_question() -> None:
    conversation = chat(
        ("system", "Be brief."),
        ("user", "Earlier."),
        ("assistant", "Yes."),
        ("user", "Time?"),
        *called("time_now", "{}", "It is five."),
    )
    messages = build_messages(conversation, RequestShape(history_characters=0))
    assert roles(messages) == ["system", "user", "assistant", "tool"]

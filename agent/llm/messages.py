"""Turns a conversation into messages that every endpoint accepts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from livekit.agents import llm

from agent.llm.calls import parse_json
from agent.llm.refusals import RequestShape

Message = dict[str, Any]

_BEGUN_WITH = 'You began this conversation by saying: "{words}"'
_NO_TOOLS = (
    "You have no tools in this conversation: you cannot set timers, keep lists or know the time. "
    "Say so if you are asked for it."
)
_RESULT = "(The result of {name} is: {result})"


def build_messages(chat_ctx: llm.ChatContext, shape: RequestShape) -> list[Message]:
    """Return the conversation as messages.

    One system message comes first; the caller and the agent alternate after it, beginning with the
    caller, as the strictest templates want it: what the agent said before the caller's first words
    is told in the system message, and messages of one side in a row are one.
    """
    given, _ = chat_ctx.to_provider_format("openai")
    system = [_text(message) for message in given if message["role"] in ("system", "developer")]
    rest = [_mended(message) for message in given if message["role"] not in ("system", "developer")]
    rest = [message for message in rest if message.get("content") or message.get("tool_calls")]
    if shape.history_characters is not None:
        rest = _last(rest, shape.history_characters)
    if not shape.tools:
        rest = _without_calls(rest)
        if any(system):
            system.append(_NO_TOOLS)
    first = next((i for i, m in enumerate(rest) if m["role"] == "user"), 0)
    if greeting := " ".join(_text(m) for m in rest[:first] if m["role"] == "assistant").strip():
        system.append(_BEGUN_WITH.format(words=greeting))
    rest = rest[first:]
    merged = _merged(rest)
    instructions = "\n\n".join(text for text in system if text)
    if not instructions:
        return merged
    if shape.system_role:
        return [{"role": "system", "content": instructions}, *merged]
    if merged and merged[0]["role"] == "user" and isinstance(merged[0]["content"], str):
        return [
            {"role": "user", "content": f"{instructions}\n\n{merged[0]['content']}"},
            *merged[1:],
        ]
    return [{"role": "user", "content": instructions}, *merged]


def history_characters(messages: Iterable[Message]) -> int:
    """Return the length of the conversation in characters, without the instructions."""
    return sum(_length(message) for message in messages if message["role"] != "system")


def _last(messages: list[Message], characters: int) -> list[Message]:
    """Return the end of a conversation, of about `characters`; the last turn stays whole."""
    start = len(messages)
    turn = next((i for i in range(len(messages) - 1, -1, -1) if messages[i]["role"] == "user"), 0)
    left = characters
    for index in range(len(messages) - 1, -1, -1):
        left -= _length(messages[index])
        if left < 0 and index < turn:
            break
        if messages[index]["role"] == "user":
            # A turn begins with the caller: no call is parted from its result.
            start = index
    return messages[min(start, turn) :]


def _merged(messages: list[Message]) -> list[Message]:
    merged: list[Message] = []
    for message in messages:
        last = merged[-1] if merged else None
        if (
            last is not None
            and last["role"] == message["role"] != "tool"
            and isinstance(last.get("content"), str)
            and isinstance(message.get("content"), str)
            and "tool_calls" not in last
        ):
            together = f"{last['content']}\n{message['content']}".strip()
            merged[-1] = {**message, "content": together}
        else:
            merged.append(message)
    return merged


def _without_calls(messages: list[Message]) -> list[Message]:
    """Write calls and their results as text, for endpoints without tool calls."""
    names = {
        call["id"]: call["function"]["name"]
        for message in messages
        for call in message.get("tool_calls", ())
    }
    worded = []
    for message in messages:
        if message["role"] == "tool":
            name = names.get(message["tool_call_id"], "the tool")
            result = _RESULT.format(name=name, result=_text(message))
            worded.append({"role": "user", "content": result})
        elif "tool_calls" in message:
            calls = [
                json.dumps({"name": c["function"]["name"],
                            "arguments": parse_json(c["function"]["arguments"]) or {}})
                for c in message["tool_calls"]
            ]  # fmt: skip
            words = "\n".join([*([_text(message)] if message.get("content") else []), *calls])
            worded.append({"role": "assistant", "content": words})
        else:
            worded.append(message)
    return worded


def _mended(message: Message) -> Message:
    """Return the message with arguments that parse, as endpoints otherwise refuse the request."""
    if "tool_calls" not in message:
        return message
    calls = []
    for call in message["tool_calls"]:
        arguments = call["function"]["arguments"]
        if not isinstance(parse_json(arguments), dict):
            call = {**call, "function": {**call["function"], "arguments": "{}"}}
        calls.append(call)
    return {"content": "", **message, "tool_calls": calls}


def _text(message: Message) -> str:
    content = message.get("content")
    return content if isinstance(content, str) else ""


def _length(message: Message) -> int:
    calls = sum(len(str(call["function"])) for call in message.get("tool_calls", ()))
    content = message.get("content")
    return calls + len(content if isinstance(content, str) else json.dumps(content))

"""The body of a request, in the shape that an endpoint accepts."""

from __future__ import annotations

from typing import Any

from livekit.agents import llm

from agent.llm.messages import Message
from agent.llm.refusals import RequestShape

MOST_SHAPES = 9
"""Number of shapes in which one request is tried."""


def request_body(
    model: str,
    messages: list[Message],
    tools: list[llm.Tool],
    shape: RequestShape,
    *,
    options: dict[str, Any],
) -> dict[str, Any]:
    """Ask `model` for a streamed answer.

    Args:
        tools: with their schemas; left out where the shape has none.
        options: further fields, as they are.
    """
    body: dict[str, Any] = {"model": model, "messages": messages, "stream": True}
    if shape.extras:
        body["stream_options"] = {"include_usage": True}
    schemas = llm.ToolContext(tools).parse_function_tools("openai") if shape.tools else []
    if schemas:
        if not shape.extras:
            schemas = [_without_strictness(schema) for schema in schemas]
        body["tools"] = schemas
    else:
        options = {
            k: v for k, v in options.items() if k not in ("tool_choice", "parallel_tool_calls")
        }
    return {**body, **options}


def _without_strictness(schema: dict[str, Any]) -> dict[str, Any]:
    function = {key: value for key, value in schema["function"].items() if key != "strict"}
    return {**schema, "function": function}

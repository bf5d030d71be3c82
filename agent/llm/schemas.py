"""The tools' descriptions for an endpoint, built once per process."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

from livekit.agents import FunctionTool, function_tool, llm

_KNOWN: dict[tuple[str, str | None, str], dict[str, Any]] = {}


def with_known_schemas(tools: Iterable[llm.Tool]) -> list[llm.Tool]:
    """The same tools for one request, each with its schema ready.

    The framework makes every schema anew for every request: 10 to 20 ms for ours, in
    which no room of the process gets on. What the LLM calls is run by the session, from the
    tools that it has. Safe from any thread.
    """
    return [_described(tool) if isinstance(tool, FunctionTool) else tool for tool in tools]


def _described(tool: FunctionTool[..., Any]) -> llm.Tool:
    key = (tool.info.name, tool.info.description, str(inspect.signature(tool)))
    schema = _KNOWN.get(key)
    if schema is None:
        schema = _KNOWN[key] = llm.utils.build_strict_openai_schema(tool)["function"]
    return function_tool(tool, raw_schema=schema, flags=tool.info.flags)

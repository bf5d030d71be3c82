"""Which of a server's tools the language model is offered, and in which words."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

from livekit.agents.llm import RawFunctionTool

from agent.tools.bounds import cut

MOST_TOOLS: Final = 64
"""Of one server; a language model chooses badly among more, and reads all at each turn."""
LONGEST_DESCRIPTION_CHARACTERS: Final = 1_000
LONGEST_SCHEMA_CHARACTERS: Final = 8_000
LONGEST_SCHEMAS_CHARACTERS: Final = 60_000
"""Of one server's tools together, some 15,000 tokens."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What OpenAI's interface takes as the name of a function."""
_RESERVED = "lk_agents_"
"""Beginning of the names of the framework's own tools."""


@dataclass(frozen=True, slots=True)
class Offered:
    """A tool of a server."""

    tool: RawFunctionTool[..., Any]
    schema: dict[str, Any]
    """Name, description and parameters, within the bounds."""


@dataclass(frozen=True, slots=True)
class Offer:
    """The tools of a server that are offered, and the names of those that are not, by reason."""

    tools: tuple[Offered, ...]
    left_out: dict[str, list[str]]


def offer(tools: Iterable[RawFunctionTool[..., Any]], allowed: Collection[str] | None) -> Offer:
    """Choose from what a server lists; `allowed` names what may be used, None: all."""
    kept: dict[str, Offered] = {}
    left_out: dict[str, list[str]] = {}
    characters = 0
    for tool in tools:
        raw = tool.info.raw_schema
        name = raw["name"]
        if allowed is not None and name not in allowed:
            continue
        schema = _schema(raw)
        size = len(json.dumps(schema, default=str)) if schema else 0
        if not _NAME.fullmatch(name) or name.startswith(_RESERVED):
            reason = "unusable name"
        elif name in kept:
            reason = "second of its name"
        elif schema is None:
            reason = "too long parameters"
        elif len(kept) >= MOST_TOOLS or characters + size > LONGEST_SCHEMAS_CHARACTERS:
            reason = "too many tools"
        else:
            characters += size
            kept[name] = Offered(tool, schema)
            continue
        left_out.setdefault(reason, []).append(name[:64])
    return Offer(tuple(kept.values()), left_out)


def _schema(raw: dict[str, Any]) -> dict[str, Any] | None:
    """Return what the language model is told of a tool; None where its parameters are too long.

    The client has checked that they are those of an object.
    """
    parameters = raw.get("parameters") or {}
    if len(json.dumps(parameters, default=str)) > LONGEST_SCHEMA_CHARACTERS:
        return None
    return {
        "name": raw["name"],
        "description": cut(raw.get("description") or "", LONGEST_DESCRIPTION_CHARACTERS),
        "parameters": {**parameters, "type": "object"},
    }

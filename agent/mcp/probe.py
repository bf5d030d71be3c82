"""Whether the MCP servers of agents can be used now, for the owner who asks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from agent.mcp.connection import Connection
from agent.mcp.definition import MCPServerDefinition
from agent.mcp.offer import offer
from agent.mcp.reasons import one_line


async def server_problems(definition: MCPServerDefinition) -> list[str]:
    """Connect to a server and list its tools; return one line for each thing that is wrong.

    Takes at most its `start_seconds`, and the seconds in which a program ends.
    """
    connection = Connection(definition)
    try:
        listed = await connection.connect()
    except Exception as error:
        return [connection.reason(error)]
    finally:
        await connection.aclose()
    names = [tool.info.name for tool in listed]
    found = offer(listed, definition.tools)
    return [
        *(_missing(name, names) for name in definition.tools or () if name not in names),
        *(
            f"{len(left)} of its tools cannot be used ({reason}): {one_line(', '.join(left))}"
            for reason, left in found.left_out.items()
        ),
    ]


async def all_problems(definitions: Iterable[MCPServerDefinition]) -> list[list[str]]:
    """Return `server_problems` of each server; all are tried at once."""
    return await asyncio.gather(*(server_problems(definition) for definition in definitions))


def _missing(name: str, names: list[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names) or 'none'}"
    return one_line(f"it has no tool {name!r}: {hint}")

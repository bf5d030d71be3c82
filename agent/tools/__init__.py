"""The agent's tools: each a plain function, in one module per subject.

A module added to this folder is found by itself:

    from agent.tools import tool

    @tool("tell my fortune", "what is my fortune")
    def fortune() -> str:
        \"\"\"Tell the caller's fortune.\"\"\"
        return "You will have a good day."
"""

from __future__ import annotations

import importlib
import pkgutil

from agent.tools.registry import (
    REGISTRY,
    Match,
    NotUnderstoodError,
    Tool,
    Toolbox,
    tool,
)
from agent.tools.room_state import RoomState
from agent.tools.schedule import Clock, SystemClock

__all__ = [
    "REGISTRY",
    "Clock",
    "Match",
    "NotUnderstoodError",
    "RoomState",
    "SystemClock",
    "Tool",
    "Toolbox",
    "tool",
]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

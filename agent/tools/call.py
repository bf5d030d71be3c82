"""The end of the call."""

from __future__ import annotations

from agent.tools.registry import tool
from agent.tools.room_state import RoomState


@tool(
    "(?:end|finish|close|leave|stop|quit|cut|drop)(?: (?:the|this|our))? (?:call|conversation)",
    "hang up(?: (?:the|this))?(?: (?:call|phone))?",
    effect=True,
)
def end_call(state: RoomState) -> str:
    """End the call, once the caller asks for it; say goodbye with the result of this."""
    state.end_call()
    return "Goodbye, talk to you soon."

"""The tools' state in one room: timers, list, the caller's name."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from agent.tools.schedule import Clock, Schedule, SystemClock


class RoomState:
    """State of one room, owned by its assistant; use it from the room's event loop only.

    `announce` receives each sentence that falls due, `end_call` the wish to end the call; both
    may be set later, and until then such events are lost.
    """

    def __init__(
        self,
        *,
        agent_name: str = "",
        clock: Clock | None = None,
        random: Random | None = None,
    ) -> None:
        self.agent_name = agent_name
        self.clock: Clock = clock or SystemClock()
        self.random = random or Random()
        self.announce: Callable[[str], None] = _nothing_to_tell
        self.end_call: Callable[[], None] = _nothing_to_do
        self.timers = Schedule(self.clock, lambda sentence: self.announce(sentence))
        self.language: Callable[[], str] = _english
        """Returns the code of the language that the agent speaks."""
        self.items: list[str] = []
        self.caller_name: str | None = None

    async def aclose(self) -> None:
        """End every timer; call it at the end of the room. Safe to call again."""
        await self.timers.aclose()


def _nothing_to_tell(sentence: str) -> None:
    del sentence


def _english() -> str:
    return "en"


def _nothing_to_do() -> None:
    pass

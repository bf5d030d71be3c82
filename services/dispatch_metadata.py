"""What a dispatch tells an agent's worker, as the metadata of the job."""

from __future__ import annotations

import json
from dataclasses import dataclass

from .protocol import TAKES_OVER

AGENT_KEY = "agent"
"""In metadata that is a JSON object, and among a participant's attributes."""
_TAKES_OVER_KEY = "takes_over"
_LONGEST_CHARACTERS = 8192


@dataclass(frozen=True, slots=True)
class DispatchMetadata:
    """What a worker reads of it; other keys are the owner's."""

    agent: str = ""
    """Name of the agent that is asked for; empty for any."""
    takes_over: bool = False
    """Whether the agent replaces one that is gone."""

    def encode(self) -> str:
        """Return the text of a job's metadata."""
        if not self.agent:
            return TAKES_OVER if self.takes_over else ""
        takes_over = {_TAKES_OVER_KEY: True} if self.takes_over else {}
        return json.dumps({AGENT_KEY: self.agent, **takes_over})

    @classmethod
    def decode(cls, text: str) -> DispatchMetadata:
        """Read a job's or a room's metadata; anything else than ours says nothing."""
        if text == TAKES_OVER:
            return cls(takes_over=True)
        if not text.startswith("{") or len(text) > _LONGEST_CHARACTERS:
            return cls()
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return cls()
        agent = found.get(AGENT_KEY)
        return cls(
            agent=agent if isinstance(agent, str) else "",
            takes_over=found.get(_TAKES_OVER_KEY) is True,
        )

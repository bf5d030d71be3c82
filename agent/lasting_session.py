"""A session that may stay open for hours."""

from __future__ import annotations

from livekit.agents.voice import AgentEvent, AgentSession
from livekit.agents.voice.events import EventTypes


class LastingSession(AgentSession[None]):
    """The framework's session, less the list of every event since it was opened.

    The framework keeps these, with the speech that each is about, for a report that it makes only
    of sessions that are recorded; there is no option against it.
    """

    def emit(self, event: EventTypes, arg: AgentEvent) -> None:
        """Tell the listeners, and keep nothing."""
        super(AgentSession, self).emit(event, arg)

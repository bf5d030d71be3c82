"""A session that may stay open for hours."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from livekit.agents.voice import AgentEvent, AgentSession, UserInputTranscribedEvent
from livekit.agents.voice.events import EventTypes

logger = logging.getLogger(__name__)


class LastingSession(AgentSession[None]):
    """The framework's session, less the list of every event since it was opened.

    The framework keeps these, with the speech that each is about, for a report that it makes only
    of sessions that are recorded; there is no option against it.

    Its closing does not fail: the framework's job would end there, with its room still joined and
    nobody told that it is over.

    What the callers are heard to say goes to `on_transcribed` alone, where there is one: the
    framework would show all of it as the words of the one participant that it is linked to.
    """

    def __init__(
        self,
        *,
        on_transcribed: Callable[[UserInputTranscribedEvent], None] | None = None,
        **arguments: Any,
    ) -> None:
        self._on_transcribed = on_transcribed
        super().__init__(**arguments)

    def emit(self, event: EventTypes, arg: AgentEvent) -> None:
        """Tell the listeners, and keep nothing."""
        if self._on_transcribed is not None and isinstance(arg, UserInputTranscribedEvent):
            self._on_transcribed(arg)
            return
        super(AgentSession, self).emit(event, arg)

    async def aclose(self) -> None:
        """Close; what cannot be told over a connection that is gone is logged."""
        try:
            await super().aclose()
        except Exception as error:
            logger.warning("session closed with an error", extra={"error": repr(error)})

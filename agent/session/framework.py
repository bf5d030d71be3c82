"""What a room needs of the framework beyond its public interface; nothing else may use that.

The contract test of this file names the version of livekit-agents that this was written against.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from livekit import rtc
from livekit.agents import Agent, AutoSubscribe, JobContext
from livekit.agents.voice import (
    AgentEvent,
    AgentFalseInterruptionEvent,
    AgentSession,
    UserInputTranscribedEvent,
)
from livekit.agents.voice.agent_activity import ActivityClosedError
from livekit.agents.voice.events import EventTypes
from livekit.agents.voice.room_io import TextInputEvent, TextInputOptions

from services.host.cancellation import uninterrupted

__all__ = [
    "LARGEST_MESSAGE_BYTES",
    "ActivityClosedError",
    "LongLivedSession",
    "go_on_speaking",
    "join",
    "take_typed_turn",
]

logger = logging.getLogger("agent.session.framework")

LARGEST_MESSAGE_BYTES: Final = 64 * 1024
"""Inflated size of one stream, typed text, or payload or answer of a remote call."""

_take_turn = TextInputOptions().text_input_cb


class LongLivedSession(AgentSession[Any]):
    """A session that may stay open for hours.

    The framework's own keeps every event since it was opened, with the speech that the event is
    about, for a report that it makes only of recorded sessions. It has no option against that.
    """

    def __init__(self, **arguments: Any) -> None:
        self.on_transcribed: Callable[[UserInputTranscribedEvent], None] | None = None
        """Receives what is heard in the framework's place, which would show all of it as the words
        of the one participant that it is linked to."""
        self.on_agent: Callable[[Agent], None] | None = None
        """Receives each agent that is about to take the conversation, such as by a hand-over."""
        super().__init__(**arguments)

    def emit(self, event: EventTypes, arg: AgentEvent) -> None:
        """Call the listeners, and keep nothing."""
        if self.on_transcribed is not None and isinstance(arg, UserInputTranscribedEvent):
            self.on_transcribed(arg)
            return
        super(AgentSession, self).emit(event, arg)

    async def _update_activity(self, agent: Agent, **options: Any) -> None:
        """Tell of the agent first; the framework has no event ahead of a hand-over."""
        if self.on_agent is not None:
            self.on_agent(agent)
        await super()._update_activity(agent, **options)

    async def aclose(self) -> None:
        """Close the session; an error, such as one of a lost connection, is logged.

        Raised, it would end the framework's job with the room still joined.
        """
        try:
            await super().aclose()
        except Exception as error:
            logger.warning("session closed with an error", extra={"error": repr(error)})


async def join(ctx: JobContext) -> None:
    """Join the job's room, subscribe to all audio, and refuse larger messages than the largest.

    A cancelled join runs to its end first. The native library reports a joined room, then waits
    15 s for the answer that its events can be taken. Without that answer it aborts the process
    and every other room with it (`ReadyForRoomEventRequest` in livekit-ffi). The join has time
    limits of its own.

    Raises what connecting raises.
    """
    room = ctx.room
    connect = room.connect

    async def connect_bounded(url: str, token: str, options: rtc.RoomOptions) -> None:
        bound = rtc.DataStreamOptions(max_payload_byte_length=LARGEST_MESSAGE_BYTES)
        await connect(url, token, replace(options, data_stream=bound))

    # The framework makes the options itself and has none for this. Without the bound, a deflated
    # megabyte becomes a gigabyte in this process before its length can be checked.
    vars(room)["connect"] = connect_bounded
    try:
        await uninterrupted(ctx.connect(auto_subscribe=AutoSubscribe.AUDIO_ONLY))
    finally:
        del vars(room)["connect"]


async def take_typed_turn(session: AgentSession[Any], event: TextInputEvent) -> None:
    """Answer typed text as a turn of its own, as the framework does by default."""
    handled = _take_turn(session, event)
    if handled is not None:
        await handled


def go_on_speaking(session: AgentSession[None]) -> None:
    """Resume a reply that is paused because the caller spoke; without one, do nothing.

    The framework does so itself when the caller has been silent for a set time and its decision on
    the end of the turn is made, however clear it is by then that nobody wants to interrupt.
    """
    activity = session._activity
    paused = activity._paused_speech if activity is not None else None
    audio = session.output.audio
    if activity is None or paused is None or audio is None:
        return
    if paused.handle.done() or paused.handle.interrupted:
        return
    if activity._current_speech is not None and activity._current_speech is not paused.handle:
        return
    activity._cancel_false_interruption_timer()
    activity._paused_speech = None
    activity._restore_paused_speech_state(paused)
    audio.resume()
    session.emit("agent_false_interruption", AgentFalseInterruptionEvent(resumed=True))

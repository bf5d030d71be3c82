"""The private parts of livekit-agents that `agent/session/framework.py` uses."""

from __future__ import annotations

import asyncio
import inspect
from importlib.metadata import version
from typing import Any

import pytest
from livekit import rtc
from livekit.agents import Agent, AgentSession, JobContext
from livekit.agents.voice import UserStateChangedEvent
from livekit.agents.voice.agent_activity import AgentActivity
from livekit.agents.voice.room_io import TextInputOptions

from agent.session.framework import ActivityClosedError, LongLivedSession

pytestmark = pytest.mark.unit

WRITTEN_AGAINST = "1.8.9"


def kept_events(session: AgentSession[Any]) -> int:
    """How many events a session keeps after one was emitted."""
    heard: list[UserStateChangedEvent] = []
    session.on("user_state_changed", heard.append)
    session.emit(
        "user_state_changed", UserStateChangedEvent(old_state="away", new_state="listening")
    )
    assert len(heard) == 1
    return len(session._recorded_events)


async def test_the_framework_has_the_private_parts_that_a_room_uses() -> None:
    look = (
        f"livekit-agents is {version('livekit-agents')}, not {WRITTEN_AGAINST}: see in its "
        "voice/agent_activity.py how a speech that was paused for nothing is resumed, in "
        "voice/agent_session.py what emit keeps, wait_for_idle raises, _update_activity takes, in "
        "voice/room_io/types.py what answers typed text, and in job.py how connect joins a room"
    )
    # The framework's own models would stay in memory.
    nothing: dict[str, Any] = {"vad": None, "turn_handling": {"turn_detection": "manual"}}
    assert kept_events(AgentSession(**nothing)) == 1, (
        f"LongLivedSession has nothing to do any more; {look}"
    )
    assert kept_events(LongLivedSession(**nothing)) == 0, look
    assert ActivityClosedError.__name__ in inspect.getsource(AgentSession.wait_for_idle), look
    assert inspect.iscoroutinefunction(TextInputOptions().text_input_cb), look
    # `go_on_speaking` does what this timer does.
    resumes = inspect.getsource(AgentActivity._start_false_interruption_timer)
    for step in (
        "self._paused_speech.handle.done()",
        "self._restore_paused_speech_state(self._paused_speech)",
        "audio_output.resume()",
        "AgentFalseInterruptionEvent(resumed=resumed)",
        "self._paused_speech = None",
    ):
        assert step in resumes, look
    assert "_paused_speech" in inspect.getsource(AgentActivity._update_paused_speech), look
    assert "self._room.connect(" in inspect.getsource(JobContext.connect), look
    assert list(inspect.signature(rtc.Room.connect).parameters) == [
        "self",
        "url",
        "token",
        "options",
    ], look
    assert rtc.RoomOptions().data_stream is None, f"join has nothing to do any more; {look}"


async def test_every_agent_is_told_before_it_takes_the_conversation() -> None:
    entered: list[str] = []

    class Entering(Agent):
        async def on_enter(self) -> None:
            entered.append(f"entered {self.instructions}")

    # The framework's own models would stay in memory.
    session = LongLivedSession(vad=None, turn_handling={"turn_detection": "manual"})
    session.on_agent = lambda agent: entered.append(f"told {agent.instructions}")
    await session.start(Entering(instructions="first"), record=False)
    await session.wait_for_idle()
    session.update_agent(Entering(instructions="second"))
    async with asyncio.timeout(10.0):
        while len(entered) < 4:
            await asyncio.sleep(0.01)
    await session.aclose()
    assert entered == ["told first", "entered first", "told second", "entered second"]

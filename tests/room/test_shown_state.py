"""What callers are shown of the agent's state is true in the end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from livekit import rtc

from services.protocol import AgentState, ParticipantAttribute
from tests.room.conftest import JoinRoom

_STATE = ParticipantAttribute.STATE


async def test_a_state_that_overtakes_the_next_one_does_not_stay_shown(
    join_room: JoinRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = await join_room()
    shown: list[str] = []

    def on_changed(changed: Mapping[str, str], _: rtc.Participant) -> None:
        shown.extend(state for name, state in changed.items() if name == _STATE)

    call.caller.room.on("participant_attributes_changed", on_changed)
    send = rtc.LocalParticipant.set_attributes
    held: list[dict[str, str]] = []

    async def send_in_the_other_order(
        agent: rtc.LocalParticipant, attributes: dict[str, str]
    ) -> None:
        """As the native library does it at times, of which the framework learns nothing."""
        if attributes.get(_STATE) == AgentState.SPEAKING:
            held.append(attributes)
            return
        await send(agent, attributes)
        if held and attributes.get(_STATE) == AgentState.LISTENING:
            await send(agent, held.pop())
            held.clear()

    monkeypatch.setattr(rtc.LocalParticipant, "set_attributes", send_in_the_other_order)
    await call.caller.send_text("what is two plus three")
    async with asyncio.timeout(20):
        while AgentState.SPEAKING not in shown or shown[-1] != AgentState.LISTENING:
            await asyncio.sleep(0.02)
    assert shown.index(AgentState.LISTENING) < shown.index(AgentState.SPEAKING)

"""Interrupting the agent: it falls silent at once, stops computing, and knows what was heard."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np

from services.protocol import DONE, Method
from tests.room.conftest import JoinRoom

if TYPE_CHECKING:
    from agent.runtime.worker import Worker
    from services.shared.engines import SharedEngines

_COUNTING = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty"
).split()


async def test_a_caller_who_speaks_silences_the_agent(join_room: JoinRoom) -> None:
    call = await join_room()
    await call.caller.send_text("count to twenty")
    call.caller.sound_started.clear()
    await asyncio.wait_for(call.caller.sound_started.wait(), 10)
    said = await call.say_file("turn_15_kal16.wav")
    replies = await call.caller.wait_for_transcript(3, of_agent=True)
    assert "minutes" in replies[2].lower()
    # While the caller's second half was spoken, the agent was silent.
    heard = [s for t, s in call.caller.heard if said.ended - 0.5 < t < said.ended]
    assert heard
    assert float(np.max(np.abs(np.concatenate(heard)))) < 0.01


async def test_an_interrupted_reply_keeps_only_the_words_that_were_heard(
    join_room: JoinRoom,
) -> None:
    call = await join_room()
    await call.caller.send_text("count to twenty")
    call.caller.sound_started.clear()
    await asyncio.wait_for(call.caller.sound_started.wait(), 10)
    await call.say_file("turn_15_kal16.wav")
    replies = await call.caller.wait_for_transcript(3, of_agent=True)
    shown = replies[1].lower().replace(",", " ").replace(".", " ").split()
    assert shown == _COUNTING[: len(shown)]
    assert 0 < len(shown) < len(_COUNTING)


async def test_stop_by_the_page_ends_the_reply_and_its_computation(
    join_room: JoinRoom, shared: SharedEngines
) -> None:
    call = await join_room()
    await call.caller.send_text("count to twenty")
    call.caller.sound_started.clear()
    await asyncio.wait_for(call.caller.sound_started.wait(), 10)
    (agent,) = call.caller.room.remote_participants.values()
    answer = await call.caller.room.local_participant.perform_rpc(
        destination_identity=agent.identity, method=Method.STOP, payload=""
    )
    assert answer == DONE
    await call.caller.wait_for_silence(quiet_seconds=0.4, timeout_seconds=8)
    async with asyncio.timeout(10):
        while shared.scheduler.stats().running:
            await asyncio.sleep(0.02)


async def test_say_that_again_repeats_the_last_reply(join_room: JoinRoom) -> None:
    call = await join_room()
    await call.caller.send_text("what is two plus three")
    first = await call.caller.wait_for_transcript(2, of_agent=True)
    await call.caller.wait_for_silence()
    (agent,) = call.caller.room.remote_participants.values()
    await call.caller.room.local_participant.perform_rpc(
        destination_identity=agent.identity, method=Method.REPEAT, payload=""
    )
    replies = await call.caller.wait_for_transcript(3, of_agent=True)
    assert replies[2] == first[1]


async def test_noise_pauses_the_agent_only_for_a_moment(
    join_room: JoinRoom, worker: Worker
) -> None:
    call = await join_room()
    await call.caller.send_text("count to twenty")
    call.caller.sound_started.clear()
    await asyncio.wait_for(call.caller.sound_started.wait(), 10)
    await call.say_file("nonspeech_clicks.wav")
    replies = await call.caller.wait_for_transcript(2, of_agent=True, timeout_seconds=30)
    shown = replies[1].lower().replace(",", " ").replace(".", " ").split()
    assert shown == _COUNTING

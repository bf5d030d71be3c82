"""A call that its caller ends by speaking."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np
from livekit import rtc

from agent.languages import ENGLISH
from services.audio.samples import SAMPLE_RATE, Samples
from services.protocol import NoticeKind
from tests.room.conftest import JoinRoom

if TYPE_CHECKING:
    from agent.runtime.worker import Worker
    from services.shared.engines import SharedEngines

PATIENCE_SECONDS = 20.0


async def spoken(speech: SharedEngines, text: str) -> Samples:
    """A caller's words in the sound of the demo voice."""
    voice = await speech.tts.get()
    pieces = [piece.samples async for piece in voice.synthesize(text, owner="caller")]
    samples = np.concatenate(pieces).astype(np.float32) / 32768.0
    length = len(samples) * SAMPLE_RATE // voice.sample_rate
    places = np.arange(length) * voice.sample_rate / SAMPLE_RATE
    heard: Samples = np.interp(places, np.arange(len(samples)), samples).astype(np.float32)
    return heard


async def test_a_call_that_is_ended_by_voice_is_over_once_the_goodbye_is_said(
    join_room: JoinRoom, worker: Worker, shared: SharedEngines
) -> None:
    call = await join_room()
    reasons: list[int] = []
    call.caller.room.on("disconnected", reasons.append)
    await call.caller.say(await spoken(shared, "Stop the call."))
    replies = await call.caller.wait_for_transcript(2, of_agent=True)
    assert replies[1] == "Goodbye, talk to you soon."
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not reasons or worker.rooms:
            await asyncio.sleep(0.02)
    assert reasons == [rtc.DisconnectReason.ROOM_DELETED]
    assert call.caller.notices == [{"kind": NoticeKind.CALL_ENDED, "text": ENGLISH.call_ended}]

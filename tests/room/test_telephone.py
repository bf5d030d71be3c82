"""Callers by telephone: a participant of that kind, with its narrow sound and without a page."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import pytest_asyncio
from livekit import rtc
from numpy.typing import NDArray

from services.audio.samples import SAMPLE_RATE, Samples
from tests.support.caller import Caller, room_token
from tests.support.sound import read_sound

if TYPE_CHECKING:
    from agent.runtime.worker import Worker
    from services.livekit_server.credentials import LiveKitCredentials


SPEECH = Path(__file__).parents[1] / "speech"
QUESTION = "turn_05_en-us-f2.wav"
"""What time is it: one that the demo recogniser hears by telephone as well as by microphone."""
ATTEMPTS = 3
TELEPHONE_RATE = 8_000
_MU = 255.0

_calls = itertools.count(1)


def resampled(samples: NDArray[np.int16], rate: int, new_rate: int) -> NDArray[np.int16]:
    resampler = rtc.AudioResampler(rate, new_rate)
    frames = resampler.push(rtc.AudioFrame(samples.tobytes(), rate, 1, len(samples)))
    frames += resampler.flush()
    return np.concatenate([np.frombuffer(frame.data, dtype=np.int16) for frame in frames])


def by_telephone(samples: Samples) -> Samples:
    """As it sounds after 8 kHz and 8 bits of mu-law (G.711)."""
    narrow = resampled((samples * 32767).astype(np.int16), SAMPLE_RATE, TELEPHONE_RATE) / 32768
    code = np.round(np.sign(narrow) * np.log1p(_MU * np.abs(narrow)) / np.log1p(_MU) * 127) / 127
    decoded = np.sign(code) * np.expm1(np.abs(code) * np.log1p(_MU)) / _MU
    wide = resampled((decoded * 32767).astype(np.int16), TELEPHONE_RATE, SAMPLE_RATE)
    return wide.astype(np.float32) / np.float32(32768)


@pytest_asyncio.fixture(loop_scope="session")
async def caller(livekit: LiveKitCredentials, worker: Worker) -> AsyncIterator[Caller]:
    """Somebody on the telephone who was greeted."""
    async with Caller("telephone") as caller:
        token = room_token(
            livekit.api_key,
            livekit.api_secret,
            f"telephone-{next(_calls)}",
            caller.identity,
            agent_name="agent-under-test",
            kind="sip",
        )
        # The bridge names no source of the sound.
        await caller.join(livekit.url, token, microphone=rtc.TrackSource.SOURCE_UNKNOWN)
        await caller.wait_for_agent()
        assert await caller.wait_for_sound(0.0, 20.0) is not None
        await caller.wait_for_silence()
        yield caller


async def ask_the_time(caller: Caller) -> int:
    """How often it takes to be understood: a lost packet may cost the demo recogniser a word."""
    for attempt in range(1, ATTEMPTS + 1):
        said = await caller.say(by_telephone(read_sound(SPEECH / QUESTION)))
        assert await caller.wait_for_sound(said.ended, 20.0) is not None
        await caller.wait_for_silence()
        if "it is" in caller.transcripts(of_agent=True)[-1].lower():
            return attempt
    return pytest.fail(f"not understood: {caller.transcripts(of_agent=True)}")


async def test_who_calls_by_telephone_is_heard_and_answered(caller: Caller) -> None:
    await ask_the_time(caller)


async def test_keys_that_are_pressed_are_no_words(caller: Caller) -> None:
    for code, digit in enumerate("0123"):
        await caller.room.local_participant.publish_dtmf(code=code, digit=digit)
    questions = await ask_the_time(caller)
    assert len(caller.transcripts(of_agent=True)) == 1 + questions

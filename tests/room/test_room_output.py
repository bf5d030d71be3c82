"""The agent's voice pauses at once, goes on where it was, and tells how far it has come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import pytest_asyncio
from livekit import rtc
from livekit.agents.voice import io

from services.livekit_local.room_output import QUEUED_SECONDS, RoomAudioOutput
from services.livekit_server.credentials import LiveKitCredentials
from tests.support.caller import room_token

_RATE = 16_000
_PATIENCE_SECONDS = 20.0
_TONE_SECONDS = 0.1
_TONES = [400 + 120 * place for place in range(20)]
"""Hertz; one after the other, so that what is missing is known."""


def _speech() -> list[rtc.AudioFrame]:
    times = np.arange(round(_TONE_SECONDS * _RATE)) / _RATE
    tones = [(8000 * np.sin(2 * np.pi * hertz * times)).astype(np.int16) for hertz in _TONES]
    return [rtc.AudioFrame(tone.tobytes(), _RATE, 1, len(tone)) for tone in tones]


@dataclass
class Playing:
    """An output, what it tells, and what a listener hears of it."""

    output: RoomAudioOutput
    runs: list[tuple[float, float]] = field(default_factory=list)
    """From where to where it says that it has played, in seconds."""
    finished: list[io.PlaybackFinishedEvent] = field(default_factory=list)
    heard: list[int] = field(default_factory=list)
    """Hertz of what was heard, 20 ms each; 0 for silence."""

    async def until(self, true: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while not true():
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError((self.runs, self.finished, self.heard)) from None

    async def speak(self) -> None:
        """Begin to play all tones."""
        for frame in _speech():
            await self.output.capture_frame(frame)
        self.output.flush()

    async def listen(self, track: rtc.Track) -> None:
        stream = rtc.AudioStream(track, sample_rate=_RATE, num_channels=1, frame_size_ms=20)
        try:
            async for event in stream:
                samples = np.frombuffer(event.frame.data, dtype=np.int16).astype(np.float32)
                loudest = int(np.argmax(np.abs(np.fft.rfft(samples, _RATE // 10)))) * 10
                self.heard.append(loudest if np.abs(samples).max() > 1000 else 0)
        finally:
            await stream.aclose()

    def tones(self) -> set[int]:
        """Places of the tones that were heard."""
        nearest = [int(np.argmin([abs(hertz - tone) for tone in _TONES])) for hertz in self.heard]
        return {place for place, hertz in zip(nearest, self.heard, strict=True) if hertz}


@pytest_asyncio.fixture(loop_scope="session")
async def playing(livekit: LiveKitCredentials) -> AsyncIterator[Playing]:
    """An output whose track a listener in the same room receives."""
    agent, listener = rtc.Room(), rtc.Room()
    key, secret = livekit.api_key, livekit.api_secret
    for room, name in ((agent, "speaks"), (listener, "listens")):
        token = room_token(key, secret, "room-output", name, agent_name=None)
        await room.connect(livekit.url, token)
    output = RoomAudioOutput(agent, sample_rate=_RATE)
    playing = Playing(output)
    tasks: list[asyncio.Task[None]] = []
    listener.on(
        "track_subscribed",
        lambda track, *_: tasks.append(asyncio.create_task(playing.listen(track))),
    )
    output.on(
        "playback_progressed",
        lambda run: playing.runs.append((run.offset, run.offset + run.duration)),
    )
    output.on("playback_finished", playing.finished.append)
    output.begin()
    yield playing
    await output.aclose()
    for room in (listener, agent):
        await room.disconnect()
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_a_pause_loses_nothing(playing: Playing) -> None:
    await playing.speak()
    await playing.until(lambda: 5 in playing.tones())
    playing.output.pause()
    # It says at once how far it has come, and that is where it goes on.
    ((first, paused_at),) = playing.runs
    assert first == 0.0
    await playing.until(lambda: playing.heard[-5:] == [0] * 5)
    assert not playing.finished
    # Of what the sender had in its queue nothing was heard.
    assert max(playing.tones()) <= paused_at / _TONE_SECONDS + 1
    playing.output.resume()
    await playing.until(lambda: bool(playing.finished))
    (event,) = playing.finished
    length = _TONE_SECONDS * len(_TONES)
    assert not event.interrupted
    assert abs(event.playback_position - length) < 1e-6
    assert playing.runs[1][0] == paused_at
    assert abs(playing.runs[-1][1] - length) < 1e-6
    await playing.until(lambda: playing.heard[-5:] == [0] * 5)
    around = range(int(paused_at / _TONE_SECONDS) - 1, int(paused_at / _TONE_SECONDS) + 4)
    assert set(around) <= playing.tones()


async def test_a_reply_that_is_paused_in_its_last_moment_has_not_ended(playing: Playing) -> None:
    await playing.speak()
    await playing.until(lambda: len(_TONES) - 3 in playing.tones())
    playing.output.pause()
    await playing.until(lambda: playing.heard[-5:] == [0] * 5)
    assert not playing.finished
    # Its end is still to come, unless somebody ends it.
    playing.output.clear_buffer()
    (event,) = playing.finished
    assert event.interrupted
    assert abs(event.playback_position - playing.runs[-1][1]) < 1e-6
    playing.output.resume()
    await playing.speak()
    await playing.until(lambda: len(playing.finished) == 2)
    assert not playing.finished[1].interrupted


async def test_what_is_cleared_before_its_end_is_dropped_up_to_there(playing: Playing) -> None:
    first, *rest = _speech()
    await playing.output.capture_frame(first)
    await playing.until(lambda: 0 in playing.tones())
    playing.output.clear_buffer()
    for frame in rest:
        await playing.output.capture_frame(frame)
    playing.output.flush()
    (event,) = playing.finished
    assert event.interrupted
    assert event.playback_position <= _TONE_SECONDS + QUEUED_SECONDS
    assert await playing.output.wait_for_playout() is event
    await playing.speak()
    await playing.until(lambda: len(playing.finished) == 2)
    # Nothing of the rest was played between them.
    assert playing.finished[1].playback_position == _TONE_SECONDS * len(_TONES)

"""A device hears what the session says, and the session learns how much of it was heard."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import numpy as np
import pytest
from livekit import rtc
from livekit.agents.voice.io import PlaybackFinishedEvent

from agent.console.audio import (
    BLOCK_SAMPLES,
    SAMPLE_RATE,
    EchoCanceller,
    Microphone,
    Speaker,
)


def frame(value: int, seconds: float) -> rtc.AudioFrame:
    samples = np.full(round(seconds * SAMPLE_RATE), value, dtype=np.int16)
    return rtc.AudioFrame(samples.tobytes(), SAMPLE_RATE, 1, len(samples))


def values(pcm: bytes) -> list[int]:
    """The distinct values of consecutive samples."""
    samples = np.frombuffer(pcm, dtype=np.int16)
    edges = np.flatnonzero(np.diff(samples)) + 1
    return [int(part[0]) for part in np.split(samples, edges)]


@dataclass
class Listening:
    """A speaker with what it reported."""

    speaker: Speaker = field(default_factory=Speaker)
    started: int = 0
    finished: list[PlaybackFinishedEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.speaker.on("playback_started", lambda _: self._on_started())
        self.speaker.on("playback_finished", self.finished.append)

    def _on_started(self) -> None:
        self.started += 1

    async def render(self, seconds: float) -> bytes:
        """What the device plays meanwhile; the speaker's reports have come afterwards."""
        sound = await asyncio.to_thread(self.speaker.render, round(seconds * SAMPLE_RATE))
        await asyncio.sleep(0)
        return sound


async def test_speech_is_played_and_its_end_reported() -> None:
    listening = Listening()
    await listening.speaker.capture_frame(frame(5, 0.1))
    await listening.speaker.capture_frame(frame(6, 0.1))
    listening.speaker.flush()
    assert values(await listening.render(0.15)) == [5, 6]
    assert (listening.started, listening.finished) == (1, [])
    assert values(await listening.render(0.1)) == [6, 0]
    (event,) = listening.finished
    assert not event.interrupted
    assert event.playback_position == pytest.approx(0.2)
    assert await listening.speaker.wait_for_playout() == event


async def test_gap_in_the_speech_is_silence_and_not_its_end() -> None:
    listening = Listening()
    await listening.speaker.capture_frame(frame(5, 0.02))
    assert values(await listening.render(0.04)) == [5, 0]
    assert listening.finished == []
    await listening.speaker.capture_frame(frame(6, 0.02))
    listening.speaker.flush()
    assert values(await listening.render(0.02)) == [6]
    assert listening.finished[0].playback_position == pytest.approx(0.04)
    assert listening.started == 1


async def test_interruption_silences_at_once_and_tells_what_was_heard() -> None:
    listening = Listening()
    await listening.speaker.capture_frame(frame(5, 1.0))
    listening.speaker.flush()
    await listening.render(0.3)
    listening.speaker.clear_buffer()
    assert values(await listening.render(0.1)) == [0]
    (event,) = listening.finished
    assert event.interrupted
    assert event.playback_position == pytest.approx(0.3)


async def test_rest_of_an_interrupted_speech_is_not_played() -> None:
    listening = Listening()
    await listening.speaker.capture_frame(frame(5, 0.1))
    listening.speaker.clear_buffer()
    await listening.speaker.capture_frame(frame(6, 0.1))
    listening.speaker.flush()
    await listening.speaker.capture_frame(frame(7, 0.1))
    listening.speaker.flush()
    assert values(await listening.render(0.2)) == [7, 0]
    assert [event.interrupted for event in listening.finished] == [True, False]


async def test_pause_holds_the_sound_and_loses_none() -> None:
    listening = Listening()
    await listening.speaker.capture_frame(frame(5, 0.1))
    listening.speaker.flush()
    await listening.render(0.05)
    listening.speaker.pause()
    assert values(await listening.render(0.2)) == [0]
    listening.speaker.resume()
    assert values(await listening.render(0.05)) == [5]
    assert listening.finished[0].playback_position == pytest.approx(0.1)


async def test_speech_that_has_run_out_ends_with_its_flush() -> None:
    listening = Listening()
    await listening.speaker.capture_frame(frame(5, 0.05))
    await listening.render(0.1)
    listening.speaker.flush()
    (event,) = listening.finished
    assert not event.interrupted
    assert event.playback_position == pytest.approx(0.05)


async def test_nothing_said_reports_nothing() -> None:
    listening = Listening()
    listening.speaker.flush()
    listening.speaker.clear_buffer()
    assert values(await listening.render(0.1)) == [0]
    assert (listening.started, listening.finished) == (0, [])


async def test_microphone_passes_on_sound_of_another_thread_in_order() -> None:
    microphone = Microphone()
    for value in (1, 2, 3):
        await asyncio.to_thread(microphone.push, bytes(frame(value, 0.02).data))
    heard = [values(bytes((await anext(microphone)).data)) for _ in range(3)]
    assert heard == [[1], [2], [3]]


async def test_microphone_drops_old_sound_that_nobody_takes() -> None:
    microphone = Microphone()
    for value in range(300):
        microphone.push(bytes(frame(value, 0.001).data))
    await asyncio.sleep(0)
    assert values(bytes((await anext(microphone)).data)) == [50]


async def test_detached_microphone_hears_nothing() -> None:
    microphone = Microphone()
    microphone.on_detached()
    microphone.push(bytes(frame(1, 0.02).data))
    await asyncio.sleep(0)
    microphone.on_attached()
    microphone.push(bytes(frame(2, 0.02).data))
    assert values(bytes((await anext(microphone)).data)) == [2]


def test_echo_of_the_speaker_is_removed() -> None:
    echo = EchoCanceller()
    echo.set_delay(0.0)
    noise = np.random.default_rng(1).normal(0, 4000, 4 * SAMPLE_RATE).astype(np.int16)
    left = bytearray()
    for start in range(0, len(noise), BLOCK_SAMPLES):
        block = noise[start : start + BLOCK_SAMPLES].tobytes()
        echo.played(block)
        cleaned = echo.heard(block)
        assert len(cleaned) == len(block)
        left += cleaned
    last_second = np.frombuffer(left, dtype=np.int16)[-SAMPLE_RATE:].astype(np.float64)
    assert np.sqrt(np.mean(last_second**2)) < 400

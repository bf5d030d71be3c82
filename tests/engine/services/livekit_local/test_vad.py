from __future__ import annotations

import asyncio

import numpy as np
import pytest
from livekit.agents import vad

from services.audio.samples import SAMPLE_RATE
from services.livekit_local import LocalVAD, LocalVADStream
from services.livekit_local.frames import FrameConverter
from services.vad.silero import (
    WINDOW_SAMPLES,
    WINDOW_SECONDS,
    Activity,
    VoiceActivityModel,
    VoiceActivityOptions,
)
from tests.support.frames import frame, frames
from tests.support.recordings import Samples, recording, silence

PATIENCE_SECONDS = 60.0
START, WINDOW, END = (
    vad.VADEventType.START_OF_SPEECH,
    vad.VADEventType.INFERENCE_DONE,
    vad.VADEventType.END_OF_SPEECH,
)


class Listener:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.heard_samples = 0
        self.ahead_samples: list[int] = []
        self.activities: list[Activity] = []

    def push(self, samples: Samples) -> None:
        self.heard_samples += len(samples)

    def observe(self, activity: Activity) -> None:
        self.ahead_samples.append(self.heard_samples - activity.position)
        self.activities.append(activity)


async def judged(
    stream: LocalVADStream, *parts: Samples, seconds: float = 0.02
) -> list[vad.VADEvent]:
    for piece in frames(np.concatenate(parts), seconds=seconds):
        stream.push_frame(piece)
    stream.end_input()
    async with asyncio.timeout(PATIENCE_SECONDS):
        return [event async for event in stream]


@pytest.fixture
def detector(voice_activity: VoiceActivityModel) -> LocalVAD:
    return LocalVAD(VoiceActivityOptions(min_silence_seconds=0.5))


@pytest.mark.parametrize("seconds", [0.01, 0.05, 0.1, 30.0])
async def test_listeners_and_the_framework_are_told_the_same_in_the_same_order(
    detector: LocalVAD, seconds: float
) -> None:
    listener = Listener()
    detector.subscribe(listener)
    audio = np.concatenate((silence(0.5), recording("turn_05").samples, silence(1.0)))
    events = await judged(detector.stream(), audio, seconds=seconds)
    assert [e.type for e in events if e.type is not WINDOW] == [START, END]
    assert [(e.samples_index, e.probability) for e in events] == [
        (a.position, a.probability) for a in listener.activities
    ]
    assert listener.heard_samples == len(audio)
    # However long the frames are, nobody hears much beyond what is judged.
    assert all(0 <= ahead < WINDOW_SAMPLES for ahead in listener.ahead_samples)


async def test_events_tell_how_long_somebody_spoke_and_was_silent(detector: LocalVAD) -> None:
    spoken = recording("turn_08")
    events = await judged(detector.stream(), spoken.samples, silence(1.0))
    (ended,) = (e for e in events if e.type is END)
    assert ended.silence_duration == pytest.approx(0.5, abs=WINDOW_SECONDS)
    voiced = spoken.speech_end_seconds - spoken.speech_start_seconds
    assert ended.speech_duration == pytest.approx(voiced + 0.5, abs=0.3)
    assert ended.timestamp == ended.samples_index / SAMPLE_RATE
    assert not ended.speaking
    assert detector.min_silence_duration == 0.5


async def test_a_flush_is_a_hard_boundary(detector: LocalVAD) -> None:
    stream = detector.stream()
    spoken = recording("turn_08").samples[: 2 * SAMPLE_RATE]
    for piece in frames(spoken):
        stream.push_frame(piece)
    stream.flush()
    events = await judged(stream, silence(1.0))
    assert [e.type for e in events if e.type is not WINDOW] == [START]
    after = events[-(SAMPLE_RATE // WINDOW_SAMPLES) :]
    assert not any(e.speaking for e in after)


async def test_who_unsubscribed_is_told_no_more(detector: LocalVAD) -> None:
    listener = Listener()
    unsubscribe = detector.subscribe(listener)
    unsubscribe()
    unsubscribe()
    await judged(detector.stream(), recording("turn_05").samples)
    assert listener.heard_samples == 0


async def test_closing_in_mid_speech_leaves_nothing(detector: LocalVAD, no_leaks: None) -> None:
    stream = detector.stream()
    for piece in frames(recording("turn_08").samples):
        stream.push_frame(piece)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await anext(stream)
    await stream.aclose()


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 44_100, 48_000])
def test_frames_are_converted_without_loss(rate: int) -> None:
    converter = FrameConverter()
    tone = (0.5 * np.sin(2 * np.pi * 440 * np.arange(SAMPLE_RATE) / SAMPLE_RATE)).astype("f4")
    parts = [converter.convert(piece) for piece in frames(tone, rate=rate, channels=2)]
    converted = np.concatenate([*parts, converter.flush()])
    assert converted.dtype == np.float32
    assert len(converted) == pytest.approx(SAMPLE_RATE, abs=SAMPLE_RATE // 200)
    middle = converted[2000:14000]
    assert np.sqrt(np.mean(np.square(middle))) == pytest.approx(0.5 / np.sqrt(2), rel=0.02)
    crossings = np.count_nonzero(np.diff(np.signbit(middle)))
    assert crossings == pytest.approx(2 * 440 * 12000 / SAMPLE_RATE, abs=2)


def test_channels_are_mixed_evenly() -> None:
    stereo = np.tile(np.array([[16384, 0]], dtype=np.int16), (160, 1))
    assert np.all(FrameConverter().convert(frame(stereo, SAMPLE_RATE)) == 0.25)


def test_the_loudest_samples_stay_within_bounds() -> None:
    extremes = np.array([[-32768], [32767]], dtype=np.int16)
    converted = FrameConverter().convert(frame(extremes, SAMPLE_RATE))
    assert converted.min() == -1.0
    assert converted.max() < 1.0


def test_a_frame_without_samples_adds_nothing() -> None:
    converter = FrameConverter()
    assert len(converter.convert(frame(np.empty((0, 1), np.int16), 48_000))) == 0
    assert len(converter.flush()) == 0

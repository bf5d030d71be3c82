"""Voice activity as LiveKit's interface, one object a room, over the shared Silero model."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

import numpy as np
from livekit import rtc
from livekit.agents import utils, vad
from numpy.typing import NDArray

from ..vad.silero import (
    SAMPLE_RATE,
    WINDOW_SECONDS,
    Activity,
    ActivityKind,
    VoiceActivityDetector,
    VoiceActivityModel,
    VoiceActivityOptions,
    windows,
)

Samples = NDArray[np.float32]

_EVENT_TYPES = {
    ActivityKind.STARTED: vad.VADEventType.START_OF_SPEECH,
    ActivityKind.WINDOW: vad.VADEventType.INFERENCE_DONE,
    ActivityKind.ENDED: vad.VADEventType.END_OF_SPEECH,
}


class VoiceListener(Protocol):
    """Takes the audio of a room together with what the detector makes of it, in order."""

    def push(self, samples: Samples) -> None:
        """Mono float32 audio at 16 kHz."""

    def observe(self, activity: Activity) -> None:
        """The judgement of the latest audio."""


class LocalVAD(vad.VAD):
    """The voice activity detector of one room; belongs to that room's event loop.

    Whoever subscribes hears the same audio and the same judgements as the framework does, in
    the same order, so that recognition and turn taking never disagree about a pause.
    """

    def __init__(
        self, model: VoiceActivityModel, options: VoiceActivityOptions | None = None
    ) -> None:
        super().__init__(capabilities=vad.VADCapabilities(update_interval=WINDOW_SECONDS))
        self._model = model
        self._options = options or VoiceActivityOptions()
        self._listeners: list[VoiceListener] = []
        self._silent_since: float | None = None

    @property
    def silent_since(self) -> float | None:
        """Monotonic time at which the caller fell silent; None while there is a voice.

        The earliest that any window since then tells, as some come late.
        """
        return self._silent_since

    @property
    def model(self) -> str:
        """The network's name."""
        return "silero"

    @property
    def provider(self) -> str:
        """Who runs it."""
        return "local"

    @property
    def min_silence_duration(self) -> float:
        """Seconds of silence that end speech; the framework checks it against its detector."""
        return self._options.min_silence_seconds

    @property
    def options(self) -> VoiceActivityOptions:
        """When speech begins and ends."""
        return self._options

    def note(self, activity: Activity) -> None:
        """Take the judgement of audio that has just come."""
        if activity.silent_seconds <= 0:
            self._silent_since = None
            return
        since = time.monotonic() - activity.silent_seconds
        self._silent_since = min(since, self._silent_since or since)

    def stream(self) -> LocalVADStream:
        """A detector for one stream of audio."""
        return LocalVADStream(
            self, VoiceActivityDetector(self._model, self._options), self._listeners
        )

    def subscribe(self, listener: VoiceListener) -> Callable[[], None]:
        """Have `listener` follow the room's audio; returns the way to end that."""
        self._listeners.append(listener)

        def unsubscribe() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return unsubscribe


class LocalVADStream(vad.VADStream):
    """Judges frames of any rate and channel count where they arrive: 0.2 ms for 32 ms of audio."""

    def __init__(
        self,
        owner: LocalVAD,
        detector: VoiceActivityDetector,
        listeners: list[VoiceListener],
    ) -> None:
        self._owner = owner
        self._detector = detector
        self._listeners = listeners
        self._converter = FrameConverter()
        super().__init__(owner)

    @utils.log_exceptions()
    async def _main_task(self) -> None:
        async for item in self._input_ch:
            if isinstance(item, vad.VADStream._FlushSentinel):
                self._detector.reset()
                continue
            if not self._input_ch.empty():
                # Audio that has piled up must not keep others from their turn.
                await asyncio.sleep(0)
            for window in windows(self._converter.convert(item)):
                for listener in tuple(self._listeners):
                    listener.push(window)
                for activity in self._detector.push(window):
                    self._owner.note(activity)
                    for listener in tuple(self._listeners):
                        listener.observe(activity)
                    self._event_ch.send_nowait(_event(activity))


class FrameConverter:
    """Frames of any sample rate and channel count to mono float32 at 16 kHz, in [-1, 1].

    A frame without samples gives none. When the rate changes in mid-stream a new resampler
    takes over.
    """

    def __init__(self) -> None:
        self._rate = 0
        self._resampler: rtc.AudioResampler | None = None

    def convert(self, frame: rtc.AudioFrame) -> Samples:
        """What the frame adds; the resampler may hold back a few samples for the next."""
        if frame.sample_rate <= 0 or frame.num_channels <= 0 or not frame.samples_per_channel:
            return np.empty(0, dtype=np.float32)
        mono = mix_down(frame)
        if frame.sample_rate == SAMPLE_RATE:
            self._rate, self._resampler = SAMPLE_RATE, None
            return _to_float(np.frombuffer(mono.data, dtype=np.int16))
        if self._resampler is None or self._rate != frame.sample_rate:
            self._rate = frame.sample_rate
            self._resampler = rtc.AudioResampler(
                frame.sample_rate, SAMPLE_RATE, quality=rtc.AudioResamplerQuality.HIGH
            )
        return self._join(self._resampler.push(mono))

    def flush(self) -> Samples:
        """What the resampler still holds."""
        return self._join(self._resampler.flush()) if self._resampler else self._join([])

    @staticmethod
    def _join(frames: list[rtc.AudioFrame]) -> Samples:
        if not frames:
            return np.empty(0, dtype=np.float32)
        return _to_float(np.concatenate([np.frombuffer(f.data, dtype=np.int16) for f in frames]))


def mix_down(frame: rtc.AudioFrame) -> rtc.AudioFrame:
    """The mean of the frame's channels; what it holds beyond its stated length is left out."""
    length = frame.samples_per_channel * frame.num_channels
    samples = np.frombuffer(frame.data, dtype=np.int16)
    if frame.num_channels == 1 and len(samples) == length:
        return frame
    mono = samples[:length].reshape(-1, frame.num_channels).mean(axis=1).astype(np.int16)
    return rtc.AudioFrame(
        data=mono.tobytes(),
        sample_rate=frame.sample_rate,
        num_channels=1,
        samples_per_channel=len(mono),
    )


def _to_float(samples: NDArray[np.int16]) -> Samples:
    return samples.astype(np.float32) / 32768.0


def _event(activity: Activity) -> vad.VADEvent:
    return vad.VADEvent(
        type=_EVENT_TYPES[activity.kind],
        samples_index=activity.position,
        timestamp=activity.position / SAMPLE_RATE,
        speech_duration=activity.speech_seconds,
        silence_duration=activity.silent_seconds,
        probability=activity.probability,
        speaking=activity.speaking,
        raw_accumulated_silence=activity.silent_seconds,
        raw_accumulated_speech=activity.voiced_seconds,
    )

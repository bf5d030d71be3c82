"""Audio frames of the framework as samples for the engines."""

from __future__ import annotations

import numpy as np
from livekit import rtc
from numpy.typing import NDArray

from ..audio.samples import SAMPLE_RATE, Samples


class FrameConverter:
    """Converts frames of any sample rate and channel count to mono float32 at 16 kHz, in [-1, 1].

    A frame without samples yields none. If the rate changes in mid-stream, a new resampler takes
    over.
    """

    def __init__(self) -> None:
        self._rate = 0
        self._resampler: rtc.AudioResampler | None = None

    def convert(self, frame: rtc.AudioFrame) -> Samples:
        """Return the samples of a frame; the resampler may hold back a few for the next."""
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
        """Return what the resampler still holds."""
        return self._join(self._resampler.flush()) if self._resampler else self._join([])

    @staticmethod
    def _join(frames: list[rtc.AudioFrame]) -> Samples:
        if not frames:
            return np.empty(0, dtype=np.float32)
        return _to_float(np.concatenate([np.frombuffer(f.data, dtype=np.int16) for f in frames]))


def mix_down(frame: rtc.AudioFrame) -> rtc.AudioFrame:
    """Average the channels of a frame; data beyond its stated length is dropped."""
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

"""Recorded speech as the frames that a room hands over, and back."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from livekit import rtc
from numpy.typing import NDArray

from tests.support.recordings import SAMPLE_RATE, Samples


def frames(
    samples: Samples, *, rate: int = SAMPLE_RATE, channels: int = 1, seconds: float = 0.02
) -> Iterator[rtc.AudioFrame]:
    """The audio at another rate, the same in each channel, in frames of `seconds`."""
    pcm = np.repeat(resampled(samples, rate), channels).reshape(-1, channels)
    step = max(1, round(seconds * rate))
    for start in range(0, len(pcm), step):
        yield frame(pcm[start : start + step], rate)


def frame(pcm: NDArray[np.int16], rate: int) -> rtc.AudioFrame:
    """One frame of [samples, channels]."""
    length, channels = pcm.shape
    return rtc.AudioFrame(
        data=pcm.tobytes(), sample_rate=rate, num_channels=channels, samples_per_channel=length
    )


def resampled(samples: Samples, rate: int) -> NDArray[np.int16]:
    """By linear interpolation, good enough for speech."""
    if rate != SAMPLE_RATE:
        places = np.arange(0, len(samples), SAMPLE_RATE / rate)
        samples = np.interp(places, np.arange(len(samples)), samples).astype(np.float32)
    pcm: NDArray[np.int16] = np.clip(samples * 32768.0, -32768, 32767).astype(np.int16)
    return pcm


def samples_of(frame: rtc.AudioFrame) -> Samples:
    """What a listener hears of a whole frame of speech, at the rate of recordings."""
    resampler = rtc.AudioResampler(
        frame.sample_rate, SAMPLE_RATE, quality=rtc.AudioResamplerQuality.HIGH
    )
    frames = [*resampler.push(frame), *resampler.flush()]
    pcm = np.concatenate([np.frombuffer(f.data, dtype=np.int16) for f in frames])
    return pcm.astype(np.float32) / 32768.0

"""Makes one channel of several: mixes two, or takes one where they would cancel each other."""

from __future__ import annotations

import math

import av
import numpy as np
from numpy.typing import NDArray

_FORMAT = "s16p"
_MEMORY_SECONDS = 0.5
"""Over which two channels are compared."""
_LEFT_OF_POWER = 0.1
"""Less than this share of the louder channel's power in the mean of both: they cancel each other.
Of channels that have nothing to do with each other a quarter or more is left."""
_SILENT_POWER = 1e-6
"""Of full scale, -60 dB: what is lost of it is not missed."""
_QUIETER = 0.5
"""The other channel is taken when the one in use has less than this share of its power: a change
can be heard."""


class Mixdown:
    """Turns the frames of one stream into mono frames; used by one thread."""

    def __init__(self, channel: int | None = None) -> None:
        """Mix the channels, or take the one with this index alone."""
        self._channel = channel
        self._to_planes = av.AudioResampler(format=_FORMAT)
        self._products: NDArray[np.float64] = np.zeros((2, 2))
        """Mean products of both channels, of the recent past; the powers on the diagonal."""
        self._weight = 0.0
        self._in_use: int | None = None
        self.cancelled_seconds = 0.0
        """Sound so far in which two channels cancelled each other, and one was taken."""

    def mono(self, frame: av.AudioFrame) -> list[av.AudioFrame]:
        """Return the frame's sound as mono, or as it is where FFmpeg is to mix its many channels.

        Raises FFmpegError or ValueError if it cannot be converted, and IndexError if it lacks the
        channel that was asked for.
        """
        channels = frame.layout.nb_channels
        if channels == 1 and not self._channel:
            return [frame]
        if channels != 2 and self._channel is None:
            return [frame]
        return [self._one(planes) for planes in self._to_planes.resample(frame)]

    def _one(self, frame: av.AudioFrame) -> av.AudioFrame:
        planes = frame.to_ndarray()
        if self._channel is not None:
            return _mono(planes[self._channel], frame.sample_rate)
        self._compare(planes.astype(np.float64) / 32768.0, frame.sample_rate)
        powers = np.diag(self._products)
        louder = int(np.argmax(powers))
        if powers[louder] < _SILENT_POWER or (
            self._products.sum() / 4 > _LEFT_OF_POWER * powers[louder]
        ):
            return _mono(planes.astype(np.int32).sum(axis=0) // 2, frame.sample_rate)
        if self._in_use is None or powers[self._in_use] < _QUIETER * powers[louder]:
            self._in_use = louder
        self.cancelled_seconds += frame.samples / frame.sample_rate
        return _mono(planes[self._in_use], frame.sample_rate)

    def _compare(self, planes: NDArray[np.float64], rate: int) -> None:
        count = planes.shape[1]
        kept = self._weight * math.exp(-count / (_MEMORY_SECONDS * rate))
        self._weight = kept + count
        self._products = (kept * self._products + planes @ planes.T) / max(1.0, self._weight)


def _mono(samples: NDArray[np.integer], rate: int) -> av.AudioFrame:
    plane = np.ascontiguousarray(samples, dtype=np.int16).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(plane, format=_FORMAT, layout="mono")
    frame.sample_rate = rate
    return frame

"""Raw PCM of any common format as the models take it, piece by piece."""

from __future__ import annotations

import av
import numpy as np
from numpy.typing import NDArray

from .mixdown import Mixdown
from .samples import SAMPLE_RATE, Samples

LOWEST_RATE, HIGHEST_RATE = 4_000, 192_000
"""Hz; no telephone has a lower rate and no recorder a higher one."""
WIDTHS = (1, 2, 3, 4)
"""Bytes of a sample: unsigned, then signed in little endian."""
MOST_CHANNELS = 8

_FORMAT = "s16"


class PCMStream:
    """Converts one stream of interleaved PCM to mono float32 in [-1, 1] at 16 kHz.

    Used by one thread at a time. Bytes may be cut anywhere between two calls.
    """

    def __init__(self, rate: int, width: int, channels: int) -> None:
        """Take the rate in Hz, the bytes of a sample and the channels.

        Raises ValueError outside the constants above.
        """
        if not LOWEST_RATE <= rate <= HIGHEST_RATE:
            raise ValueError(f"a sample rate of {rate} Hz: send {LOWEST_RATE} to {HIGHEST_RATE}")
        if width not in WIDTHS:
            raise ValueError(f"samples of {width} bytes: send 1 to 4")
        if not 1 <= channels <= MOST_CHANNELS:
            raise ValueError(f"{channels} channels: send 1 to {MOST_CHANNELS}")
        self.format = rate, width, channels
        self.bytes_per_second = rate * width * channels
        self._frame_bytes = width * channels
        self._rest = b""
        self._mixdown = Mixdown()
        self._resampler: av.AudioResampler | None = None
        if rate != SAMPLE_RATE or channels == 2:
            self._resampler = av.AudioResampler(format=_FORMAT, layout="mono", rate=SAMPLE_RATE)

    def push(self, data: bytes) -> Samples:
        """Convert the next bytes; an incomplete sample is kept for the next call."""
        data = self._rest + data if self._rest else data
        whole = len(data) - len(data) % self._frame_bytes
        self._rest = data[whole:]
        if not whole:
            return np.empty(0, dtype=np.float32)
        rate, width, channels = self.format
        samples = _as_int16(data[:whole], width).reshape(-1, channels)
        if channels > 2:
            samples = samples.mean(axis=1).astype(np.int16).reshape(-1, 1)
        if self._resampler is None:
            return samples.reshape(-1).astype(np.float32) / 32768.0
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples).reshape(1, -1),
            format=_FORMAT,
            layout="stereo" if channels == 2 else "mono",
        )
        frame.sample_rate = rate
        found = [
            resampled
            for mono in self._mixdown.mono(frame)
            for resampled in self._resampler.resample(mono)
        ]
        return _joined(found)

    def flush(self) -> Samples:
        """Return what the resampler still holds; nothing may be pushed after it."""
        if self._resampler is None:
            return np.empty(0, dtype=np.float32)
        return _joined(self._resampler.resample(None))


def _as_int16(data: bytes, width: int) -> NDArray[np.int16]:
    if width == 1:
        return (np.frombuffer(data, dtype=np.uint8).astype(np.int16) - 128) * 256
    if width == 3:
        # The upper two of three bytes.
        parts = np.frombuffer(data, dtype=np.uint8).reshape(-1, 3)[:, 1:]
        return np.ascontiguousarray(parts).view("<i2").reshape(-1).astype(np.int16)
    if width == 4:
        return (np.frombuffer(data, dtype="<i4") >> 16).astype(np.int16)
    return np.frombuffer(data, dtype="<i2").astype(np.int16)


def _joined(frames: list[av.AudioFrame]) -> Samples:
    if not frames:
        return np.empty(0, dtype=np.float32)
    samples = np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames])
    return samples.astype(np.float32) / 32768.0

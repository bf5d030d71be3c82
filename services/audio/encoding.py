"""Encodes speech into the formats of audio files and streams, piece by piece."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, Protocol

import av
import numpy as np
from numpy.typing import NDArray

ENCODED_RATE: Final = 24_000
"""Hz; all these codecs have it, and OpenAI's raw `pcm` has no other."""

_SAMPLE = "s16"
_UNKNOWN_BYTES = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class SoundFormat:
    """A format by its name."""

    content_type: str
    container: str = ""
    """FFmpeg's name; empty for those that need no encoder."""
    codec: str = ""
    sample: str = _SAMPLE
    """FFmpeg's name of the samples that the codec takes."""
    options: tuple[tuple[str, str], ...] = ()


SOUND_FORMATS: Final = {
    "mp3": SoundFormat(
        # Without the headers that are written at the end, for which a stream has no room.
        *("audio/mpeg", "mp3", "libmp3lame", "s16p"),
        (("write_xing", "0"), ("id3v2_version", "0")),
    ),
    "opus": SoundFormat(
        # In pages of 0.2 s (in microseconds) instead of a second, as somebody listens already.
        *("audio/ogg", "ogg", "libopus", _SAMPLE),
        (("page_duration", "200000"),),
    ),
    "aac": SoundFormat("audio/aac", "adts", "aac", "fltp"),
    "flac": SoundFormat("audio/flac", "flac", "flac", _SAMPLE),
    "wav": SoundFormat("audio/wav"),
    "pcm": SoundFormat("audio/pcm"),
}
"""By the names that OpenAI has for them; all are mono at `ENCODED_RATE`."""


class SoundEncoder(Protocol):
    """Encodes one sound; used by one thread at a time."""

    def encode(self, samples: NDArray[np.int16]) -> bytes:
        """Encode the next samples; returns what is complete, which may be nothing."""

    def finish(self) -> bytes:
        """Return the rest; nothing may be encoded after it."""

    def close(self) -> None:
        """Free the encoder. Idempotent."""


def sound_encoder(name: str, sample_rate: int) -> SoundEncoder:
    """Return an encoder for mono samples at `sample_rate` Hz; `name` is of `SOUND_FORMATS`."""
    form = SOUND_FORMATS[name]
    if form.container:
        return _Compressor(form, sample_rate)
    return _Samples(_wav_header() if name == "wav" else b"", sample_rate)


class _Samples:
    """16-bit samples, little-endian, after a header."""

    def __init__(self, header: bytes, sample_rate: int) -> None:
        self._header = header
        self._rate = sample_rate
        self._resampler = av.AudioResampler(format=_SAMPLE, layout="mono", rate=ENCODED_RATE)

    def encode(self, samples: NDArray[np.int16]) -> bytes:
        return self._taken(self._resampler.resample(_frame(samples, self._rate)))

    def finish(self) -> bytes:
        return self._taken(self._resampler.resample(None))

    def close(self) -> None:
        """Nothing is held."""

    def _taken(self, frames: list[av.AudioFrame]) -> bytes:
        header, self._header = self._header, b""
        return header + b"".join(f.to_ndarray().astype("<i2").tobytes() for f in frames)


class _Compressor:
    """One of FFmpeg's encoders with the container around it."""

    def __init__(self, form: SoundFormat, sample_rate: int) -> None:
        self._rate = sample_rate
        self._output = _Output()
        self._container = av.open(
            self._output, "w", format=form.container, options=dict(form.options)
        )
        stream = self._container.add_stream(
            form.codec, rate=ENCODED_RATE, layout="mono", format=form.sample
        )
        assert isinstance(stream, av.AudioStream)
        self._stream = stream

    def encode(self, samples: NDArray[np.int16]) -> bytes:
        self._container.mux(self._stream.encode(_frame(samples, self._rate)))
        return self._output.take()

    def finish(self) -> bytes:
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._output.take()

    def close(self) -> None:
        self._container.close()


class _Output:
    """A file that cannot be sought in, and is emptied as it grows."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, data: bytes) -> int:
        self._written += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._written)
        self._written.clear()
        return taken


def _frame(samples: NDArray[np.int16], sample_rate: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format=_SAMPLE, layout="mono")
    frame.sample_rate = sample_rate
    return frame


def _wav_header() -> bytes:
    """Return the header of a WAV file of which nobody knows how long it will be."""
    form = struct.pack("<HHIIHH", 1, 1, ENCODED_RATE, 2 * ENCODED_RATE, 2, 16)
    return (
        b"RIFF"
        + struct.pack("<I", _UNKNOWN_BYTES)
        + b"WAVEfmt "
        + struct.pack("<I", len(form))
        + form
        + b"data"
        + struct.pack("<I", _UNKNOWN_BYTES)
    )

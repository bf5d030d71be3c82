"""Sound files that anybody with the admin token may send, and any user may have."""

from __future__ import annotations

import io
import struct
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.audio.files import AudioFile, AudioFileError
from tests.fuzz.inputs import damaged, or_a_reason

RATE = 16_000
MAX_SECONDS = 5.0


def read(path: Path, data: bytes) -> None:
    """Read it as the product does: sound within the bounds, or a reason."""
    path.write_bytes(data)
    samples = 0
    with (
        or_a_reason(AudioFileError),
        AudioFile(path, sample_rate=RATE, max_seconds=MAX_SECONDS) as file,
    ):
        for chunk in file.chunks():
            assert np.isfinite(chunk).all()
            assert float(np.abs(chunk).max(initial=0)) <= 1.0
            samples += len(chunk)
    # What the resampler holds back may come on top.
    assert samples <= (MAX_SECONDS + 1) * RATE


@st.composite
def wavs(draw: st.DrawFn) -> bytes:
    """A WAV file whose header says what it likes."""
    form = struct.pack(
        "<HHIIHH",
        draw(st.sampled_from([0, 1, 2, 3, 6, 7, 0x11, 0x55, 0xFFFE, 0xFFFF])),
        draw(st.sampled_from([0, 1, 2, 8, 255, 65535])),
        draw(st.sampled_from([0, 1, 7, 999, 1000, 8000, 44_100, 2**31 - 1, 2**32 - 1])),
        draw(st.integers(0, 2**32 - 1)),
        draw(st.integers(0, 65535)),
        draw(st.sampled_from([0, 1, 8, 12, 16, 24, 32, 64, 65535])),
    )
    form += draw(st.binary(max_size=24))
    sound = draw(st.binary(max_size=20_000))
    told = draw(st.sampled_from([len(sound), 0, 1, 2**31 - 1, 2**32 - 1]))
    chunks = draw(st.lists(st.tuples(st.binary(min_size=4, max_size=4), st.binary(max_size=8))))
    other = b"".join(name + struct.pack("<I", len(body)) + body for name, body in chunks)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + other
    body += b"data" + struct.pack("<I", told) + sound
    return b"RIFF" + struct.pack("<I", draw(st.sampled_from([len(body), 0, 2**32 - 1]))) + body


@cache
def encoded(form: str, codec: str) -> bytes:
    """A second of a tone in a container."""
    file = io.BytesIO()
    with av.open(file, "w", format=form) as container:
        stream = container.add_stream(codec, rate=48_000)
        assert isinstance(stream, av.AudioStream)
        time = np.arange(48_000) / 48_000
        tone = np.asarray(16_000 * np.sin(2 * np.pi * 440 * time), dtype=np.int16)
        frame = av.AudioFrame.from_ndarray(tone.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = 48_000
        resampler = av.AudioResampler(format=stream.format, layout="mono", rate=48_000)
        for part in resampler.resample(frame):
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return file.getvalue()


@given(data=wavs())
def test_a_wav_file_is_sound_or_a_reason(tmp_path: Path, data: bytes) -> None:
    read(tmp_path / "file", data)


@pytest.mark.parametrize(
    ("form", "codec"), [("ogg", "libopus"), ("flac", "flac"), ("mp3", "mp3"), ("adts", "aac")]
)
@given(draw=st.data())
def test_a_compressed_file_is_sound_or_a_reason(
    tmp_path: Path, form: str, codec: str, draw: st.DataObject
) -> None:
    read(tmp_path / "file", draw.draw(damaged(encoded(form, codec))))


@given(data=st.binary(max_size=4000))
def test_any_bytes_are_sound_or_a_reason(tmp_path: Path, data: bytes) -> None:
    read(tmp_path / "file", data)

from __future__ import annotations

import numpy as np
import pytest

from services.audio.pcm import PCMStream
from services.audio.samples import SAMPLE_RATE, Samples

SECONDS = 0.5
HZ = 440.0


def tone(rate: int) -> Samples:
    """A tone at half of full scale."""
    return (0.5 * np.sin(2 * np.pi * HZ * np.arange(int(SECONDS * rate)) / rate)).astype(np.float32)


def encoded(samples: Samples, width: int, channels: int) -> bytes:
    """The tone as PCM, the same in each channel."""
    spread = np.repeat(samples, channels)
    if width == 1:
        return (np.round(spread * 127) + 128).astype(np.uint8).tobytes()
    if width == 3:
        whole = np.round(spread * (2**23 - 1)).astype("<i4")
        return whole.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    scale, kind = {2: (2**15 - 1, "<i2"), 4: (2**31 - 1, "<i4")}[width]
    return np.round(spread.astype(np.float64) * scale).astype(kind).tobytes()


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_the_sound_is_the_same_whatever_its_form(rate: int, width: int, channels: int) -> None:
    stream = PCMStream(rate, width, channels)
    data = encoded(tone(rate), width, channels)
    # Pieces that end in the middle of a sample.
    pieces = [stream.push(data[start : start + 1001]) for start in range(0, len(data), 1001)]
    heard = np.concatenate([*pieces, stream.flush()])
    assert heard.dtype == np.float32
    assert abs(len(heard) - SECONDS * SAMPLE_RATE) <= 64
    middle = heard[1000:-1000]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert abs(np.argmax(spectrum) * SAMPLE_RATE / len(middle) - HZ) < 5
    assert np.abs(middle).max() == pytest.approx(0.5, abs=0.03)


def test_less_than_a_sample_is_nothing_yet() -> None:
    stream = PCMStream(16_000, 2, 1)
    assert len(stream.push(b"")) == len(stream.push(b"\x00")) == 0
    assert stream.push(b"\x40\x00").tolist() == [0.5]
    assert stream.push(b"\xc0").tolist() == [-0.5]


@pytest.mark.parametrize("form", [(0, 2, 1), (10**9, 2, 1), (16_000, 0, 1), (16_000, 2, 99)])
def test_an_impossible_form_is_refused(form: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="send"):
        PCMStream(*form)

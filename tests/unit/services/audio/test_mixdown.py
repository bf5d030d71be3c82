"""Several channels become one that holds the sound of them all."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from services.audio.files import AudioFile, AudioFileError

RATE = 16_000
Pcm = NDArray[np.int16]


def noise(seed: int, seconds: float = 3.0, level: float = 0.2) -> Pcm:
    loud = np.random.default_rng(seed).normal(0, level, round(seconds * RATE))
    return np.asarray(np.clip(loud, -1, 1) * 32_767, dtype=np.int16)


def write(path: Path, *channels: Pcm, rate: int = RATE) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.stack(channels, axis=1).tobytes())
    return path


def read(path: Path, channel: int | None = None) -> tuple[NDArray[np.float64], float]:
    """The samples, in units of the file, and how long its channels cancelled each other."""
    with AudioFile(path, sample_rate=RATE, channel=channel) as file:
        samples = np.concatenate(list(file.chunks())).astype(np.float64) * 32_768
        return samples, file.cancelled_seconds


def test_two_channels_are_mixed_in_equal_parts(tmp_path: Path) -> None:
    left, right = noise(1), noise(2)
    samples, cancelled = read(write(tmp_path / "a.wav", left, right))
    assert np.abs(samples - (left.astype(float) + right) / 2).max() <= 1
    assert cancelled == 0


@pytest.mark.parametrize("other", [0.0, 0.3, 1.0, -0.3])
def test_channels_that_leave_enough_of_each_other_are_mixed(tmp_path: Path, other: float) -> None:
    left = noise(1)
    samples, cancelled = read(write(tmp_path / "a.wav", left, (other * left).astype(np.int16)))
    assert np.abs(samples - (1 + other) / 2 * left).max() <= 1.5
    assert cancelled == 0


@pytest.mark.parametrize("other", [-1.0, -0.8])
def test_of_channels_that_cancel_each_other_one_is_taken(tmp_path: Path, other: float) -> None:
    left = noise(1)
    right = (other * left).astype(np.int16)
    for channels in ((left, right), (right, left)):
        samples, cancelled = read(write(tmp_path / "a.wav", *channels))
        taken = channels[0] if other == -1.0 else left
        assert np.abs(samples - taken).max() <= 1
        assert cancelled == pytest.approx(3.0, abs=0.1)


def test_sound_is_mixed_again_once_the_channels_no_longer_cancel(tmp_path: Path) -> None:
    left, right = noise(1, 4.0), noise(2, 4.0)
    first = len(left) // 2
    right[:first] = -left[:first]
    samples, cancelled = read(write(tmp_path / "a.wav", left, right))
    assert np.abs(samples[:first] - left[:first]).max() <= 1
    late = slice(3 * RATE, None)
    assert np.abs(samples[late] - (left[late].astype(float) + right[late]) / 2).max() <= 1
    assert 2.0 <= cancelled < 3.0


def test_silence_cancels_nothing(tmp_path: Path) -> None:
    hiss = noise(1, level=0.0003)
    assert read(write(tmp_path / "a.wav", hiss, -hiss))[1] == 0


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_one_channel_can_be_taken_of_any_number(tmp_path: Path, rate: int) -> None:
    channels = [noise(seed, 1.0) for seed in range(6)]
    path = write(tmp_path / "a.wav", *channels, rate=rate)
    for index, channel in enumerate(channels):
        alone, _ = read(write(tmp_path / "one.wav", channel, rate=rate))
        assert np.abs(read(path, index)[0] - alone).max() <= 1


def test_a_channel_that_is_not_there_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", noise(1), noise(2))
    with pytest.raises(AudioFileError, match="has no channel 3"):
        AudioFile(path, sample_rate=RATE, channel=2)


def test_more_channels_are_mixed_by_their_layout(tmp_path: Path) -> None:
    silent = np.zeros(3 * RATE, dtype=np.int16)
    middle = noise(1)
    samples, _ = read(write(tmp_path / "a.wav", silent, silent, middle, silent, silent, silent))
    assert np.corrcoef(samples, middle)[0, 1] > 0.99

"""Any audio file becomes mono samples at the rate asked for; what is none says why."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import av
import numpy as np
import pytest

from services.audio.files import AudioFile, AudioFileError, AudioTooLongError, resample

RATE = 16_000


def tone(rate: int, seconds: float) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """440 Hz at half of full scale."""
    time = np.arange(round(rate * seconds)) / rate
    return np.asarray(16_000 * np.sin(2 * np.pi * 440 * time), dtype=np.int16)


def write_wav(path: Path, rate: int, channels: int, seconds: float) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.repeat(tone(rate, seconds), channels).tobytes())
    return path


def write_encoded(path: Path, codec: str) -> Path:
    """Two seconds of the tone in a compressed form."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=48_000)
        assert isinstance(stream, av.AudioStream)
        samples = tone(48_000, 2.0).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = 48_000
        resampler = av.AudioResampler(format=stream.format, layout="mono", rate=48_000)
        for part in resampler.resample(frame):
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return path


def samples_of(path: Path) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    with AudioFile(path, sample_rate=RATE) as file:
        return np.concatenate(list(file.chunks()))


def pitch(samples: np.ndarray[tuple[int], np.dtype[np.float32]]) -> float:
    """Hz of the strongest tone."""
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * RATE / len(samples))


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (44_100, 2), (48_000, 1), (96_000, 2)])
def test_any_rate_and_channels(tmp_path: Path, rate: int, channels: int) -> None:
    samples = samples_of(write_wav(tmp_path / "tone.wav", rate, channels, 2.0))
    assert len(samples) == pytest.approx(2 * RATE, abs=RATE // 20)
    assert pitch(samples) == pytest.approx(440, abs=2)
    assert float(np.max(np.abs(samples))) == pytest.approx(0.49, abs=0.03)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.flac", "flac"), ("a.mp4", "aac"), ("a.ogg", "libopus"), ("a.mp3", "mp3")],
)
def test_compressed_forms(tmp_path: Path, name: str, codec: str) -> None:
    samples = samples_of(write_encoded(tmp_path / name, codec))
    assert len(samples) == pytest.approx(2 * RATE, abs=RATE // 5)
    assert pitch(samples) == pytest.approx(440, abs=2)


def test_long_file_comes_in_small_parts(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "long.wav", 8_000, 1, 60.0)
    with AudioFile(path, sample_rate=RATE) as file:
        assert file.duration_seconds == pytest.approx(60.0, abs=0.1)
        lengths = [len(chunk) for chunk in file.chunks()]
    assert sum(lengths) == pytest.approx(60 * RATE, abs=RATE // 10)
    assert max(lengths) <= 2 * RATE


def test_damaged_part_is_left_out(tmp_path: Path) -> None:
    path = write_encoded(tmp_path / "damaged.mp3", "mp3")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = b"\xff" * 400
    path.write_bytes(data)
    assert len(samples_of(path)) > RATE


def test_truncated_file_gives_what_is_there(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "cut.wav", RATE, 1, 2.0)
    path.write_bytes(path.read_bytes()[: RATE * 2])
    assert len(samples_of(path)) == pytest.approx(RATE, abs=100)


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"", "is empty"), (b"no sound at all\n" * 50, "no audio file"), (b"\0" * 4000, "no audio")],
)
def test_what_is_no_audio_says_so(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "thing"
    path.write_bytes(content)
    with pytest.raises(AudioFileError, match=why):
        samples_of(path)


def test_missing_file_and_folder_say_so(tmp_path: Path) -> None:
    with pytest.raises(AudioFileError, match="does not exist"):
        AudioFile(tmp_path / "none.wav", sample_rate=RATE)
    with pytest.raises(AudioFileError, match="is a folder"):
        AudioFile(tmp_path, sample_rate=RATE)


def test_sound_without_any_samples_says_so(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "short.wav", RATE, 1, 0.0)
    with pytest.raises(AudioFileError, match="no sound"):
        samples_of(path)


def test_playlist_does_not_fetch_what_it_names(tmp_path: Path) -> None:
    path = tmp_path / "list.m3u8"
    path.write_text("#EXTM3U\n#EXTINF:2,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(AudioFileError):
        samples_of(path)


def test_samples_change_their_rate_and_keep_their_pitch() -> None:
    samples = resample(tone(22_050, 1.0), 22_050, RATE)
    assert samples.dtype == np.float32
    assert len(samples) == pytest.approx(RATE, abs=RATE // 20)
    assert pitch(samples) == pytest.approx(440, abs=2)


@pytest.mark.parametrize("rate", [1, 999, 768_001, 2**31 - 1])
def test_a_rate_that_nothing_records_at_says_so(tmp_path: Path, rate: int) -> None:
    path = tmp_path / "rate.wav"
    form = struct.pack("<HHIIHH", 1, 1, rate, 0, 2, 16)
    head = b"RIFF" + bytes(4) + b"WAVEfmt " + struct.pack("<I", len(form)) + form
    path.write_bytes(head + b"data" + struct.pack("<I", 2000) + bytes(2000))
    with pytest.raises(AudioFileError, match=r"sample rate|cannot be decoded"):
        samples_of(path)


def test_silence_is_as_long_as_sound(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "long.wav", RATE, 1, 3.0)
    with pytest.raises(AudioTooLongError, match="longer than 2 seconds"):
        AudioFile(path, sample_rate=RATE, max_seconds=2)
    # The header need not tell how much there is.
    untold = write_encoded(tmp_path / "untold.flac", "flac")
    data = bytearray(untold.read_bytes())
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    untold.write_bytes(data)
    with AudioFile(untold, sample_rate=RATE, max_seconds=1) as file:
        assert file.duration_seconds is None
        with pytest.raises(AudioTooLongError):
            list(file.chunks())


def test_a_reader_that_is_told_to_stop_gives_no_more(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "long.wav", RATE, 1, 30.0)
    with AudioFile(path, sample_rate=RATE) as file:
        chunks = file.chunks()
        next(chunks)
        file.stop()
        assert len(list(chunks)) <= 1


def test_sound_in_no_known_form_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "unknown.wav"
    form = struct.pack("<HHIIHH", 0, 0, 1, 0, 0, 0)
    path.write_bytes(b"RIFF$\x00\x00\x00WAVEfmt \x10\x00\x00\x00" + form + b"data" + bytes(4))
    with pytest.raises(AudioFileError, match="no sound that can be decoded"):
        AudioFile(path, sample_rate=RATE)

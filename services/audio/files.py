"""Audio and video files of any format as one stream of samples, in bounded memory."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError, InvalidDataError
from numpy.typing import NDArray

from .mixdown import Mixdown
from .samples import Samples

_CHUNK_SECONDS = 1.0
_RATES = range(1000, 768_001)
"""Hz; no speech has a lower rate, at which each sample would become thousands, and no recorder a
higher one."""
_FORMAT = "s16"
"""With float samples FFmpeg mixes stereo to more than full scale."""
_OPTIONS = {"protocol_whitelist": "file"}
"""A playlist must not fetch anything over the network."""


class AudioFileError(Exception):
    """The file cannot be read as audio; the message says why, without its name."""


class AudioTooLongError(AudioFileError):
    """The file contains more audio than allowed."""


class AudioFile:
    """An open file; used by one thread at a time, closed by its `with` block."""

    def __init__(
        self,
        path: Path,
        *,
        sample_rate: int,
        max_seconds: float | None = None,
        channel: int | None = None,
    ) -> None:
        """Open the first audio stream of `path`, or one channel of it, counted from 0; blocks.

        Raises AudioFileError, or AudioTooLongError if the stated duration exceeds `max_seconds`.
        """
        if path.is_dir():
            raise AudioFileError("is a folder")
        if not path.exists():
            raise AudioFileError("does not exist")
        if path.is_file() and path.stat().st_size == 0:
            raise AudioFileError("is empty")
        try:
            self._container = av.open(str(path), options=_OPTIONS, metadata_errors="ignore")
        except FFmpegError as error:
            raise AudioFileError(f"is no audio file that can be read ({_why(error)})") from error
        except OSError as error:
            raise AudioFileError(f"cannot be opened ({error.strerror})") from error
        if not self._container.streams.audio:
            self._container.close()
            raise AudioFileError("has no sound in it")
        codec = self._container.streams.audio[0].codec_context
        if codec is None:
            # FFmpeg knows no decoder for what the file says it holds.
            self._container.close()
            raise AudioFileError("has no sound that can be decoded")
        self._rate = sample_rate
        self._max_seconds = math.inf if max_seconds is None else max_seconds
        self._stopped = False
        self.read_seconds = 0.0
        """Sound that was decoded so far, silence included."""
        self.channels: int = codec.channels
        """As the file states."""
        if channel is not None and channel >= self.channels:
            self._container.close()
            raise AudioFileError(f"has no channel {channel + 1}")
        self._mixdown = Mixdown(channel)
        duration = self._container.duration
        self.duration_seconds = duration / av.time_base if duration and duration > 0 else None
        """The stated duration, if there is one."""
        if (self.duration_seconds or 0.0) > self._max_seconds:
            self._container.close()
            raise self._too_long()

    def __enter__(self) -> AudioFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    @property
    def cancelled_seconds(self) -> float:
        """Sound so far in which two channels would have cancelled each other in the mix."""
        return self._mixdown.cancelled_seconds

    def stop(self) -> None:
        """Make `chunks` end before its next piece; from any thread."""
        self._stopped = True

    def chunks(self) -> Iterator[Samples]:
        """Yield the audio, mono in [-1, 1], about a second at a time.

        Damaged parts are left out. Raises AudioFileError if nothing can be decoded, and
        AudioTooLongError once there is more than `max_seconds` of audio, silence included.
        """
        waiting: list[Samples] = []
        length = 0
        heard = False
        for samples in self._resampled():
            heard = True
            waiting.append(samples)
            length += len(samples)
            if length >= _CHUNK_SECONDS * self._rate:
                yield np.concatenate(waiting)
                waiting, length = [], 0
        if waiting:
            yield np.concatenate(waiting)
        if not heard:
            raise AudioFileError("has no sound that can be decoded")

    def _resampled(self) -> Iterator[Samples]:
        resampler = av.AudioResampler(format=_FORMAT, layout="mono", rate=self._rate)
        for frame in self._decoded():
            if self._stopped:
                return
            if frame.sample_rate not in _RATES:
                raise AudioFileError(f"has a sample rate of {frame.sample_rate} Hz")
            # Checked ahead of the resampler, which would expand a frame with a false rate.
            self.read_seconds += frame.samples / frame.sample_rate
            if self.read_seconds > self._max_seconds:
                raise self._too_long()
            # The timestamps of damaged files jump, which the resampler would fill or refuse.
            frame.pts = None
            for mono in self._mono(frame):
                yield from _samples_of(_resample(resampler, mono))
        yield from _samples_of(_resample(resampler, None))

    def _mono(self, frame: av.AudioFrame) -> list[av.AudioFrame]:
        with _telling():
            return self._mixdown.mono(frame)

    def _too_long(self) -> AudioTooLongError:
        return AudioTooLongError(f"is longer than {self._max_seconds:g} seconds")

    def _decoded(self) -> Iterator[av.AudioFrame]:
        try:
            for packet in self._container.demux(audio=0):
                with contextlib.suppress(InvalidDataError):
                    yield from packet.decode()
        except FFmpegError as error:
            raise AudioFileError(f"cannot be decoded ({_why(error)})") from error


def resample(pcm: NDArray[np.int16], from_rate: int, to_rate: int) -> Samples:
    """Convert mono samples at `from_rate` Hz to samples in [-1, 1] at `to_rate` Hz."""
    frame = av.AudioFrame.from_ndarray(pcm.reshape(1, -1), format=_FORMAT, layout="mono")
    frame.sample_rate = from_rate
    resampler = av.AudioResampler(format=_FORMAT, layout="mono", rate=to_rate)
    frames = [*resampler.resample(frame), *resampler.resample(None)]
    return np.concatenate([*_samples_of(frames)])


def _resample(resampler: av.AudioResampler, frame: av.AudioFrame | None) -> list[av.AudioFrame]:
    with _telling():
        return resampler.resample(frame)


@contextlib.contextmanager
def _telling() -> Iterator[None]:
    """Turn the errors of a conversion into AudioFileError.

    Such as a rate or a channel count that changes to an impossible one between frames.
    """
    try:
        yield
    except (FFmpegError, ValueError, IndexError) as error:
        why = _why(error) if isinstance(error, FFmpegError) else str(error)
        raise AudioFileError(f"cannot be decoded ({why})") from error


def _samples_of(frames: list[av.AudioFrame]) -> Iterator[Samples]:
    for frame in frames:
        yield np.asarray(frame.to_ndarray(), dtype=np.float32).reshape(-1) / 32768.0


def _why(error: FFmpegError) -> str:
    return error.strerror or type(error).__name__

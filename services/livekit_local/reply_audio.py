"""The sound of one reply, in frames for the framework and measured against its playback."""

from __future__ import annotations

import asyncio
import math
import time

import numpy as np
from livekit import rtc
from livekit.agents import tts
from livekit.agents.types import TimedString

from ..tts.types import PCM, SynthesisPiece

_INAUDIBLE = 0.005 * 32768
"""Below -46 dB of full scale; a voice begins a sentence with some 40 ms of that."""
_KEPT_SILENCE_SECONDS = 0.005
_LONGEST_FRAME_SECONDS = 0.2
"""As the framework's own frames; its tests of plugins allow 0.25 s."""
_SAMPLE_BYTES = 2


class ReplyAudio:
    """The speech of one reply so far, measured against its playback."""

    def __init__(
        self,
        emitter: tts.AudioEmitter,
        voice_rate: int,
        output_rate: int,
        limit_seconds: float | None,
    ) -> None:
        self._emitter = emitter
        self._limit_seconds = limit_seconds
        self._rate = output_rate
        self._resampler = (
            rtc.AudioResampler(voice_rate, output_rate, quality=rtc.AudioResamplerQuality.HIGH)
            if voice_rate != output_rate
            else None
        )
        self._voice_rate = voice_rate
        self._sentence_start = 0.0
        self._begun = False
        self._plays_until = 0.0
        self.seconds = 0.0
        """Speech emitted so far."""

    @property
    def ahead_seconds(self) -> float:
        """Speech emitted but not played yet."""
        return max(0.0, self._plays_until - time.monotonic())

    @property
    def ahead_bytes(self) -> int:
        """Size of the speech emitted but not played yet."""
        return round(self.ahead_seconds * self._rate) * _SAMPLE_BYTES

    async def wait_until_needed(self) -> None:
        """Wait while far enough ahead, so that an interruption wastes little."""
        if self._limit_seconds is None:
            return
        excess = self.ahead_seconds - self._limit_seconds
        if excess > 0:
            await asyncio.sleep(excess)

    def begin_sentence(self) -> None:
        """Count the times of the following words from here."""
        self._sentence_start = self.seconds

    def push(self, piece: SynthesisPiece) -> None:
        """Emit audio and the words that begin in it, without silence ahead of the reply."""
        samples = piece.samples
        if not self._begun:
            samples = samples[self._silent_samples(samples) :]
            self._begun = bool(len(samples))
            self._sentence_start -= (len(piece.samples) - len(samples)) / self._voice_rate
        for word in piece.words:
            self._emitter.push_timed_transcript(
                TimedString(
                    text=f"{word.text} ",
                    start_time=max(0.0, self._sentence_start + word.start_seconds),
                    end_time=max(0.0, self._sentence_start + word.end_seconds),
                )
            )
        if len(samples):
            self._push_samples(samples)

    def _silent_samples(self, samples: PCM) -> int:
        """Return how many samples to skip ahead of the first audible one."""
        audible = np.flatnonzero(np.abs(samples.astype(np.int32)) > _INAUDIBLE)
        if not len(audible):
            return len(samples)
        return max(0, int(audible[0]) - round(_KEPT_SILENCE_SECONDS * self._voice_rate))

    def push_silence(self, seconds: float) -> None:
        """Emit silence."""
        self._push_samples(np.zeros(round(seconds * self._voice_rate), dtype=np.int16))

    def finish(self) -> None:
        """Emit what the resampler still holds."""
        if self._resampler is not None:
            for ready in self._resampler.flush():
                self._emit(ready.data, ready.sample_rate)

    def _push_samples(self, samples: PCM) -> None:
        if self._resampler is None:
            self._emit(samples, self._voice_rate)
        else:
            for ready in self._resampler.push(bytearray(samples.tobytes())):
                self._emit(ready.data, ready.sample_rate)
        seconds = len(samples) / self._voice_rate
        self.seconds += seconds
        self._plays_until = max(self._plays_until, time.monotonic()) + seconds

    def _emit(self, samples: PCM | memoryview, sample_rate: int) -> None:
        """Emit frames of equal length, no longer than the framework expects."""
        pcm = np.asarray(samples, dtype=np.int16)
        parts = math.ceil(len(pcm) / (sample_rate * _LONGEST_FRAME_SECONDS))
        for part in np.array_split(pcm, max(1, parts)):
            self._emitter.push_frame(
                rtc.AudioFrame(
                    data=part.tobytes(),
                    sample_rate=sample_rate,
                    num_channels=1,
                    samples_per_channel=len(part),
                )
            )

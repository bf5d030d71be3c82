"""One request to speak: text in, whole or while it is written, and sound out."""

from __future__ import annotations

import contextlib

import numpy as np
from wyoming.audio import AudioChunk, AudioStart, AudioStop

from ..inference import InferenceError, Priority
from ..tts.interface import TTSEngine
from ..tts.text.sentences import SentenceSplitter
from ..tts.types import PCM, Delivery, TTSError
from .errors import WyomingError
from .limits import LONGEST_TEXT_CHARACTERS, WyomingLimits
from .outlet import Outlet

_CHUNK_SAMPLES = 4096
"""Of one event: some 0.2 s, which a satellite with little memory can take."""
_NO_SOUND_SECONDS = 0.01
"""Sent for a text without any sound, since players expect some."""


class Speaking:
    """Speaks one text. The sound is computed as fast as the client takes it, and no faster."""

    def __init__(
        self,
        voice: TTSEngine,
        delivery: Delivery,
        outlet: Outlet,
        limits: WyomingLimits,
        *,
        owner: str,
    ) -> None:
        self._voice = voice
        self._delivery = delivery
        self._outlet = outlet
        self._limits = limits
        self._owner = owner
        self._splitter = SentenceSplitter(language=voice.language)
        self._characters = 0
        self._samples = 0
        self._started = False

    async def push(self, text: str) -> None:
        """Take more of the text, and speak the sentences that are complete.

        Raises WyomingError for too much text, or if the voice fails.
        """
        self._characters += len(text)
        if self._characters > LONGEST_TEXT_CHARACTERS:
            raise WyomingError(
                "too-long", f"the text is longer than {LONGEST_TEXT_CHARACTERS} characters"
            )
        for sentence in self._splitter.push(text):
            await self._speak(sentence)

    async def finish(self) -> None:
        """Speak the rest and end the sound; raises like `push`."""
        for sentence in self._splitter.flush():
            await self._speak(sentence)
        if not self._samples:
            silence = np.zeros(round(_NO_SOUND_SECONDS * self._voice.sample_rate), dtype=np.int16)
            await self._send(silence)
        await self._outlet.send(AudioStop(timestamp=self._timestamp))

    @property
    def _timestamp(self) -> int:
        return self._samples * 1000 // self._voice.sample_rate

    async def _speak(self, sentence: str) -> None:
        pieces = self._voice.synthesize(
            sentence,
            owner=self._owner,
            priority=Priority.BATCH,
            deadline_seconds=self._limits.sentence_seconds,
            delivery=self._delivery,
        )
        try:
            async with contextlib.aclosing(pieces):
                async for piece in pieces:
                    await self._send(piece.samples)
        except (TTSError, InferenceError) as error:
            raise WyomingError("engine", f"the text was not spoken: {error}") from error

    async def _send(self, samples: PCM) -> None:
        rate = self._voice.sample_rate
        if not self._started:
            self._started = True
            await self._outlet.send(AudioStart(rate=rate, width=2, channels=1, timestamp=0))
        for start in range(0, len(samples), _CHUNK_SAMPLES):
            part = samples[start : start + _CHUNK_SAMPLES]
            await self._outlet.send(
                AudioChunk(
                    rate=rate,
                    width=2,
                    channels=1,
                    audio=part.astype("<i2").tobytes(),
                    timestamp=self._timestamp,
                )
            )
            self._samples += len(part)

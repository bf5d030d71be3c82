"""Speaks the sentences of replies with the shared voice, leaving out those that fail."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterable, Awaitable, Callable
from dataclasses import dataclass, field

from livekit.agents import tts

from ..inference import InferenceError, Priority
from ..tts.interface import TTSEngine
from ..tts.types import Delivery, TTSError
from .errors import api_error
from .reply_audio import ReplyAudio

logger = logging.getLogger("services.livekit_local")

_URGENT_SECONDS = 1.0
"""With less speech than this ahead of playback, the next piece is urgent."""


@dataclass(frozen=True, slots=True)
class Speaking:
    """How a room's sentences are synthesised."""

    engine: Callable[[], Awaitable[TTSEngine]]
    delivery: Delivery
    room: str
    timeout_seconds: float
    """Engine time of one sentence."""
    ahead_seconds: float | None
    """How far to synthesise ahead of playback; None for no bound."""
    in_service: Callable[[], bool]
    unfinished: set[ReplyAudio] = field(default_factory=set)
    """Speech in progress."""

    async def language(self) -> str:
        """Return the language of the voice; English if it cannot be loaded, as `speak` says why."""
        try:
            return (await self.engine()).language
        except Exception:
            return "en"

    async def speak(
        self,
        sentences: AsyncIterable[str],
        emitter: tts.AudioEmitter,
        sample_rate: int,
        timeout_seconds: float,
    ) -> None:
        """Speak the sentences at `sample_rate` Hz, leaving out those that fail.

        `timeout_seconds` bounds the engine time of a sentence as well. Raises APIError if nothing
        could be spoken.
        """
        try:
            voice = await self.engine()
        except Exception as error:
            raise api_error("speech synthesis", error) from error
        speech = ReplyAudio(emitter, voice.sample_rate, sample_rate, self.ahead_seconds)
        self.unfinished.add(speech)
        try:
            failure = await self._speak(voice, sentences, speech, timeout_seconds)
        finally:
            self.unfinished.discard(speech)
        if speech.seconds == 0.0:
            if failure is not None:
                raise api_error("speech synthesis", failure) from failure
            # The text had nothing to say, such as an emoji; the framework expects some audio.
            speech.push_silence(0.01)
        speech.finish()

    async def _speak(
        self,
        voice: TTSEngine,
        sentences: AsyncIterable[str],
        speech: ReplyAudio,
        timeout_seconds: float,
    ) -> Exception | None:
        """Speak as many sentences as possible; return the last failure."""
        failure: Exception | None = None
        async for sentence in sentences:
            await speech.wait_until_needed()
            if not self.in_service():
                failure = TTSError("the voice is out of service for a while")
                continue
            urgent = speech.ahead_seconds < _URGENT_SECONDS
            pieces = voice.synthesize(
                sentence,
                owner=self.room,
                priority=Priority.FINAL if urgent else Priority.SPECULATIVE,
                deadline_seconds=min(self.timeout_seconds, timeout_seconds),
                delivery=self.delivery,
            )
            speech.begin_sentence()
            try:
                async with contextlib.aclosing(pieces):
                    async for piece in pieces:
                        speech.push(piece)
                        await speech.wait_until_needed()
            except (TTSError, InferenceError) as error:
                failure = error
                logger.warning(
                    "sentence not spoken",
                    extra={"error": str(error), "characters": len(sentence)},
                )
        return failure

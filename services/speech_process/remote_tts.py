"""A voice that computes in a speech process."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import Any

import numpy as np

from .. import defaults
from ..inference import DynamicPriority, Priority
from ..tts.interface import AS_LOADED
from ..tts.text.sentences import split_sentences
from ..tts.types import Delivery, SynthesisError, SynthesisPiece
from .frames import FrameError, Header, field, pcm
from .messages import MAX_TEXT_CHARACTERS, Terms, delivery_header, read_timed_words
from .remote_calls import Calls, RemoteModel, current

_WINDOW = 2
"""Pieces of sound under way: one that is played to the caller, and one that is computed."""


class RemoteTTS:
    """A voice of the speech process (a `TTSEngine`)."""

    def __init__(
        self,
        model: RemoteModel,
        calls: Calls,
        *,
        speaker: int | None,
        speed: float,
        engine: str,
    ) -> None:
        """It speaks as `speaker` and at `speed` unless a call says. Raises FrameError."""
        facts = model.facts
        self.name = model.name
        self._engine = engine
        self.language = field(facts, "language", str)
        self.sample_rate = field(facts, "sample_rate", int)
        self.speakers = field(facts, "speakers", int)
        self.can_stream = field(facts, "can_stream", bool)
        self._calls = calls
        self._wanted = model.wanted
        self._as_loaded = Delivery(speaker, speed)

    @property
    def cached_bytes(self) -> int:
        """0: fixed phrases are kept in the speech process, once for all."""
        return 0

    async def synthesize(
        self,
        sentence: str,
        *,
        owner: str,
        priority: Priority | DynamicPriority = Priority.FINAL,
        deadline_seconds: float = defaults.TTS_TIMEOUT_SECONDS,
        delivery: Delivery = AS_LOADED,
    ) -> AsyncGenerator[SynthesisPiece, None]:
        """As `TTSEngine.synthesize`; at most two pieces are computed ahead."""
        if len(sentence) > MAX_TEXT_CHARACTERS:
            raise SynthesisError(f"a sentence may have {MAX_TEXT_CHARACTERS} characters")
        header = {
            "type": "synthesize",
            "voices": self._wanted["voices"],
            "text": sentence,
            **Terms(owner, current(priority), deadline_seconds, None).header(),
            "delivery": self._delivery(delivery),
            "window": _WINDOW,
        }
        with self._calls.counted(self._engine, priority):
            frames = self._calls.link.stream(header, priority=priority)
            parts: list[np.ndarray[Any, np.dtype[np.int16]]] = []
            words: list[Any] = []
            async with contextlib.aclosing(frames):
                async for answer, payload in frames:
                    try:
                        parts.append(pcm(payload))
                        words += read_timed_words(answer)
                    except FrameError as error:
                        raise SynthesisError(
                            f"the speech process answers oddly: {error}"
                        ) from error
                    if not answer.get("more"):
                        samples = parts[0] if len(parts) == 1 else np.concatenate(parts)
                        piece = SynthesisPiece(samples, tuple(words))
                        parts, words = [], []
                        yield piece

    async def remember(
        self,
        phrases: Iterable[str],
        *,
        owner: str = "phrases",
        priority: Priority = Priority.BATCH,
        delivery: Delivery = AS_LOADED,
    ) -> None:
        """Have the speech process synthesize and keep these phrases, once for all clients."""
        for phrase in phrases:
            for sentence in split_sentences(phrase, language=self.language):
                await self._calls.link.request(
                    {
                        "type": "remember",
                        "voices": self._wanted["voices"],
                        "phrases": [sentence],
                        **Terms(owner, priority, defaults.TTS_TIMEOUT_SECONDS, None).header(),
                        "delivery": self._delivery(delivery),
                    }
                )

    def forget_phrases(self) -> int:
        """Do nothing: the phrases are not in this process."""
        return 0

    def close(self) -> None:
        """Let the speech process unload it, once no client uses it."""
        self._calls.link.send_soon({"type": "release", **self._wanted})

    def retire(self, successor: Callable[[], Awaitable[object]]) -> None:
        """Close it; whoever still holds it is served by the speech process as before."""
        self.close()

    def _delivery(self, wanted: Delivery) -> Header:
        own = self._as_loaded
        return delivery_header(
            Delivery(
                own.speaker if wanted.speaker is None else wanted.speaker,
                own.speed if wanted.speed is None else wanted.speed,
            )
        )

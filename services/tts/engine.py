"""Speech synthesis: text in, sound out in pieces, with every model call at the scheduler."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from .. import defaults
from ..inference import DynamicPriority, InferenceScheduler, InferenceTimeout, Priority, Run
from ..models.voice_parts import VoiceParts
from .interface import AS_LOADED
from .phrase_cache import PhraseCache
from .piper.voice import PiperVoice, Synthesis
from .text.sentences import split_sentences
from .types import (
    Delivery,
    SynthesisError,
    SynthesisPiece,
    SynthesisTimeout,
    TimedWord,
    TTSError,
    TTSLoadError,
)

__all__ = [
    "Delivery",
    "StreamingTTS",
    "SynthesisError",
    "SynthesisPiece",
    "SynthesisTimeout",
    "TTSConfig",
    "TTSError",
    "TTSLoadError",
    "TimedWord",
]

logger = logging.getLogger("services.tts")

_WARM_UP_SENTENCE = "1 2 3 4 5 6 7 8 9 10."


@dataclass(frozen=True, slots=True)
class TTSConfig:
    """Which voice to load, and how it speaks."""

    model: Path
    """A Piper voice, NAME.onnx."""
    config: Path
    """Its configuration, NAME.onnx.json."""
    parts: VoiceParts | None = None
    """The files to load it from; None for `model` itself, whole."""
    name: str = "custom"
    speaker: int | None = None
    """For voices with several speakers; None for the voice's default."""
    speed: float = defaults.TTS_SPEED
    """2 is twice as fast as the voice's own pace."""
    threads: int = 1
    """Threads inside one call."""
    phrase_cache_bytes: int = defaults.TTS_PHRASE_CACHE_MB * 2**20
    engine: str = "tts"
    """The name of its calls at the scheduler."""


class StreamingTTS:
    """A voice in this process (a `TTSEngine`)."""

    def __init__(self, voice: PiperVoice, config: TTSConfig, scheduler: InferenceScheduler) -> None:
        self._voice: PiperVoice | None = voice
        self._successor: Callable[[], Awaitable[StreamingTTS]] | None = None
        self._scheduler = scheduler
        self._phrases = PhraseCache(config.phrase_cache_bytes)
        self._fixed: frozenset[str] = frozenset()
        self._fixed_lock = threading.Lock()
        self.on_synthesis: Callable[[float, float], object] | None = None
        """Called after each computed sentence with seconds of speech and seconds of computing."""
        self.name = config.name
        self.engine = config.engine
        self.language = voice.text.language
        self.sample_rate = voice.sample_rate
        self.speakers = voice.speakers
        self.can_stream = voice.network.can_stream

    @classmethod
    def load(cls, config: TTSConfig, *, scheduler: InferenceScheduler) -> StreamingTTS:
        """Load the voice and try it out; blocks for seconds. Raises TTSLoadError."""
        slowest, fastest = defaults.SLOWEST_TTS_SPEED, defaults.FASTEST_TTS_SPEED
        if not slowest <= config.speed <= fastest:
            raise TTSLoadError(
                f"a speed of {config.speed:g} is not possible: choose {slowest:g} to {fastest:g}"
            )
        started = time.perf_counter()
        voice = PiperVoice.load(
            config.model,
            config.config,
            parts=config.parts,
            speaker=config.speaker,
            speed=config.speed,
            threads=config.threads,
        )
        tts = cls(voice, config, scheduler)
        logger.info(
            "voice loaded",
            extra={
                "voice": config.name,
                "seconds": round(time.perf_counter() - started, 2),
                "streams": tts.can_stream,
            },
        )
        return tts

    @property
    def cached_bytes(self) -> int:
        """As `TTSEngine.cached_bytes`."""
        return self._phrases.bytes_used

    async def synthesize(
        self,
        sentence: str,
        *,
        owner: str,
        priority: Priority | DynamicPriority = Priority.FINAL,
        deadline_seconds: float = defaults.TTS_TIMEOUT_SECONDS,
        delivery: Delivery = AS_LOADED,
        guarded: bool = True,
    ) -> AsyncGenerator[SynthesisPiece, None]:
        """As `TTSEngine.synthesize`; each piece is computed on demand.

        Everything but the trial of a new voice is `guarded` by the circuit breaker.
        """
        voice = self._voice
        if voice is None:
            if self._successor is None:
                raise SynthesisError("the voice is closed")
            by_successor = (await self._successor()).synthesize(
                sentence,
                owner=owner,
                priority=priority,
                deadline_seconds=deadline_seconds,
                delivery=delivery,
                guarded=guarded,
            )
            async with aclosing(by_successor):
                async for piece in by_successor:
                    yield piece
            return
        phrase = _normalized(sentence)
        key = phrase, delivery
        if (kept := self._phrases.get(key)) is not None:
            for piece in kept:
                yield piece
            return
        pieces: list[SynthesisPiece] | None = [] if phrase in self._fixed else None
        task = _Task(voice.speak(sentence, delivery))
        samples = 0
        late = SynthesisTimeout(
            f"a sentence took longer than {deadline_seconds:g} s of engine time"
        )
        while not task.synthesis.finished:
            left = deadline_seconds - task.spent_seconds
            if left <= 0:
                raise late
            try:
                made: SynthesisPiece | None = await self._scheduler.run(
                    task.step,
                    engine=self.engine,
                    owner=owner,
                    priority=priority,
                    deadline_seconds=left,
                    guarded=guarded,
                )
            except InferenceTimeout as error:
                raise late from error
            if made is not None:
                if pieces is not None:
                    pieces.append(made)
                samples += len(made.samples)
                yield made
        if pieces is not None:
            self._phrases.put(key, tuple(pieces))
        if self.on_synthesis is not None:
            self.on_synthesis(samples / self.sample_rate, task.spent_seconds)

    async def remember(
        self,
        phrases: Iterable[str],
        *,
        owner: str = "phrases",
        priority: Priority = Priority.BATCH,
        delivery: Delivery = AS_LOADED,
    ) -> None:
        """As `TTSEngine.remember`.

        After `forget_phrases` they are cached again when they are next spoken.
        """
        sentences = [
            s for phrase in phrases for s in split_sentences(phrase, language=self.language)
        ]
        with self._fixed_lock:
            self._fixed |= {_normalized(s) for s in sentences}
        for sentence in sentences:
            pieces = self.synthesize(sentence, owner=owner, priority=priority, delivery=delivery)
            async for _ in pieces:
                pass

    def forget_phrases(self) -> int:
        """As `TTSEngine.forget_phrases`."""
        return self._phrases.clear()

    async def warm(self, *, owner: str = "warm-up") -> None:
        """Synthesize a sentence and discard it. Raises what `synthesize` raises."""
        async for _ in self.synthesize(_WARM_UP_SENTENCE, owner=owner, guarded=False):
            pass

    def close(self) -> None:
        """As `TTSEngine.close`; its phrases are dropped."""
        self._voice = None
        self._phrases.clear()

    def retire(self, successor: Callable[[], Awaitable[StreamingTTS]]) -> None:
        """Close it; whoever still holds it is served by what `successor` returns."""
        self._successor = successor
        self.close()


class _Task:
    """A sentence at the scheduler, with the engine time it has taken.

    Engine time is the thread's CPU time, as on a busy machine a long sentence takes longer by the
    clock without a fault. Wall-clock time of a single call is limited by the scheduler.
    """

    def __init__(self, synthesis: Synthesis) -> None:
        self.synthesis = synthesis
        self.spent_seconds = 0.0

    def step(self, run: Run) -> SynthesisPiece | None:
        started = time.thread_time()
        try:
            return self.synthesis.step(run)
        finally:
            self.spent_seconds += time.thread_time() - started


def _normalized(phrase: str) -> str:
    return " ".join(phrase.split())

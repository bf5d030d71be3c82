"""A recogniser, a voice and an end-of-turn model that compute in a speech process."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import defaults
from ..asr.config import AUTO, ASRConfig, ASRError, DecodeOptions
from ..asr.engine import StreamingASR
from ..asr.transcription import Transcription
from ..audio.samples import Samples
from ..endpointing.acoustic import HEARD_SAMPLES, AcousticModel
from ..inference import (
    CallRecord,
    DynamicPriority,
    EngineUnavailable,
    InferenceScheduler,
    InferenceTimeout,
    Outcome,
    Priority,
    QueueFull,
    Run,
    Superseded,
)
from ..tts.engine import StreamingTTS
from ..tts.text.sentences import split_sentences
from ..tts.types import Delivery, SynthesisError, SynthesisPiece, SynthesisTimeout
from .frames import FrameError, Header, field, float_samples, pcm, strings
from .link import WAIT_SECONDS, SpeechLink
from .messages import (
    MAX_TEXT_CHARACTERS,
    Terms,
    delivery_header,
    options_header,
    read_timed_words,
    read_transcription,
)

logger = logging.getLogger("services.speech_process")

_AS_LOADED = Delivery()
_WINDOW = 2
"""Pieces of sound under way: one that is played to the caller, and one that is computed."""


@dataclass(frozen=True, slots=True)
class RemoteModel:
    """A model of the speech process, as it describes it."""

    name: str
    demo: bool
    source: str
    note: str
    wanted: Header
    """How it is asked for."""
    facts: Header

    @classmethod
    def read(cls, wanted: Header, header: Header) -> RemoteModel:
        """Return what was answered to `wanted`. Raises FrameError."""
        return cls(
            wanted=wanted,
            name=field(header, "name", str),
            demo=field(header, "demo", bool),
            source=field(header, "source", str),
            note=field(header, "note", str),
            facts=header,
        )


class Calls:
    """Sends calls, with the circuit breaker and the metrics that calls in this process have."""

    def __init__(self, link: SpeechLink, scheduler: InferenceScheduler) -> None:
        """`scheduler` has the `guard` and the `observer`; no call runs in its threads."""
        self.link = link
        self._scheduler = scheduler

    @contextlib.contextmanager
    def counted(
        self, engine: str, priority: Priority | DynamicPriority, *, work: str = ""
    ) -> Iterator[None]:
        """Ask whether `engine` may be called, and tell how the call ended."""
        guard, started = self._scheduler.guard, time.monotonic()

        def record(outcome: Outcome) -> None:
            observer = self._scheduler.observer
            if observer is None:
                return
            now = priority.current if isinstance(priority, DynamicPriority) else priority
            seconds = 0.0 if outcome == "unavailable" else time.monotonic() - started
            try:
                observer(CallRecord(engine, now, outcome, 0.0, seconds, work))
            except Exception:
                logger.exception("the observer of model calls failed")

        if guard is not None and not guard(engine):
            record("unavailable")
            raise EngineUnavailable(f"{engine} keeps failing and is left alone for a while")
        try:
            yield
        except BaseException as error:
            record(_outcome(error))
            raise
        record("done")


class RemoteASR(StreamingASR):
    """A recogniser of the speech process; safe from any thread and event loop."""

    def __init__(
        self,
        model: RemoteModel,
        calls: Calls,
        scheduler: InferenceScheduler,
        *,
        language: str | None,
        engine: str,
    ) -> None:
        """`language` is what it hears unless a call says. Raises FrameError."""
        facts = model.facts
        self._multilingual = field(facts, "multilingual", bool)
        self._languages = frozenset(strings(facts, "languages"))
        self.config = ASRConfig(
            model=Path(model.name),
            name=model.name,
            language=language if self._multilingual else "en",
            workers=field(facts, "workers", int),
            context_seconds=field(facts, "context_seconds", float, None),
            window_seconds=field(facts, "window_seconds", float),
            prompts=field(facts, "prompts", bool),
            timestamps=field(facts, "timestamps", bool),
            engine=engine,
        )
        self.scheduler = scheduler
        self.on_recognition = None
        self._calls = calls
        self._wanted = model.wanted

    @property
    def multilingual(self) -> bool:
        return self._multilingual

    @property
    def languages(self) -> frozenset[str]:
        return self._languages

    def warm(self) -> None:
        """Do nothing: the speech process has tried it."""

    async def transcribe_piece(
        self,
        piece: Samples,
        options: DecodeOptions,
        *,
        start_seconds: float,
        owner: str,
        priority: Priority | DynamicPriority,
        deadline_seconds: float,
        queue_seconds: float | None,
        supersede: str | None,
        work: str,
    ) -> Transcription:
        encoding, payload = float_samples(piece)
        language = options.language or self.config.language or AUTO
        header = {
            "type": "transcribe",
            "model": self._wanted["model"],
            **encoding,
            **Terms(owner, _current(priority), deadline_seconds, queue_seconds).header(),
            "options": options_header(replace(options, language=language)),
            "start_seconds": start_seconds,
            "supersede": supersede,
            "work": work,
        }
        with self._calls.counted(self.config.engine, priority, work=work):
            answer = await self._calls.link.request(
                header, payload, wait_seconds=_wait(queue_seconds), priority=priority
            )
            try:
                return read_transcription(answer)
            except FrameError as error:
                raise ASRError(f"the speech process answers oddly: {error}") from error

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[StreamingASR]:
        """Hold nothing: the speech process does."""
        yield self

    def decode(
        self, samples: Samples, options: DecodeOptions, run: Run, *, start_seconds: float = 0.0
    ) -> Transcription:
        """Raises ASRError: only the speech process decodes in the calling thread."""
        raise ASRError("this recogniser is in another process: use `transcribe`")

    def close(self) -> None:
        """Let the speech process unload it, once no client uses it."""
        self._calls.link.send_soon({"type": "release", **self._wanted})


class RemoteTTS(StreamingTTS):
    """A voice of the speech process; safe from any thread and event loop."""

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
        self.on_synthesis = None
        self.name = model.name
        self.engine = engine
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
        delivery: Delivery = _AS_LOADED,
        guarded: bool = True,
    ) -> AsyncGenerator[SynthesisPiece, None]:
        """As the other; at most two pieces are computed ahead. Raises EngineLost too."""
        if len(sentence) > MAX_TEXT_CHARACTERS:
            raise SynthesisError(f"a sentence may have {MAX_TEXT_CHARACTERS} characters")
        header = {
            "type": "synthesize",
            "voices": self._wanted["voices"],
            "text": sentence,
            **Terms(owner, _current(priority), deadline_seconds, None).header(),
            "delivery": self._delivery(delivery),
            "window": _WINDOW,
        }
        with self._calls.counted(self.engine, priority):
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
        delivery: Delivery = _AS_LOADED,
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

    async def warm(self, *, owner: str = "warm-up") -> None:
        """Do nothing: the speech process has tried it."""

    def close(self) -> None:
        """Let the speech process unload it, once no client uses it."""
        self._calls.link.send_soon({"type": "release", **self._wanted})

    def _delivery(self, wanted: Delivery) -> Header:
        own = self._as_loaded
        return delivery_header(
            Delivery(
                own.speaker if wanted.speaker is None else wanted.speaker,
                own.speed if wanted.speed is None else wanted.speed,
            )
        )


class RemoteAcousticModel(AcousticModel):
    """The end-of-turn model of the speech process; `judge` is for event loops."""

    def __init__(self, calls: Calls, *, engine: str) -> None:
        self._calls = calls
        self._engine = engine

    async def judge(
        self,
        samples: Samples,
        *,
        owner: str,
        deadline_seconds: float,
        queue_seconds: float | None = None,
    ) -> float | None:
        """As `SharedEngines.judge_turn`; None if the speech process has no such model now."""
        header, payload = self._asked(samples, owner, deadline_seconds, queue_seconds)
        with self._calls.counted(self._engine, Priority.FINAL):
            answer = await self._calls.link.request(
                header, payload, wait_seconds=_wait(queue_seconds)
            )
            return field(answer, "probability", float, None)

    def probability(self, samples: Samples) -> float:
        """As the other; waits for the speech process, in a thread without an event loop."""
        header, payload = self._asked(samples, "", 5.0, None)
        answer = self._calls.link.request_blocking(header, payload)
        return field(answer, "probability", float)

    def _asked(
        self,
        samples: Samples,
        owner: str,
        deadline_seconds: float,
        queue_seconds: float | None,
    ) -> tuple[Header, bytes]:
        encoding, payload = float_samples(samples[-HEARD_SAMPLES:])
        terms = Terms(owner, Priority.FINAL, deadline_seconds, queue_seconds)
        return {"type": "judge", **encoding, **terms.header()}, payload


def _current(priority: Priority | DynamicPriority) -> Priority:
    return priority.current if isinstance(priority, DynamicPriority) else priority


def _wait(queue_seconds: float | None) -> float:
    """Return how long a call waits for a server that is not there."""
    return WAIT_SECONDS if queue_seconds is None else min(WAIT_SECONDS, queue_seconds)


def _outcome(error: BaseException) -> Outcome:
    """Return how a call ended. A full queue or a newer call says nothing of the engine."""
    match error:
        case Superseded():
            return "superseded"
        case QueueFull():
            return "refused"
        case EngineUnavailable():
            return "unavailable"
        case InferenceTimeout() | SynthesisTimeout():
            return "timeout"
        case Exception():
            return "failed"
    return "cancelled"

"""What the headers of the protocol hold, to and from the engines' own types."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ..asr.config import ASRError, DecodeOptions
from ..asr.decoded_tokens import SentenceEnd
from ..asr.interface import ASRFacts
from ..asr.transcription import RecognizedWord, Transcription
from ..inference import (
    EngineLost,
    EngineUnavailable,
    InferenceError,
    InferenceTimeout,
    Priority,
    QueueFull,
    Superseded,
)
from ..models import ModelError
from ..tts.types import Delivery, SynthesisError, SynthesisTimeout, TimedWord, TTSError
from .frames import FrameError, Header, field, strings

Word = TypeVar("Word", RecognizedWord, TimedWord)

MAX_TEXT_CHARACTERS = 10_000
"""Of one sentence to synthesise, and of what a recogniser is told beforehand."""
LONGEST_SECONDS = 3600.0
"""No deadline is longer."""

_ERRORS: tuple[tuple[str, type[Exception], bool], ...] = (
    ("superseded", Superseded, False),
    ("queue full", QueueFull, True),
    ("timeout", InferenceTimeout, True),
    ("engine unavailable", EngineUnavailable, True),
    ("lost", EngineLost, True),
    ("synthesis timeout", SynthesisTimeout, True),
    ("synthesis", SynthesisError, False),
    ("voice", TTSError, False),
    ("recognition", ASRError, False),
    ("model", ModelError, False),
    ("inference", InferenceError, False),
)
"""Names of errors, most specific first, and whether the same request may succeed soon."""


@dataclass(frozen=True, slots=True)
class Terms:
    """When a request is to be computed."""

    owner: str
    priority: Priority
    deadline_seconds: float
    queue_seconds: float | None

    def header(self) -> Header:
        """Return the fields of a header."""
        return {
            "owner": self.owner,
            "priority": int(self.priority),
            "deadline_seconds": self.deadline_seconds,
            "queue_seconds": self.queue_seconds,
        }

    @classmethod
    def read(cls, header: Header) -> Terms:
        """Raises FrameError."""
        queue = field(header, "queue_seconds", float, None)
        return cls(
            owner=_short(field(header, "owner", str)),
            priority=read_priority(header),
            deadline_seconds=_seconds(field(header, "deadline_seconds", float)),
            queue_seconds=None if queue is None else _seconds(queue),
        )


def read_priority(header: Header) -> Priority:
    """Raises FrameError."""
    try:
        return Priority(field(header, "priority", int))
    except ValueError as error:
        raise FrameError(str(error)) from None


def asr_facts_header(facts: ASRFacts) -> Header:
    """Return what is known of a recogniser, but for its name and default language."""
    return {
        "multilingual": facts.multilingual,
        "languages": sorted(facts.languages),
        "window_seconds": facts.window_seconds,
        "context_seconds": facts.context_seconds,
        "workers": facts.workers,
        "prompts": facts.prompts,
        "timestamps": facts.timestamps,
        "device": facts.device,
        "compute_type": facts.compute_type,
        "gpu_problem": facts.gpu_problem,
    }


def read_asr_facts(header: Header, *, language: str | None) -> ASRFacts:
    """`language` is what a multilingual one hears unless a call says. Raises FrameError."""
    multilingual = field(header, "multilingual", bool)
    return ASRFacts(
        name=field(header, "name", str),
        language=language if multilingual else "en",
        languages=frozenset(strings(header, "languages")),
        multilingual=multilingual,
        window_seconds=field(header, "window_seconds", float),
        context_seconds=field(header, "context_seconds", float, None),
        workers=field(header, "workers", int),
        prompts=field(header, "prompts", bool),
        timestamps=field(header, "timestamps", bool),
        device=field(header, "device", str, ""),
        compute_type=field(header, "compute_type", str, ""),
        gpu_problem=field(header, "gpu_problem", str, ""),
    )


def options_header(options: DecodeOptions) -> Header:
    """Return how a recogniser is to decode."""
    return {
        "language": options.language,
        "likely_language": options.likely_language,
        "hotwords": list(options.hotwords),
        "prompt": options.prompt[-MAX_TEXT_CHARACTERS:],
        "context": options.context[-MAX_TEXT_CHARACTERS:],
        "words": options.words,
    }


def read_options(header: Header) -> DecodeOptions:
    """Raises FrameError."""
    return DecodeOptions(
        language=field(header, "language", str, None),
        likely_language=field(header, "likely_language", str, None),
        hotwords=strings(header, "hotwords"),
        prompt=field(header, "prompt", str, ""),
        context=field(header, "context", str, ""),
        words=field(header, "words", bool, False),
    )


def transcription_header(heard: Transcription) -> Header:
    """Return a transcript."""
    return {
        "text": heard.text,
        "language": heard.language,
        "language_probability": heard.language_probability,
        "words": [[w.text, w.start_seconds, w.end_seconds, w.probability] for w in heard.words],
        "mean_log_probability": heard.mean_log_probability,
        "last_word_log_probability": heard.end.last_word_log_probability,
        "closing_log_odds": heard.end.closing_log_odds,
        "no_speech_probability": heard.no_speech_probability,
        "tokens": heard.tokens,
        "beyond": heard.beyond,
        "resumes_at_seconds": heard.resumes_at_seconds,
        "passes": heard.passes,
        "audio_seconds": heard.audio_seconds,
        "compute_seconds": heard.compute_seconds,
    }


def read_transcription(header: Header) -> Transcription:
    """Raises FrameError."""
    return Transcription(
        text=field(header, "text", str),
        language=field(header, "language", str),
        language_probability=field(header, "language_probability", float),
        words=_words(header, lambda *values: RecognizedWord(*values), 4),
        mean_log_probability=field(header, "mean_log_probability", float),
        end=SentenceEnd(
            field(header, "last_word_log_probability", float, 0.0),
            field(header, "closing_log_odds", float, 0.0),
        ),
        no_speech_probability=field(header, "no_speech_probability", float),
        tokens=field(header, "tokens", int),
        beyond=field(header, "beyond", str, ""),
        resumes_at_seconds=field(header, "resumes_at_seconds", float, None),
        passes=field(header, "passes", int),
        audio_seconds=field(header, "audio_seconds", float),
        compute_seconds=field(header, "compute_seconds", float),
    )


def delivery_header(delivery: Delivery) -> Header:
    """Return how a sentence is spoken."""
    return {"speaker": delivery.speaker, "speed": delivery.speed}


def read_delivery(header: Header) -> Delivery:
    """Raises FrameError."""
    return Delivery(field(header, "speaker", int, None), field(header, "speed", float, None))


def timed_words_header(words: tuple[TimedWord, ...]) -> Header:
    """Return the words of a piece of sound."""
    return {"words": [[w.text, w.start_seconds, w.end_seconds] for w in words]}


def read_timed_words(header: Header) -> tuple[TimedWord, ...]:
    """Raises FrameError."""
    return _words(header, lambda *values: TimedWord(*values), 3)


def error_header(error: Exception) -> Header:
    """Return a failure of a request."""
    for name, kind, retryable in _ERRORS:
        if isinstance(error, kind):
            return {"error": name, "message": _short(str(error)), "retryable": retryable}
    return {"error": "inference", "message": _short(repr(error)), "retryable": False}


def read_error(header: Header) -> Exception:
    """Return the failure of a request, of the type that it would have in the server's process."""
    name, message = field(header, "error", str), field(header, "message", str)
    for known, kind, _ in _ERRORS:
        if name == known:
            return kind(message)
    return InferenceError(message)


def _words(header: Header, make: Callable[..., Word], length: int) -> tuple[Word, ...]:
    words = []
    for values in field(header, "words", list, []):
        match values:
            case [str(), *numbers] if len(values) == length and all(
                isinstance(number, (int, float)) for number in numbers
            ):
                words.append(make(*values))
            case _:
                raise FrameError("a word that is none")
    return tuple(words)


def _seconds(value: float) -> float:
    if not 0 <= value <= LONGEST_SECONDS:
        raise FrameError(f"{value:g} s, which is no time from 0 to {LONGEST_SECONDS:g} s")
    return value


def _short(text: str) -> str:
    return text[:500]

"""What becomes known while somebody speaks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from .transcription import RecognizedWord


class ASREventKind(Enum):
    """What became known."""

    SPEECH_STARTED = "speech started"
    INTERIM = "interim"
    """The utterance so far; may still change."""
    PREFLIGHT = "preflight"
    """The whole utterance, if nothing more is said."""
    FINAL = "final"
    """The utterance, never changed again; empty when nothing was said."""
    SPEECH_ENDED = "speech ended"
    FAILED = "failed"
    """Recognition failed; a final with what is known follows."""


@dataclass(frozen=True, slots=True)
class ASREvent:
    """One event; times are seconds of the stream, from its first sample."""

    kind: ASREventKind
    text: str = ""
    language: str = "en"
    confidence: float = 0.0
    mean_log_probability: float = 0.0
    words: tuple[RecognizedWord, ...] = ()
    start_seconds: float = 0.0
    end_seconds: float = 0.0
    audio_seconds: float = 0.0
    """Audio decoded for this final, for usage accounting."""
    tokens: int = 0
    error: Exception | None = None

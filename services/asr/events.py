"""Events of streaming recognition."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from .decoded_tokens import NO_SENTENCE_END, SentenceEnd
from .transcription import RecognizedWord


class ASREventKind(Enum):
    """What happened."""

    SPEECH_STARTED = "speech started"
    INTERIM = "interim"
    """The transcript so far; may still change."""
    PREFLIGHT = "preflight"
    """The transcript of the whole utterance, if the caller says nothing more."""
    WORDLESS = "wordless"
    """The utterance so far, a sound followed by silence or a longer one, holds no words."""
    FINAL = "final"
    """The transcript, which no longer changes; empty if nothing was said."""
    SPEECH_ENDED = "speech ended"
    FAILED = "failed"
    """Recognition failed; a final with whatever is known follows."""


@dataclass(frozen=True, slots=True)
class ASREvent:
    """One event; times count from the first sample of the stream."""

    kind: ASREventKind
    text: str = ""
    language: str = "en"
    language_probability: float = 1.0
    """Of the language; 1 where it is configured."""
    confidence: float = 0.0
    mean_log_probability: float = 0.0
    end: SentenceEnd = NO_SENTENCE_END
    """What the decoder thought of the end of the text."""
    words: tuple[RecognizedWord, ...] = ()
    start_seconds: float = 0.0
    end_seconds: float = 0.0
    audio_seconds: float = 0.0
    """Audio decoded for this final, for usage metrics."""
    tokens: int = 0
    error: Exception | None = None

"""What was heard: text, words and how sure the decoder is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class RecognizedWord:
    """One word with its place in the audio handed in."""

    text: str
    start_seconds: float
    end_seconds: float
    probability: float


@dataclass(frozen=True, slots=True)
class Transcription:
    """What was heard in one piece of audio."""

    text: str
    language: str = "en"
    words: tuple[RecognizedWord, ...] = ()
    mean_log_probability: float = 0.0
    """Per token; 0 is certain, below -1 is a guess."""
    no_speech_probability: float = 0.0
    tokens: int = 0
    """As many as the decoder needed for the text, times included."""
    beyond: str = ""
    """What it went on to write for the time after the audio's end; no part of `text`."""
    resumes_at_seconds: float | None = None
    """Where the decoder stopped although more is said, counted from the start of the audio."""
    passes: int = 1
    """How often it was decoded: once more with the whole window where the text was doubted."""
    audio_seconds: float = 0.0
    compute_seconds: float = 0.0

    @property
    def confidence(self) -> float:
        """The decoder's mean token probability, in [0, 1]."""
        return math.exp(min(0.0, self.mean_log_probability)) if self.text else 0.0


def join_transcriptions(parts: Sequence[Transcription]) -> Transcription:
    """One transcription out of consecutive ones."""
    if len(parts) == 1:
        return parts[0]
    spoken = [p for p in parts if p.text]
    tokens = sum(p.tokens for p in spoken)
    return Transcription(
        text=" ".join(p.text for p in spoken),
        language=spoken[0].language if spoken else (parts[0].language if parts else "en"),
        words=tuple(w for p in spoken for w in p.words),
        mean_log_probability=sum(p.mean_log_probability * p.tokens for p in spoken)
        / max(1, tokens),
        no_speech_probability=max((p.no_speech_probability for p in parts), default=0.0),
        tokens=tokens,
        passes=max((p.passes for p in parts), default=0),
        audio_seconds=sum(p.audio_seconds for p in parts),
        compute_seconds=sum(p.compute_seconds for p in parts),
    )


def shift_words(heard: Transcription, seconds: float) -> Transcription:
    """The same transcription with its words `seconds` later."""
    if seconds == 0.0 or not heard.words:
        return heard
    return replace(
        heard,
        words=tuple(
            replace(w, start_seconds=w.start_seconds + seconds, end_seconds=w.end_seconds + seconds)
            for w in heard.words
        ),
    )

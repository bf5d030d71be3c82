"""Transcriptions: the text, its words, and the confidence of the decoder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .decoded_tokens import NO_SENTENCE_END, SentenceEnd
from .scripts import join_texts


@dataclass(frozen=True, slots=True)
class RecognizedWord:
    """One word; times are on the clock of whoever asked for the transcription."""

    text: str
    start_seconds: float
    end_seconds: float
    probability: float


@dataclass(frozen=True, slots=True)
class Transcription:
    """The transcript of one piece of audio."""

    text: str
    language: str = "en"
    language_probability: float = 1.0
    """Of the language; 1 where it was given."""
    words: tuple[RecognizedWord, ...] = ()
    mean_log_probability: float = 0.0
    """Per token; 0 is certain, below -1 is a guess."""
    end: SentenceEnd = NO_SENTENCE_END
    """What the decoder thought of the end of the text."""
    no_speech_probability: float = 0.0
    tokens: int = 0
    """Tokens the decoder used for the text, timestamps included."""
    beyond: str = ""
    """Text that it invented for the time after the audio; not part of `text`."""
    resumes_at_seconds: float | None = None
    """Where the decoder stopped although there is more speech, from the start of the audio."""
    passes: int = 1
    """Decodings: two if the first was doubtful and was repeated with the whole window."""
    audio_seconds: float = 0.0
    compute_seconds: float = 0.0

    @property
    def confidence(self) -> float:
        """Mean token probability, in [0, 1]."""
        return math.exp(min(0.0, self.mean_log_probability)) if self.text else 0.0


def join_transcriptions(parts: Sequence[Transcription]) -> Transcription:
    """Join consecutive transcriptions into one."""
    if len(parts) == 1:
        return parts[0]
    spoken = [p for p in parts if p.text]
    tokens = sum(p.tokens for p in spoken)
    main = max(spoken or parts, key=lambda part: part.audio_seconds, default=Transcription(""))
    return Transcription(
        text=join_texts(p.text for p in spoken),
        language=main.language,
        language_probability=main.language_probability,
        words=tuple(w for p in spoken for w in p.words),
        mean_log_probability=sum(p.mean_log_probability * p.tokens for p in spoken)
        / max(1, tokens),
        end=spoken[-1].end if spoken else NO_SENTENCE_END,
        no_speech_probability=max((p.no_speech_probability for p in parts), default=0.0),
        tokens=tokens,
        passes=max((p.passes for p in parts), default=0),
        audio_seconds=sum(p.audio_seconds for p in parts),
        compute_seconds=sum(p.compute_seconds for p in parts),
    )

"""Guards against decoding that has lost its way."""

from __future__ import annotations

import math
import zlib

from services.transcription import Transcription

_TOKENS_BASE = 16
_TOKENS_PER_SECOND = 20
"""Usual speech takes 5 tokens a second; below 17 the demo model loses words."""
_REPETITION_RATIO = 2.4
"""Text that compresses better than this repeats itself; the threshold of Whisper's own decoding."""
_UNSURE_LOG_PROBABILITY = -1.0
_NO_SPEECH_PROBABILITY = 0.6


def token_limit(seconds: float) -> int:
    """The most tokens that so much speech can have."""
    return _TOKENS_BASE + math.ceil(seconds * _TOKENS_PER_SECOND)


def is_runaway(heard: Transcription) -> bool:
    """Whether the decoder has lost its way: too many tokens, repetition, or a mere guess."""
    return (
        heard.tokens >= token_limit(heard.audio_seconds) - 1
        or _compression_ratio(heard.text) > _REPETITION_RATIO
        or (bool(heard.text) and heard.mean_log_probability < _UNSURE_LOG_PROBABILITY)
    )


def is_phantom(heard: Transcription) -> bool:
    """Text that Whisper makes up for noise or music."""
    return (
        heard.no_speech_probability > _NO_SPEECH_PROBABILITY
        and heard.mean_log_probability < _UNSURE_LOG_PROBABILITY / 2
    ) or heard.mean_log_probability < 2 * _UNSURE_LOG_PROBABILITY


def _compression_ratio(text: str) -> float:
    data = text.encode()
    return len(data) / len(zlib.compress(data)) if len(data) > 40 else 0.0


def without_repetition(text: str) -> str:
    """Cut a runaway: where a phrase of up to six words comes four times in a row, keep one."""
    words = text.split()
    for start in range(len(words)):
        for length in range(1, 7):
            phrase = words[start : start + length]
            repeats = 1
            while words[start + repeats * length : start + (repeats + 1) * length] == phrase:
                repeats += 1
            # People do say "no no no", and read out digits.
            if repeats >= 4 and repeats * length >= 8:
                return " ".join(words[: start + length])
    return text

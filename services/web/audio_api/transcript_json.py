"""Transcripts in the form of OpenAI's JSON."""

from __future__ import annotations

import functools
import math
import zlib
from collections.abc import Sequence
from typing import Any

from ...asr.files import Segment
from ...asr.scripts import join_texts

_SEEK_PER_SECOND = 100
"""Frames of Whisper's spectrogram, in which `seek` counts."""
_LEAST_CONFIDENCE = 1e-6


def plain(segments: Sequence[Segment], seconds: float, notices: Sequence[str]) -> dict[str, Any]:
    """Return the answer of `response_format=json`."""
    content: dict[str, Any] = {
        "text": join_texts(segment.text for segment in segments),
        "usage": {"type": "duration", "seconds": round(seconds, 3)},
    }
    if notices:
        content["notices"] = [f"The audio {notice}." for notice in notices]
    return content


def verbose(
    segments: Sequence[Segment],
    seconds: float,
    notices: Sequence[str],
    *,
    language: str,
    granularities: Sequence[str],
) -> dict[str, Any]:
    """Return the answer of `response_format=verbose_json`; `language` is for a silent file."""
    code = main_language(segments) or language
    content = {
        "task": "transcribe",
        "language": _language_name(code),
        "duration": round(seconds, 3),
        **plain(segments, seconds, notices),
    }
    if "segment" in granularities:
        content["segments"] = [_segment(n, segment) for n, segment in enumerate(segments)]
    if "word" in granularities:
        content["words"] = [
            {
                "word": word.text,
                "start": round(word.start_seconds, 3),
                "end": round(word.end_seconds, 3),
                "probability": round(word.probability, 3),
            }
            for segment in segments
            for word in segment.words
        ]
    return content


def main_language(segments: Sequence[Segment]) -> str:
    """Return the code of the language in which most was said; empty if nothing was."""
    seconds: dict[str, float] = {}
    for segment in segments:
        spoken = segment.end_seconds - segment.start_seconds
        seconds[segment.language] = seconds.get(segment.language, 0.0) + spoken
    return max(seconds, key=lambda code: seconds[code], default="")


def _segment(number: int, segment: Segment) -> dict[str, Any]:
    content = {
        "id": number,
        "seek": round(segment.start_seconds * _SEEK_PER_SECOND),
        "start": round(segment.start_seconds, 3),
        "end": round(segment.end_seconds, 3),
        "text": segment.text,
        # Of the recogniser's vocabulary, which would mean nothing to anybody else.
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": round(math.log(max(segment.confidence, _LEAST_CONFIDENCE)), 4),
        "compression_ratio": round(_compression_ratio(segment.text), 3),
        "no_speech_prob": round(segment.no_speech_probability, 4),
    }
    if segment.speaker:
        content["speaker"] = segment.speaker
    return content


def _compression_ratio(text: str) -> float:
    """Return how much smaller zlib makes the text, as Whisper measures repetition."""
    written = text.encode()
    return len(written) / len(zlib.compress(written))


@functools.cache
def _language_name(code: str) -> str:
    """Return the English name in lower case, as Whisper's own is; the code where none is known."""
    from livekit.agents.language import LanguageCode

    return LanguageCode(code).to_language_name() or code

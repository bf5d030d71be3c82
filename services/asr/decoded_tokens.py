"""What a Whisper decoder has written: its text, and how sure it was of that."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

_TIMESTAMP_SECONDS = 0.02
"""Between one timestamp token and the next."""


@dataclass(frozen=True, slots=True)
class DecodedTokens:
    """The text tokens of one pass."""

    spoken: list[int]
    """Those of segments that begin within the audio."""
    beyond: list[int]
    """Those of segments that begin behind its end, so that nobody can have said them."""
    mean_log_probability: float
    """Of those spoken; 0 where there are none."""
    count: int
    """How many tokens the decoder had written with the last of those spoken, times included."""
    resumes_at_seconds: float | None
    """Where the next segment begins that the decoder knows of and has not written down."""


def read_tokens(
    steps: Iterable[tuple[int, Any]],
    *,
    end_of_text: int,
    timestamp_begin: int,
    audio_seconds: float,
) -> DecodedTokens:
    """Sort out the tokens of a pass, each with its logits over the vocabulary (an array).

    Tokens from `end_of_text` on are special ones, those from `timestamp_begin` on are times from
    the start of the features, which end with the audio at `audio_seconds`. A model that writes no
    times has all its text at the start.
    """
    spoken: list[int] = []
    beyond: list[int] = []
    log_probability = 0.0
    count = 0
    starts_at = 0.0
    times_in_a_row = 0
    for place, (token, logits) in enumerate(steps, start=1):
        times_in_a_row = times_in_a_row + 1 if token >= timestamp_begin else 0
        if token >= timestamp_begin:
            starts_at = (token - timestamp_begin) * _TIMESTAMP_SECONDS
        elif token >= end_of_text:
            continue
        elif starts_at >= audio_seconds:
            beyond.append(token)
        else:
            spoken.append(token)
            count = place
            log_probability += _log_probability(logits, token)
    # One ends a segment, a second one begins the next.
    unfinished = bool(spoken) and times_in_a_row > 1 and starts_at < audio_seconds
    return DecodedTokens(
        spoken,
        beyond,
        log_probability / max(1, len(spoken)),
        count,
        starts_at if unfinished else None,
    )


def _log_probability(logits: Any, token: int) -> float:
    row = np.asarray(logits, dtype=np.float32)
    highest = row.max()
    return float(row[token] - highest - np.log(np.exp(row - highest).sum()))

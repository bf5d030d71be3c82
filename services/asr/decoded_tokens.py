"""Reads the tokens of a Whisper decoder: the text, and how confident the decoder was."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

_TIMESTAMP_SECONDS = 0.02
"""Step between successive timestamp tokens."""


@dataclass(frozen=True, slots=True)
class DecodedTokens:
    """The text tokens of one pass."""

    spoken: list[int]
    """Tokens of segments that begin within the audio."""
    beyond: list[int]
    """Tokens of segments that begin after its end, which nobody can have said."""
    mean_log_probability: float
    """Of the spoken tokens; 0 if there are none."""
    count: int
    """Tokens up to the last spoken one, timestamps included."""
    resumes_at_seconds: float | None
    """Where the next segment begins if the decoder announced one without writing it."""


def read_tokens(
    steps: Iterable[tuple[int, Any]],
    *,
    end_of_text: int,
    timestamp_begin: int,
    audio_seconds: float,
) -> DecodedTokens:
    """Sort the tokens of a pass, each with its logits over the vocabulary (an array).

    Tokens from `end_of_text` on are special, and those from `timestamp_begin` on are times from
    the start of the features, in which the audio ends at `audio_seconds`. A model that writes no
    timestamps has all its text at the start.
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
    # The first timestamp ends a segment, a second one begins the next.
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

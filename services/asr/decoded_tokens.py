"""Reads the tokens of a Whisper decoder: the text, and how confident the decoder was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

_TIMESTAMP_SECONDS = 0.02
"""Step between successive timestamp tokens."""


_CLOSING_MARKS = frozenset(".?!\u3002\uff1f\uff01\u061f\u0964")
_PART_OF_A_CHARACTER = "\ufffd"
_NO_BYTE = 0xFF
"""Of no character in UTF-8."""
_LEAST_PROBABILITY = 1e-4


def _byte_level() -> dict[str, int]:
    """Return the bytes by the characters that stand for them in a byte-level vocabulary (GPT-2)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {
        **{chr(byte): byte for byte in printable},
        **{chr(256 + place): byte for place, byte in enumerate(others)},
    }


_BYTES = _byte_level()


@dataclass(frozen=True, slots=True)
class TokenKinds:
    """What the text tokens of a vocabulary are: arrays of bool over all tokens."""

    words: Any
    """Those that go on with a word, or begin one."""
    closing: Any
    """Those that end a sentence."""

    @classmethod
    def of(cls, vocabulary: Mapping[str, int], end_of_text: int) -> TokenKinds:
        """Sort the tokens below `end_of_text` of a byte-level vocabulary."""
        words = np.zeros(max(vocabulary.values()) + 1, dtype=bool)
        closing = words.copy()
        for text, token in vocabulary.items():
            if token < end_of_text:
                spelt = bytes(_BYTES.get(character, _NO_BYTE) for character in text)
                said = spelt.decode(errors="replace").strip()
                closing[token] = said in _CLOSING_MARKS
                words[token] = _PART_OF_A_CHARACTER in said or any(map(str.isalnum, said))
        return cls(words, closing)


@dataclass(frozen=True, slots=True)
class SentenceEnd:
    """What the decoder thought of the end of the text."""

    last_word_log_probability: float = 0.0
    """Of the last token of the last word: a word broken off is often a guess."""
    closing_log_odds: float = 0.0
    """That the sentence ends after it, against another word."""


NO_SENTENCE_END = SentenceEnd()
"""Nothing is known of it."""


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
    end: SentenceEnd | None
    """None if no word is spoken."""
    resumes_at_seconds: float | None
    """Where the next segment begins if the decoder announced one without writing it."""


def read_tokens(
    steps: Iterable[tuple[int, Any]],
    *,
    end_of_text: int,
    timestamp_begin: int,
    audio_seconds: float,
    kinds: TokenKinds,
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
    last_word = after_word = None
    previous_was_word = False
    for place, (token, logits) in enumerate(steps, start=1):
        times_in_a_row = times_in_a_row + 1 if token >= timestamp_begin else 0
        if previous_was_word:
            after_word, previous_was_word = logits, False
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
            if kinds.words[token]:
                last_word, after_word, previous_was_word = (logits, token), None, True
    # The first timestamp ends a segment, a second one begins the next.
    unfinished = bool(spoken) and times_in_a_row > 1 and starts_at < audio_seconds
    return DecodedTokens(
        spoken,
        beyond,
        log_probability / max(1, len(spoken)),
        count,
        _sentence_end(last_word, after_word, kinds),
        starts_at if unfinished else None,
    )


def _sentence_end(
    last_word: tuple[Any, int] | None, after_word: Any | None, kinds: TokenKinds
) -> SentenceEnd | None:
    if last_word is None:
        return None
    certainty = _log_probability(*last_word)
    if after_word is None:
        return SentenceEnd(certainty)
    row = np.asarray(after_word, dtype=np.float32)
    odds = np.exp(row - row.max())
    odds /= odds.sum()
    size = min(len(odds), len(kinds.words))
    closing, going_on = (
        max(_LEAST_PROBABILITY, float(odds[:size][kind[:size]].sum()))
        for kind in (kinds.closing, kinds.words)
    )
    return SentenceEnd(certainty, float(np.log(closing / going_on)))


def _log_probability(logits: Any, token: int) -> float:
    row = np.asarray(logits, dtype=np.float32)
    highest = row.max()
    return float(row[token] - highest - np.log(np.exp(row - highest).sum()))

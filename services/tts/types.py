"""The results and errors of speech synthesis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PCM = NDArray[np.int16]
"""Mono samples."""


class TTSError(Exception):
    """Synthesis failed; the message names the cause."""


class TTSLoadError(TTSError):
    """The voice cannot be loaded; the message names the file and the cure."""


class SynthesisError(TTSError):
    """A sentence could not be synthesized."""


class SynthesisTimeout(SynthesisError):
    """A sentence exceeded its engine time and was stopped."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a sentence is spoken; None for what the voice was loaded with."""

    speaker: int | None = None
    """Of a voice with several; one that the voice does not have counts as None."""
    speed: float | None = None
    """2 is twice as fast as the voice's own pace."""


@dataclass(frozen=True, slots=True)
class TimedWord:
    """One word of the text as written, with its time in the sound."""

    text: str
    """Without spaces; the words of a sentence joined by spaces are its text."""
    start_seconds: float
    """Counted from the start of the sentence."""
    end_seconds: float
    """Equal to the start for text that is not read aloud, such as an emoji."""


@dataclass(frozen=True, slots=True)
class SynthesisPiece:
    """A stretch of a sentence's sound; the pieces of a sentence join without a seam."""

    samples: PCM
    """At the voice's sample rate; empty for remaining words without sound."""
    words: tuple[TimedWord, ...]
    """The words that begin in this piece."""

"""What a voice hands out, and the errors it may end in instead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PCM = NDArray[np.int16]
"""Mono samples."""


class TTSError(Exception):
    """Speech could not be made; the message names the cause."""


class TTSLoadError(TTSError):
    """The voice cannot be loaded; the message names the file and the cure."""


class SynthesisError(TTSError):
    """A sentence could not be spoken."""


class SynthesisTimeout(SynthesisError):
    """A sentence took more engine time than its deadline, and was ended."""


@dataclass(frozen=True, slots=True)
class TimedWord:
    """One word of the text as it was written, with the time it is heard."""

    text: str
    """No spaces; the words of a sentence joined by spaces are its text."""
    start_seconds: float
    """From the start of the sentence's sound."""
    end_seconds: float
    """Equal to the start for what is not read aloud, such as an emoji."""


@dataclass(frozen=True, slots=True)
class SynthesisPiece:
    """A stretch of a sentence's sound; the pieces of a sentence follow one another seamlessly."""

    samples: PCM
    """At the voice's rate; empty where words remain that have no sound."""
    words: tuple[TimedWord, ...]
    """The words that begin in this piece."""

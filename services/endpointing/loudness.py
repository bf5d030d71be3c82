"""Tells the caller's own voice from voices in the background, by how loud the caller usually is.

Knows nothing of LiveKit.
"""

from __future__ import annotations

import statistics
from collections import deque

import numpy as np

from ..audio.samples import Samples

_BACKGROUND_DECIBELS = 8.0
"""A voice this much softer than the caller's usual one is another's. Of 104 pairs of recordings of
the same person (`tests/speech/human`), 99 of 100 differ by 7.1 dB or less, all by 7.7 or less."""
_REMEMBERED = 5
"""Utterances of which the usual level is the median."""
_DYNAMICS_DECIBELS = 25.0
"""Windows softer than the loudest by more than this are pauses."""
_LOUD_SHARE = 80
"""Percentile of the windows that is the level of a voice: its vowels."""
_LEAST_WINDOWS = 4
_REPEATED_DECIBELS = 1.5
"""By how much a caller who is not heard, and so tries again, is expected to be softer."""


class Loudness:
    """The level of one voice while it lasts."""

    def __init__(self) -> None:
        self._decibels: list[float] = []

    def push(self, window: Samples) -> None:
        """Take a window that holds voice, mono in [-1, 1]."""
        power = float(np.dot(window, window)) / max(1, len(window))
        self._decibels.append(10.0 * np.log10(power + 1e-10))

    @property
    def level(self) -> float | None:
        """Decibels below full scale, a negative number; None before 0.13 s of voice."""
        if len(self._decibels) < _LEAST_WINDOWS:
            return None
        loudest = max(self._decibels)
        voiced = [d for d in self._decibels if d > loudest - _DYNAMICS_DECIBELS]
        return float(np.percentile(voiced, _LOUD_SHARE))


class UsualLevel:
    """How loud one caller usually is."""

    def __init__(self) -> None:
        self._levels: deque[float] = deque(maxlen=_REMEMBERED)
        self._lowered = 0.0

    @property
    def is_known(self) -> bool:
        """Whether anything was said yet."""
        return bool(self._levels)

    def learn(self, level: float) -> None:
        """Take the level of something that was certainly said by the caller."""
        self._levels.append(level)
        self._lowered = 0.0

    def lower(self) -> None:
        """Note that a voice of its own, with silence before it, was not heard as the caller's."""
        self._lowered += _REPEATED_DECIBELS

    def is_background(self, level: float) -> bool:
        """Whether a voice of that level is another's. Never before anything is known."""
        if not self._levels:
            return False
        usual = statistics.median(self._levels) - self._lowered
        return level < usual - _BACKGROUND_DECIBELS

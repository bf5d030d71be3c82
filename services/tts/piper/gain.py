"""Convert a voice's sound to 16 bit at a constant gain, window by window."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..types import PCM

_TARGET_PEAK = 0.8
"""Level of a voice's usual peaks; full scale is 1."""
_KNEE = 0.8
"""Peaks above this are compressed smoothly below full scale."""
_MOST_GAIN = 100.0
"""Limit for voices that are almost silent."""
_FULL_SCALE = 32767.0


class Loudness:
    """A fixed gain for one voice, with a memoryless limiter.

    Piper scales each sentence by its own maximum, which is known only at its end, and makes a
    murmured "oh" as loud as a shout. One gain per voice, from the peak of a sample of its speech,
    needs no look-ahead, and windows join as if they were computed at once.
    """

    def __init__(self, sample_peak: float) -> None:
        self.gain = min(_TARGET_PEAK / max(sample_peak, 1e-9), _MOST_GAIN)

    def to_pcm(self, audio: NDArray[np.float32]) -> PCM:
        """Convert float samples of the voice to 16 bit."""
        scaled = audio * np.float32(self.gain)
        if len(scaled) and np.abs(scaled).max() > _KNEE:
            size = np.abs(scaled)
            bent = _KNEE + (1 - _KNEE) * np.tanh((size - _KNEE) / (1 - _KNEE))
            scaled = np.where(size > _KNEE, np.copysign(bent, scaled), scaled)
        pcm: PCM = np.rint(scaled * _FULL_SCALE).astype(np.int16)
        return pcm

"""Brings a voice's sound to 16 bit at one loudness, window by window."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..types import PCM

_TARGET_PEAK = 0.8
"""Where a voice's usual peaks come to lie; full scale is 1."""
_KNEE = 0.8
"""Peaks above this are bent smoothly below full scale."""
_MOST_GAIN = 100.0
"""A voice that is all but silent stays so."""
_FULL_SCALE = 32767.0


class Loudness:
    """A fixed gain for one voice, with a limiter that has no memory.

    Piper scales each sentence by its own maximum, which is known only at its end, and makes a
    murmured "oh" as loud as a call. One gain for the voice, from the peak of a sample of its
    speech, needs no look ahead, and windows join as if computed at once.
    """

    def __init__(self, sample_peak: float) -> None:
        self.gain = min(_TARGET_PEAK / max(sample_peak, 1e-9), _MOST_GAIN)

    def to_pcm(self, audio: NDArray[np.float32]) -> PCM:
        """Float samples of the voice as 16-bit samples."""
        scaled = audio * np.float32(self.gain)
        if len(scaled) and np.abs(scaled).max() > _KNEE:
            size = np.abs(scaled)
            bent = _KNEE + (1 - _KNEE) * np.tanh((size - _KNEE) / (1 - _KNEE))
            scaled = np.where(size > _KNEE, np.copysign(bent, scaled), scaled)
        pcm: PCM = np.rint(scaled * _FULL_SCALE).astype(np.int16)
        return pcm

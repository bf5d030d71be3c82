"""Audio as the models take it: mono float32 in [-1, 1] at 16 kHz, shape [samples]."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
"""Hz; the only rate the recogniser takes."""

Samples = NDArray[np.float32]


def clean(samples: Samples) -> Samples:
    """Return mono float32 in [-1, 1]; NaN and infinities become silence."""
    samples = np.asarray(samples, dtype=np.float32).reshape(-1)
    if not np.isfinite(samples).all():
        samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
    return np.clip(samples, -1.0, 1.0)


def split_quietly(
    samples: Samples,
    window_seconds: float,
    cut_range: tuple[float, float] = (0.5, 1.0),
    *,
    margin_seconds: float = 0.0,
) -> list[Samples]:
    """Cut audio that exceeds the window into pieces that fit it, at quiet places.

    Each cut lies at the quietest place of `cut_range`, given as shares of the window without its
    margin, which stays free.
    """
    limit = round((window_seconds - margin_seconds) * SAMPLE_RATE)
    first, last = (round(share * limit) for share in cut_range)
    pieces: list[Samples] = []
    while len(samples) > (last if pieces else limit):
        cut = quietest_place(samples, first, last)
        pieces.append(samples[:cut])
        samples = samples[cut:]
    pieces.append(samples)
    return pieces


def quietest_place(samples: Samples, first: int, last: int) -> int:
    """Return the middle of the quietest 0.2 s between the samples `first` and `last`."""
    width = SAMPLE_RATE // 5
    step = SAMPLE_RATE // 100
    power = np.square(samples[first:last], dtype=np.float64)
    if len(power) <= width:
        return last
    sums = np.concatenate(([0.0], np.cumsum(power)))
    starts = np.arange(0, len(power) - width, step)
    energy = sums[starts + width] - sums[starts]
    # The last of equally quiet places leaves the longest first piece.
    best = len(energy) - 1 - int(np.argmin(energy[::-1]))
    return first + int(starts[best]) + width // 2

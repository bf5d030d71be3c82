"""Whether what a microphone picks up is the agent's own voice, from a loudspeaker beside it.

Compares how the energy of both moves in time and frequency: delay, level and colour of the echo do
not matter, so nothing has to be known of the caller's device. Knows nothing of LiveKit.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ..audio.samples import Samples

STEPS_PER_SECOND: Final = 100
"""Of a `Spectrum`."""
ECHO_LIKENESS: Final = 0.8
"""Likeness from which a voice is an echo at about the delay that is known. Over 300 ms, echoes at
-6 and -12 dB with noise at -60 dB reach 0.83 (19 of 20); people who speak over another voice stay
below 0.79 (19 of 20), and over 500 ms below 0.68."""
ECHO_ANYWHERE_LIKENESS: Final = 0.85
"""The same for any delay: among so many places one is like almost anything."""

Spectrum = NDArray[np.float32]
"""Logarithmic energies, [steps, bands]."""

_WINDOW_SECONDS = 0.025
_TRANSFORM = 512
_BANDS = 20
_LOWEST_HERTZ, _HIGHEST_HERTZ = 150.0, 3700.0
"""What a telephone lets through as well."""
_FLOOR = 1e-6
"""Added to energies, so that silence is no deep valley."""
_LEAST_STEPS = 12


def spectrum(samples: Samples, sample_rate: int) -> Spectrum:
    """Return the energies of mono audio in [-1, 1], one step for every 10 ms but the last ones.

    Rates from 8 kHz on; takes about 0.5 ms for a second of audio.
    """
    step = sample_rate // STEPS_PER_SECOND
    size = round(sample_rate * _WINDOW_SECONDS)
    if len(samples) < size:
        return np.empty((0, _BANDS), dtype=np.float32)
    window, filters = _analysis(sample_rate, size)
    frames = sliding_window_view(samples, size)[::step] * window
    power = np.square(np.abs(np.fft.rfft(frames, filters.shape[1] * 2 - 2)))
    energies: Spectrum = np.log(power @ filters.T + _FLOOR).astype(np.float32)
    return energies


def likeness(heard: Spectrum, played: Spectrum) -> tuple[float, int]:
    """Return how alike `heard` is to the best place in `played`, from -1 to 1, and that place.

    `played` begins earlier by the longest delay that counts. 0 at 0 where either is too short.
    """
    steps = len(heard)
    if steps < _LEAST_STEPS or len(played) < steps:
        return 0.0, 0
    mine = heard - heard.mean(axis=0)
    mine_power = float(np.square(mine).sum())
    # What is softer than the room's noise cannot be heard there: as far down as it goes here.
    depth = heard.max(axis=0) - heard.min(axis=0)
    places = sliding_window_view(played, steps, axis=0)  # [places, bands, steps]
    audible = np.maximum(places, places.max(axis=2, keepdims=True) - depth[None, :, None])
    theirs = audible - audible.mean(axis=2, keepdims=True)
    products = np.einsum("pbs,sb->p", theirs, mine)
    powers = np.square(theirs).sum(axis=(1, 2)) * mine_power
    alike = products / np.sqrt(np.maximum(powers, 1e-9))
    best = int(np.argmax(alike))
    return float(alike[best]), best


@cache
def _analysis(sample_rate: int, size: int) -> tuple[Samples, NDArray[np.float32]]:
    """The window, scaled so that energies of all rates compare, and triangular filters."""
    points = max(_TRANSFORM, 1 << (size - 1).bit_length())
    window = np.hanning(size).astype(np.float32)
    window *= np.float32(_TRANSFORM * 0.39 / size)
    hertz = np.fft.rfftfreq(points, 1.0 / sample_rate)
    edges = np.geomspace(_LOWEST_HERTZ, _HIGHEST_HERTZ, _BANDS + 2)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (hertz - low) / (middle - low), (high - hertz) / (high - middle)
    return window, np.clip(np.minimum(rising, falling), 0.0, 1.0).astype(np.float32)

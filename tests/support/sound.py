"""Sound files as samples, and where in them something is audible."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from services.audio.files import AudioFile
from services.audio.samples import SAMPLE_RATE, Samples

AUDIBLE = 0.01
"""Of full scale: -40 dB."""


def read_sound(path: Path) -> Samples:
    """Mono samples in [-1, 1] at 16 kHz of a recording in any format; blocks."""
    with AudioFile(path, sample_rate=SAMPLE_RATE) as file:
        return np.concatenate(list(file.chunks()))


def audible_span(samples: Samples) -> tuple[int, int]:
    """First and last audible sample; all of them where none is."""
    audible = np.flatnonzero(np.abs(samples) > AUDIBLE)
    return (int(audible[0]), int(audible[-1])) if len(audible) else (0, max(0, len(samples) - 1))

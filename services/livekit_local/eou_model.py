"""LiveKit's local end-of-turn model, which judges whether a voice sounds finished."""

from __future__ import annotations

import logging
import time

import numpy as np
from livekit.local_inference import EOT, EOT_MAX_SAMPLES
from numpy.typing import NDArray

logger = logging.getLogger("services.livekit_local")

SAMPLES = EOT_MAX_SAMPLES
"""The most audio it takes, at 16 kHz: the last 1.2 s."""
_THRESHOLD = 0.36
"""LiveKit's threshold for English, below which a turn goes on."""


class EndOfTurnModel:
    """One native model for the process, 255 MB; safe from any thread.

    `probability` takes 60 to 80 ms of a core.
    """

    def __init__(self) -> None:
        """Load the weights of livekit-local-inference; blocks."""
        self._model = EOT()

    @classmethod
    def load(cls) -> EndOfTurnModel:
        """Load the model and run it once."""
        started = time.perf_counter()
        model = cls()
        model.probability(np.zeros(SAMPLES, dtype=np.int16))
        logger.info(
            "end-of-turn model ready",
            extra={"seconds": round(time.perf_counter() - started, 2)},
        )
        return model

    def probability(self, samples: NDArray[np.int16]) -> float:
        """Return the probability that the speaker has finished, scaled so that 0.5 is undecided."""
        raw = float(self._model.predict(samples[-SAMPLES:]))
        odds = raw / max(1e-6, 1.0 - raw) * (1.0 - _THRESHOLD) / _THRESHOLD
        return odds / (1.0 + odds)

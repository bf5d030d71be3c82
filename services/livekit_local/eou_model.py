"""LiveKit's local end-of-turn model, which judges whether a voice sounds finished."""

from __future__ import annotations

import logging
import time

import numpy as np
from livekit.local_inference import EOT, EOT_MAX_SAMPLES

from ..audio.samples import Samples

logger = logging.getLogger("services.livekit_local")

SAMPLES = EOT_MAX_SAMPLES
"""The most audio it takes, at 16 kHz: the last 1.2 s."""


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
        model.probability(np.zeros(SAMPLES, dtype=np.float32))
        logger.info(
            "end-of-turn model ready",
            extra={"seconds": round(time.perf_counter() - started, 2)},
        )
        return model

    def probability(self, samples: Samples) -> float:
        """Return the probability that the speaker has finished.

        Takes mono float32 in [-1, 1] at 16 kHz, of any length: the last 1.2 s count.
        """
        heard = np.zeros(SAMPLES, dtype=np.int16)
        recent = (np.clip(samples[-SAMPLES:], -1.0, 1.0) * 32767.0).astype(np.int16)
        heard[SAMPLES - len(recent) :] = recent
        return float(self._model.predict(heard))

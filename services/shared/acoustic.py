"""The acoustic end-of-turn model of a process, if it is to have one and one serves."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Protocol

from ..audio.samples import Samples
from ..endpointing.acoustic import AcousticModel, AcousticModelLoadError
from ..host.process_memory import measure_growth
from ..models import ModelError, fitted_turn, resolve_turn
from .config import LoadedModel
from .load_once import LoadOnce

logger = logging.getLogger("services.shared")

ROLE = "end of turn"
"""The model's role, and the name of its calls in the scheduler."""


class TurnModel(Protocol):
    """A loaded end-of-turn model, wherever it computes; safe from any thread."""

    def probability(self, samples: Samples) -> float:
        """As `AcousticModel.probability`; blocks."""


class SharedAcousticModel(LoadOnce[TurnModel | None]):
    """Loads the model on the first request; its value is None where no model serves.

    Nobody needs it to converse: without it the words decide alone, and `problem` says so.
    """

    def __init__(self, name: str | None, *, cache: Path, loading: threading.Lock) -> None:
        """`name` is of the catalogue, None for no model; `loading` is held while it is loaded."""
        super().__init__(ROLE, self._load_model)
        self._wanted = name
        self._cache = cache
        self._loading = loading
        self.loaded: LoadedModel | None = None
        """The model in use."""
        self.problem = ""
        """Why the model that is wanted does not serve, for operators."""

    def _load_model(self) -> TurnModel | None:
        if self._wanted is None:
            return None
        try:
            found = resolve_turn(self._wanted, cache=self._cache)
            network = fitted_turn(found.file, self._cache)
            with self._loading, measure_growth() as growth:
                model = AcousticModel.load(network)
        except (ModelError, AcousticModelLoadError) as error:
            logger.error("end-of-turn model unusable", extra={"error": str(error)})
            self.loaded = None
            self.problem = f"{error}. Words and pauses alone decide when a caller is done."
            return None
        self.loaded, self.problem = LoadedModel(found.name, False, growth.bytes, found.source), ""
        logger.info(
            "model ready",
            extra={
                "role": ROLE,
                "model": found.name,
                "demo": False,
                "memory_mib": round(growth.bytes / 2**20, 1),
            },
        )
        return model

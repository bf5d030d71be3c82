"""Reloading the models when fragmentation is the reason for high memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from .. import defaults
from ..host.process_memory import resident_bytes
from .cleaning import StepSkipped


class ModelReload:
    """A cleaning step: decides whether the models are reloaded, and counts the reloads."""

    def __init__(
        self,
        reload: Callable[[bool], object],
        *,
        model_bytes: Callable[[], int],
        fragmentation_bytes: int,
        headroom_bytes: Callable[[], int],
        ready_bytes: Callable[[], int | None],
        interval_seconds: float = defaults.MODEL_RELOAD_SECONDS,
    ) -> None:
        """Set the conditions of a reload.

        Args:
            reload: loads the models anew; may block. Its argument says whether memory has room for
                both: if so, the old model is released after the new one is loaded, else before,
                between turns. Conversations must go on meanwhile.
            model_bytes: returns the size of the largest model.
            fragmentation_bytes: growth since the models were ready that triggers a reload.
            headroom_bytes: returns how much may be allocated before memory is critical.
            ready_bytes: returns the resident set when the models were ready; None before.
            interval_seconds: least time between two reloads.
        """
        self._reload = reload
        self._model_bytes = model_bytes
        self._fragmentation_bytes = fragmentation_bytes
        self._headroom_bytes = headroom_bytes
        self._ready_bytes = ready_bytes
        self._interval_seconds = interval_seconds
        self._lock = threading.Lock()
        self._count = 0
        self._last: float | None = None
        self._next_due = 0.0

    @property
    def count(self) -> int:
        """Reloads so far."""
        return self._count

    @property
    def last(self) -> float | None:
        """Unix time of the last one, None before the first."""
        return self._last

    def __call__(self) -> None:
        """Reload; raises StepSkipped when it is too soon or would not help."""
        ready = self._ready_bytes()
        if ready is None:
            raise StepSkipped("the models are not loaded yet")
        grown = resident_bytes() - ready
        if grown < self._fragmentation_bytes:
            raise StepSkipped(
                f"{max(0, grown) >> 20} MB above the start, below MEMORY_FRAGMENTATION_MB="
                f"{self._fragmentation_bytes >> 20}"
            )
        with self._lock:
            now = time.monotonic()
            if now < self._next_due:
                raise StepSkipped(f"reloaded less than {self._interval_seconds:g} s ago")
            # A reload that fails counts too: trying again at once would fail again.
            self._next_due = now + self._interval_seconds
        self._reload(self._model_bytes() < self._headroom_bytes())
        self._count += 1
        self._last = time.time()

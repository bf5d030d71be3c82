"""Says once that something fails, however often it does, and once that it is over."""

from __future__ import annotations

import logging
import threading

logger = logging.getLogger("agent.records")


class Troubles:
    """What fails now; safe from any thread."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._lock = threading.Lock()

    def occurred(self, place: str, event: str, error: object) -> None:
        """Log that something at a place failed, unless that is known."""
        with self._lock:
            known = place in self._known
            self._known.add(place)
        if not known:
            logger.error(event, extra={"place": place, "error": str(error)})

    def over(self, place: str) -> None:
        """Log that a trouble is over, if there was one."""
        with self._lock:
            known = place in self._known
            self._known.discard(place)
        if known:
            logger.info("records are kept again", extra={"place": place})

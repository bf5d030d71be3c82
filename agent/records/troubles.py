"""Says once that something fails, however often it does, and once that it is over."""

from __future__ import annotations

import logging

logger = logging.getLogger("agent.records")


class Troubles:
    """What fails now; used from one thread."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def occurred(self, place: str, event: str, error: object) -> None:
        """Log that something at a place failed, unless that is known."""
        if place not in self._known:
            self._known.add(place)
            logger.error(event, extra={"place": place, "error": str(error)})

    def over(self, place: str) -> None:
        """Log that a trouble is over, if there was one."""
        if place in self._known:
            self._known.discard(place)
            logger.info("records are kept again", extra={"place": place})

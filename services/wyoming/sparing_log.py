"""Logs events that a stranger can cause at any rate, a few a minute."""

from __future__ import annotations

import logging
import time
from collections import Counter

_MOST_PER_MINUTE = 6
_MINUTE_SECONDS = 60.0


class SparingLog:
    """Belongs to one event loop. Events beyond the rate are logged at DEBUG."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._counts: Counter[str] = Counter()
        self._since = time.monotonic()

    def info(self, event: str, **fields: object) -> None:
        """Log an event."""
        self._log(logging.INFO, event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Log an event that an operator should see."""
        self._log(logging.WARNING, event, fields)

    def _log(self, level: int, event: str, fields: dict[str, object]) -> None:
        now = time.monotonic()
        if now - self._since >= _MINUTE_SECONDS:
            self._since = now
            self._counts.clear()
        self._counts[event] += 1
        within = self._counts[event] <= _MOST_PER_MINUTE
        self._logger.log(level if within else logging.DEBUG, event, extra=fields)

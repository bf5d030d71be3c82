"""A priority that may rise while the work waits."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any, Protocol

from .call import Priority


class Promoter(Protocol):
    """Holds waiting calls."""

    def promote(self, future: Future[Any], priority: Priority) -> bool:
        """Move a waiting call to a more urgent class."""


class DynamicPriority:
    """The priority of work that may take several calls, one after another.

    It may rise while the work waits or runs, such as when a decode that was only likely to be
    needed becomes one that somebody waits for. Safe from any thread.
    """

    def __init__(self, priority: Priority) -> None:
        self._lock = threading.Lock()
        self._priority = priority
        self._waiting: tuple[Promoter, Future[Any]] | None = None

    @property
    def current(self) -> Priority:
        """The class in which the next call of this work is queued."""
        return self._priority

    def raise_to(self, priority: Priority) -> None:
        """Make the work at least as urgent as `priority`."""
        with self._lock:
            self._priority = min(self._priority, priority)
            waiting = self._waiting
        if waiting is not None:
            promoter, future = waiting
            promoter.promote(future, priority)

    def follow(self, promoter: Promoter, future: Future[Any]) -> None:
        """Promote the call of `future` together with this work."""
        with self._lock:
            self._waiting = (promoter, future)
            priority = self._priority
        # It may have risen since the call was submitted.
        promoter.promote(future, priority)

"""DynamicPriority that may rise while the work waits."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any, Protocol

from .call import Priority


class Promoter(Protocol):
    """Where calls wait."""

    def promote(self, future: Future[Any], priority: Priority) -> bool:
        """Move a call that still waits into a more urgent class."""


class DynamicPriority:
    """How urgent some work is that may take several calls, one after another.

    It may rise while the work waits or runs: a decode that was only likely to be needed, and
    that somebody waits for now.
    """

    def __init__(self, priority: Priority) -> None:
        self._lock = threading.Lock()
        self._priority = priority
        self._waiting: tuple[Promoter, Future[Any]] | None = None

    @property
    def priority(self) -> Priority:
        """The class that the next call of this work is queued in."""
        return self._priority

    def raise_to(self, priority: Priority) -> None:
        """Make the work at least as urgent as `priority`; safe from any thread."""
        with self._lock:
            self._priority = min(self._priority, priority)
            waiting = self._waiting
        if waiting is not None:
            scheduler, future = waiting
            scheduler.promote(future, priority)

    def follow(self, scheduler: Promoter, future: Future[Any]) -> None:
        """Take `future` as the call that is to be promoted with this work."""
        with self._lock:
            self._waiting = (scheduler, future)
            priority = self._priority
        # It may have risen between the call's submission and now.
        scheduler.promote(future, priority)

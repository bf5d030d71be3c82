"""Waiting calls: urgent classes first, owners in turn within a class."""

from __future__ import annotations

import math
from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Iterator
from typing import Any

from .call import Call, Priority


class FairQueue:
    """Calls by class and owner; guarded by the scheduler's lock."""

    def __init__(self) -> None:
        self._classes: dict[Priority, OrderedDict[str, deque[Call[Any]]]] = {
            priority: OrderedDict() for priority in Priority
        }
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Call[Any]]:
        for owners in self._classes.values():
            for calls in owners.values():
                yield from calls

    def lengths(self) -> dict[Priority, int]:
        """Number of waiting calls in each class."""
        return {
            priority: sum(len(calls) for calls in owners.values())
            for priority, owners in self._classes.items()
        }

    def append(self, call: Call[Any]) -> None:
        """Add a call behind those of its class and owner."""
        self._classes[call.priority].setdefault(call.owner, deque()).append(call)
        self._length += 1

    def remove(self, call: Call[Any]) -> bool:
        """Remove a call; return False if it is not waiting."""
        owners = self._classes[call.priority]
        calls = owners.get(call.owner)
        if calls is None or call not in calls:
            return False
        calls.remove(call)
        self._length -= 1
        if not calls:
            del owners[call.owner]
        return True

    def least_urgent(self) -> Call[Any] | None:
        """Return the first call of the least urgent class."""
        for priority in reversed(Priority):
            for calls in self._classes[priority].values():
                return calls[0]
        return None

    def take(self, running: Iterable[Call[Any]], slots: int) -> Call[Any] | None:
        """Remove and return the next call that may start now.

        The most urgent class goes first, then the owner that has waited longest. Beside the calls
        `running` in `slots` threads, interim and batch calls never get the last free thread when
        there is more than one.
        """
        busy = Counter(call.priority for call in running)
        background = busy[Priority.INTERIM] + busy[Priority.BATCH]
        for priority, owners in self._classes.items():
            if not owners:
                continue
            if priority >= Priority.INTERIM and background >= max(1, slots - 1):
                return None
            if priority is Priority.BATCH and busy[Priority.BATCH]:
                return None
            owner, calls = owners.popitem(last=False)
            call = calls.popleft()
            if calls:
                owners[owner] = calls
            self._length -= 1
            return call
        return None

    def take_expired(self, now: float) -> list[Call[Any]]:
        """Remove and return the calls that have waited longer than they may."""
        expired = [call for call in self if call.expires_at <= now]
        for call in expired:
            self.remove(call)
        return expired

    def next_expiry(self) -> float:
        """Return the time at which the next call expires."""
        return min((call.expires_at for call in self), default=math.inf)

"""Calls that wait: urgent classes first, rooms in turn within a class."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Iterator
from typing import Any

from .call import Call, Priority


class FairQueue:
    """Calls by class and room; guarded by the scheduler's lock."""

    def __init__(self) -> None:
        self._classes: dict[Priority, OrderedDict[str, deque[Call[Any]]]] = {
            priority: OrderedDict() for priority in Priority
        }
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Call[Any]]:
        for rooms in self._classes.values():
            for calls in rooms.values():
                yield from calls

    def lengths(self) -> dict[Priority, int]:
        """How many wait in each class."""
        return {
            p: sum(len(calls) for calls in rooms.values()) for p, rooms in self._classes.items()
        }

    def append(self, call: Call[Any]) -> None:
        """Take a call in, behind those of its class and room."""
        self._classes[call.priority].setdefault(call.owner, deque()).append(call)
        self._length += 1

    def remove(self, call: Call[Any]) -> bool:
        """Take a call out; False when it does not wait."""
        rooms = self._classes[call.priority]
        calls = rooms.get(call.owner)
        if calls is None or call not in calls:
            return False
        calls.remove(call)
        self._length -= 1
        if not calls:
            del rooms[call.owner]
        return True

    def least_urgent(self) -> Call[Any] | None:
        """The first call of the least urgent class."""
        for priority in reversed(Priority):
            for calls in self._classes[priority].values():
                return calls[0]
        return None

    def take(self, running: Iterable[Call[Any]], slots: int) -> Call[Any] | None:
        """The next call that may start now: most urgent class, then the room that waits longest.

        Beside what is `running` in `slots` threads, interim and batch work never gets the last
        free one when there is more than one.
        """
        busy = Counter(call.priority for call in running)
        background = busy[Priority.INTERIM] + busy[Priority.BATCH]
        for priority, rooms in self._classes.items():
            if not rooms:
                continue
            if priority >= Priority.INTERIM and background >= max(1, slots - 1):
                return None
            if priority is Priority.BATCH and busy[Priority.BATCH]:
                return None
            room, calls = rooms.popitem(last=False)
            call = calls.popleft()
            if calls:
                rooms[room] = calls
            self._length -= 1
            return call
        return None

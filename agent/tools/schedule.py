"""Sentences spoken at a later time, each with a task of its own."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """A source of time; tests provide their own."""

    def now(self) -> datetime:
        """The time of day where the caller is, with its zone."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never going back."""

    async def sleep(self, seconds: float) -> None:
        """Wait that long by `monotonic`."""


class SystemClock:
    """The clock of this machine, in its own time zone."""

    def now(self) -> datetime:
        return datetime.now().astimezone()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class ScheduleFullError(Exception):
    """No more entries fit; cancel one first."""


@dataclass(frozen=True)
class Entry:
    """One scheduled sentence."""

    number: int
    """Counts up from one in each room."""
    seconds: int
    """Total waiting time."""
    due: float
    """When it is spoken, by the clock's `monotonic`."""
    name: str
    """Its spoken name, such as "five minute timer"."""


class Schedule:
    """The timers and reminders of one room.

    Owns a task per entry; `aclose` ends them. Not for use from several event loops.
    """

    def __init__(
        self, clock: Clock, announce: Callable[[str], None], *, max_entries: int = 20
    ) -> None:
        self._clock = clock
        self._announce = announce
        self._max_entries = max_entries
        self._numbers = itertools.count(1)
        self._waiting: dict[Entry, asyncio.Task[None]] = {}
        self._closed = False

    def add(self, seconds: int, sentence: str, name: str = "timer") -> Entry:
        """Have `sentence` announced in so many seconds. Call it inside the room's event loop.

        Raises:
            ScheduleFullError: there are `max_entries` already, or the room is over.
        """
        if self._closed or len(self._waiting) >= self._max_entries:
            raise ScheduleFullError
        entry = Entry(next(self._numbers), seconds, self._clock.monotonic() + seconds, name)
        self._waiting[entry] = asyncio.create_task(
            self._wait(entry, sentence), name=f"timer-{entry.number}"
        )
        return entry

    def entries(self) -> list[Entry]:
        """Return the waiting entries, soonest first."""
        return sorted(self._waiting, key=lambda entry: (entry.due, entry.number))

    def remaining_seconds(self, entry: Entry) -> float:
        """Return how long an entry still waits; 0 when it is due."""
        return max(0.0, entry.due - self._clock.monotonic())

    def cancel(self, entry: Entry) -> None:
        """Cancel an entry, unless it is gone already."""
        task = self._waiting.pop(entry, None)
        if task is not None:
            task.cancel()

    async def aclose(self) -> None:
        """Cancel every entry and wait for their tasks to end."""
        self._closed = True
        tasks = list(self._waiting.values())
        self._waiting.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _wait(self, entry: Entry, sentence: str) -> None:
        await self._clock.sleep(entry.seconds)
        self._waiting.pop(entry, None)
        self._announce(sentence)

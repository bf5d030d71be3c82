"""A clock that stands still until a test moves it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta


class ManualClock:
    """A clock for the tools: starts on a Saturday afternoon and moves with `advance` only."""

    def __init__(self, start: datetime = datetime(2026, 11, 21, 15, 45, tzinfo=UTC)) -> None:
        self._start = start
        self._elapsed_seconds = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed_seconds)

    def monotonic(self) -> float:
        return self._elapsed_seconds

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._elapsed_seconds + seconds, woken))
        await woken

    async def advance(self, seconds: float) -> None:
        """Move on, waking whoever has slept long enough, and let them run."""
        await asyncio.sleep(0)
        self._elapsed_seconds += seconds
        for due, woken in self._sleepers:
            if due <= self._elapsed_seconds and not woken.done():
                woken.set_result(None)
        for _ in range(3):
            await asyncio.sleep(0)

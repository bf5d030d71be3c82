"""Event-loop lag: how late the timers of the watched loops run."""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

TICK_SECONDS = 0.25
WINDOW_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class LoopLag:
    """How late the timers of all watched loops together were."""

    samples: int
    p90_seconds: float
    p99_seconds: float
    longest_seconds: float
    loop: str
    """The loop with the longest lateness; empty without one."""


class LoopWatch:
    """Measures how late the timers of event loops run. Safe from any thread.

    Each watched loop runs a timer, which the caller of `watch` ends by closing the probe.
    """

    def __init__(
        self,
        *,
        tick_seconds: float = TICK_SECONDS,
        window_seconds: float = WINDOW_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clock = clock
        self.tick_seconds = tick_seconds
        self.ticks = max(1, round(window_seconds / tick_seconds))
        self._lock = threading.Lock()
        self._probes: set[LoopProbe] = set()

    def watch(self, name: str) -> LoopProbe:
        """Watch the running loop until the probe is closed."""
        probe = LoopProbe(self, name)
        with self._lock:
            self._probes.add(probe)
        return probe

    def lag(self, *, last_seconds: float = math.inf) -> LoopLag:
        """Return the lateness over the window, or over the last part of it.

        A stuck loop counts with the time for which it has been stuck so far.
        """
        ticks = round(min(self.ticks, max(1.0, last_seconds / self.tick_seconds)))
        late: list[float] = []
        longest, loop = 0.0, ""
        for probe in self._open_probes():
            own = probe.lateness()[-ticks:]
            late.extend(own)
            if own and max(own) > longest:
                longest, loop = max(own), probe.name
        late.sort()
        return LoopLag(len(late), _quantile(late, 0.9), _quantile(late, 0.99), longest, loop)

    def stuck(self, *, longer_than_seconds: float = 1.0) -> dict[str, float]:
        """Return the loops that are stuck right now, each with its lateness in seconds."""
        overdue = {probe.name: probe.overdue_seconds() for probe in self._open_probes()}
        return {name: late for name, late in overdue.items() if late > longer_than_seconds}

    def forget(self, probe: LoopProbe) -> None:
        """Stop counting a probe, which calls this when it is closed."""
        with self._lock:
            self._probes.discard(probe)

    def _open_probes(self) -> list[LoopProbe]:
        with self._lock:
            # A loop that ended without closing its probe must not count as stuck for ever.
            self._probes = {probe for probe in self._probes if not probe.ended}
            return list(self._probes)


class LoopProbe:
    """The watch over one loop; made by `LoopWatch.watch`."""

    def __init__(self, watch: LoopWatch, name: str) -> None:
        self.name = name
        self._watch = watch
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._late: deque[float] = deque(maxlen=watch.ticks)
        self._due = watch.clock() + watch.tick_seconds
        self._timer = self._loop.call_later(watch.tick_seconds, self._tick)
        self._closed = False

    @property
    def ended(self) -> bool:
        """Whether the probe or its loop was closed."""
        return self._closed or self._loop.is_closed()

    def close(self) -> None:
        """End the watch. Idempotent; from any thread."""
        self._closed = True
        self._watch.forget(self)
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._timer.cancel)

    def lateness(self) -> list[float]:
        """Return by how many seconds each timer of the window was late, an overdue one included."""
        with self._lock:
            late = list(self._late)
        overdue = self.overdue_seconds()
        return [*late, overdue] if overdue > 0.0 else late

    def overdue_seconds(self) -> float:
        """Return for how many seconds the timer has been overdue; 0 when it is on time."""
        return 0.0 if self.ended else max(0.0, self._watch.clock() - self._due)

    def _tick(self) -> None:
        if self._closed:
            return
        now = self._watch.clock()
        with self._lock:
            self._late.append(max(0.0, now - self._due))
        self._due = now + self._watch.tick_seconds
        self._timer = self._loop.call_later(self._watch.tick_seconds, self._tick)


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Return a quantile that leaves out the highest value: one late timer alone says little."""
    rank = min(math.ceil(len(ordered) * share), len(ordered) - 1)
    return ordered[rank - 1] if rank > 0 else 0.0

"""How late event loops are: all the time at little cost, and exactly while something is tried."""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

TICK_SECONDS = 0.25
WINDOW_SECONDS = 60.0

_CLOSE_TICK_SECONDS = 0.002
_CLOSE_START_SECONDS = 0.05


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

    A loop is watched by a timer of its own; its owner ends that by closing the probe.
    """

    def __init__(
        self, *, tick_seconds: float = TICK_SECONDS, window_seconds: float = WINDOW_SECONDS
    ) -> None:
        self._tick_seconds = tick_seconds
        self._ticks = max(1, round(window_seconds / tick_seconds))
        self._lock = threading.Lock()
        self._probes: set[LoopProbe] = set()

    def watch(self, name: str) -> LoopProbe:
        """Watch the running loop until the probe is closed."""
        probe = LoopProbe(self, name, asyncio.get_running_loop(), self._tick_seconds, self._ticks)
        with self._lock:
            self._probes.add(probe)
        return probe

    def lag(self, *, last_seconds: float = math.inf) -> LoopLag:
        """Lateness over the window or the last part of it.

        A loop that is stuck right now counts as late as it is by now.
        """
        ticks = round(min(self._ticks, max(1.0, last_seconds / self._tick_seconds)))
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
        """The loops that stand still right now, and for how many seconds."""
        overdue = {probe.name: probe.overdue_seconds() for probe in self._open_probes()}
        return {name: late for name, late in overdue.items() if late > longer_than_seconds}

    @contextlib.contextmanager
    def pauses(self) -> Iterator[Pauses]:
        """Watch every loop closely over a block; for use in a thread without a loop.

        The result is filled in when the block ends.
        """
        probes = self._open_probes()
        watches = [watch for probe in probes if (watch := probe.watch_closely()) is not None]
        end = time.monotonic() + _CLOSE_START_SECONDS
        for watch in watches:
            watch.started.wait(max(0.0, end - time.monotonic()))
        pauses = Pauses()
        try:
            yield pauses
        finally:
            for watch in watches:
                seconds = watch.stop()
                if seconds > pauses.longest_seconds:
                    pauses.longest_seconds, pauses.loop = seconds, watch.name

    def _open_probes(self) -> list[LoopProbe]:
        with self._lock:
            # A loop that ended without closing its probe must not count as stuck for ever.
            self._probes = {probe for probe in self._probes if not probe.ended}
            return list(self._probes)

    def _forget(self, probe: LoopProbe) -> None:
        with self._lock:
            self._probes.discard(probe)


class LoopProbe:
    """The watch over one loop; made by `LoopWatch.watch`."""

    def __init__(
        self,
        watch: LoopWatch,
        name: str,
        loop: asyncio.AbstractEventLoop,
        tick_seconds: float,
        ticks: int,
    ) -> None:
        self.name = name
        self._watch = watch
        self._loop = loop
        self._tick_seconds = tick_seconds
        self._lock = threading.Lock()
        self._late: deque[float] = deque(maxlen=ticks)
        self._due = time.monotonic() + tick_seconds
        self._timer = loop.call_later(tick_seconds, self._tick)
        self._closed = False

    @property
    def ended(self) -> bool:
        """Whether it was closed, or its loop was."""
        return self._closed or self._loop.is_closed()

    def close(self) -> None:
        """End the watch; from any thread, and twice."""
        self._closed = True
        self._watch._forget(self)
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._timer.cancel)

    def lateness(self) -> list[float]:
        """Seconds by which the timers of the window were late, with the one that is due now."""
        with self._lock:
            late = list(self._late)
        overdue = self.overdue_seconds()
        return [*late, overdue] if overdue > 0.0 else late

    def overdue_seconds(self) -> float:
        """Seconds since which the timer should have run, 0 when it is on time."""
        return 0.0 if self.ended else max(0.0, time.monotonic() - self._due)

    def watch_closely(self) -> CloseWatch | None:
        """Begin to watch in short steps; None when the loop has ended."""
        watch = CloseWatch(self.name, self._loop)
        try:
            self._loop.call_soon_threadsafe(watch.tick)
        except RuntimeError:
            return None
        return watch

    def _tick(self) -> None:
        if self._closed:
            return
        now = time.monotonic()
        with self._lock:
            self._late.append(max(0.0, now - self._due))
        self._due = now + self._tick_seconds
        self._timer = self._loop.call_later(self._tick_seconds, self._tick)


@dataclass(slots=True)
class Pauses:
    """The longest time for which a loop stood still."""

    longest_seconds: float = 0.0
    loop: str = ""


class CloseWatch:
    """Ticks every 2 ms in a loop and keeps the longest gap between two ticks."""

    def __init__(self, name: str, loop: asyncio.AbstractEventLoop) -> None:
        self.name = name
        self.started = threading.Event()
        self._loop = loop
        self._last = time.monotonic()
        self._longest = 0.0
        self._stopped = False

    def tick(self) -> None:
        """Note the gap since the last tick; runs in the loop."""
        if self._stopped:
            return
        now = time.monotonic()
        if self.started.is_set():
            self._longest = max(self._longest, now - self._last - _CLOSE_TICK_SECONDS)
        self._last = now
        self.started.set()
        self._loop.call_later(_CLOSE_TICK_SECONDS, self.tick)

    def stop(self) -> float:
        """End; returns the longest pause in seconds, one that still goes on included."""
        self._stopped = True
        return max(0.0, self._longest, time.monotonic() - self._last - _CLOSE_TICK_SECONDS)


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Of few values the highest never counts: one late timer alone says little."""
    rank = min(math.ceil(len(ordered) * share), len(ordered) - 1)
    return ordered[rank - 1] if rank > 0 else 0.0

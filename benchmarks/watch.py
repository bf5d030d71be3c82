"""What processes use of the machine, sampled from outside."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass

import numpy as np
import psutil

_PERIOD_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at one process with its children."""

    monotonic: float
    cpu_seconds: float
    """User and system time since its start."""
    rss_bytes: int


class ProcessWatch:
    """Samples the named processes until it is closed; belongs to one event loop."""

    def __init__(self) -> None:
        self._watched: dict[str, list[psutil.Process]] = {}
        self._samples: dict[str, list[Sample]] = {}
        self._task = asyncio.create_task(self._run(), name="process-watch")

    async def aclose(self) -> None:
        """End the sampling; what was sampled stays."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def add(self, name: str, process_id: int) -> None:
        """Watch a process and the children it has now."""
        process = psutil.Process(process_id)
        self._watched[name] = [process, *process.children(recursive=True)]
        self._samples.setdefault(name, [])

    def remove(self, name: str) -> None:
        """Do not sample that process any more."""
        self._watched.pop(name, None)

    def sample(self) -> None:
        """Look at all processes now."""
        for name, processes in self._watched.items():
            cpu = 0.0
            rss = 0
            for process in processes:
                with contextlib.suppress(psutil.Error), process.oneshot():
                    times = process.cpu_times()
                    cpu += times.user + times.system
                    rss += process.memory_info().rss
            self._samples[name].append(Sample(time.monotonic(), cpu, rss))

    def cpu_seconds(self, name: str, start: float, end: float) -> float:
        """CPU time between two monotonic times, from the samples around them."""
        samples = self._samples.get(name, [])
        if len(samples) < 2:
            return float("nan")
        times = [s.monotonic for s in samples]
        used = [s.cpu_seconds for s in samples]
        return float(np.interp(end, times, used) - np.interp(start, times, used))

    def rss_bytes(self, name: str, start: float, end: float) -> float:
        """The median resident size between two monotonic times."""
        found = [s.rss_bytes for s in self._samples.get(name, []) if start <= s.monotonic <= end]
        return float(np.median(found)) if found else float("nan")

    async def _run(self) -> None:
        while True:
            self.sample()
            await asyncio.sleep(_PERIOD_SECONDS)

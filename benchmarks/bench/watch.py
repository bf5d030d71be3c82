"""What processes use of the machine, sampled from outside."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass

import numpy as np
import psutil

_PERIOD_SECONDS = 0.25
_LOOK_SECONDS = 1.0
QUIET_CORES = 0.2
"""What else runs on the machine may use so much when a measurement begins."""
MACHINE = "machine"
"""The name under which the whole machine is watched."""


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
        self._samples: dict[str, list[Sample]] = {MACHINE: []}
        self._task = asyncio.create_task(self._run(), name="process-watch")

    async def aclose(self) -> None:
        """End the sampling; what was sampled stays."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def add(self, name: str, process_id: int, *, children: bool = True) -> None:
        """Watch a process, with the children it has now if these are wanted too."""
        process = psutil.Process(process_id)
        others = process.children(recursive=True) if children else []
        self._watched[name] = [process, *others]
        self._samples.setdefault(name, [])

    def remove(self, name: str) -> None:
        """Do not sample that process any more."""
        self._watched.pop(name, None)

    def sample(self) -> None:
        """Look at all processes now."""
        self._samples[MACHINE].append(Sample(time.monotonic(), _busy_seconds(), 0))
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

    def others_cores(self, start: float, end: float) -> float:
        """Cores used between two monotonic times by anything that is not watched."""
        watched = sum(self.cpu_seconds(name, start, end) for name in self._watched)
        return (self.cpu_seconds(MACHINE, start, end) - watched) / (end - start)

    async def wait_for_quiet(self, patience_seconds: float) -> None:
        """Until nothing else uses the machine, or patience has run out."""
        until = time.monotonic() + patience_seconds
        while time.monotonic() < until:
            start = time.monotonic()
            await asyncio.sleep(_LOOK_SECONDS)
            self.sample()
            if self.others_cores(start, time.monotonic()) <= QUIET_CORES:
                return

    def rss_bytes(self, name: str, start: float, end: float) -> float:
        """The median resident size between two monotonic times."""
        found = [s.rss_bytes for s in self._samples.get(name, []) if start <= s.monotonic <= end]
        return float(np.median(found)) if found else float("nan")

    async def _run(self) -> None:
        while True:
            self.sample()
            await asyncio.sleep(_PERIOD_SECONDS)


def _busy_seconds() -> float:
    times = psutil.cpu_times()
    # The kernel counts the time of guests as that of their hosts as well.
    return float(times.user + times.nice + times.system + times.irq + times.softirq)

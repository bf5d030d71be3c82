"""Readings of the memory of the process, its limit, its machine and its GPUs."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from ..host.allocator import AllocatorFigures, allocator_figures
from ..host.cgroup import MemoryLimit, memory_limit
from ..host.gpu import GPUMeter, GPUReading


@dataclass(frozen=True, slots=True)
class MemoryReading:
    """Figures of one moment."""

    at_seconds: float
    """Unix time."""
    process_bytes: int
    """Resident set size."""
    unique_bytes: int
    """What ending the process would free (USS), as of the last full reading."""
    limit: MemoryLimit
    system_percent: float
    """Share of the machine's memory in use by all processes."""
    available_bytes: int
    """What the machine can still give."""
    threads: int
    descriptors: int
    rooms: int
    allocator: AllocatorFigures | None
    python_blocks: int
    """Small objects held by Python."""
    gpu: GPUReading | None

    @property
    def counted_bytes(self) -> int:
        """The memory that counts against the limit."""
        return self.process_bytes if self.limit.used_bytes is None else self.limit.used_bytes


class MemoryMeter:
    """Takes readings: 1 ms of work, 10 ms for a full one. Used from one thread at a time."""

    def __init__(
        self,
        *,
        rooms: Callable[[], int] = lambda: 0,
        limit: Callable[[], MemoryLimit] = memory_limit,
        gpu: GPUMeter | None = None,
    ) -> None:
        """`rooms` returns how many are open, from any thread; the caller closes `gpu`."""
        self._process = psutil.Process()
        self._rooms = rooms
        self._limit = limit
        self._gpu = gpu
        self._unique_bytes = 0

    def read(self, *, full: bool = False) -> MemoryReading:
        """Take a reading; only a `full` one measures the USS, as the kernel walks every page."""
        with self._process.oneshot():
            resident = int(self._process.memory_info().rss)
            threads = self._process.num_threads()
            descriptors = self._process.num_fds() if psutil.POSIX else 0
            if full or not self._unique_bytes:
                self._unique_bytes = int(self._process.memory_full_info().uss)
        machine = psutil.virtual_memory()
        return MemoryReading(
            at_seconds=time.time(),
            process_bytes=resident,
            unique_bytes=self._unique_bytes,
            limit=self._limit(),
            system_percent=float(machine.percent),
            available_bytes=int(machine.available),
            threads=threads,
            descriptors=descriptors,
            rooms=self._rooms(),
            allocator=allocator_figures(),
            python_blocks=sys.getallocatedblocks(),
            gpu=self._gpu.read() if self._gpu is not None else None,
        )

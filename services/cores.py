"""How many cores this process may use, and how models share them."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

_CGROUP_ROOT = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class ThreadPlan:
    """Threads that together do not fight over the cores."""

    slots: int
    """Model calls that run at once."""
    threads_per_call: int
    """Threads inside one model call."""


def available_cores(cgroup_root: Path = _CGROUP_ROOT) -> float:
    """Cores this process may use: CPU affinity, lowered by the cgroup's quota (v2 or v1)."""
    try:
        cores = float(len(os.sched_getaffinity(0)))
    except AttributeError:
        cores = float(os.cpu_count() or 1)
    quota = _cgroup_quota(cgroup_root)
    return cores if quota is None else max(0.1, min(cores, quota))


def plan_threads(cores: float, *, slots: int = 0, threads_per_call: int = 0) -> ThreadPlan:
    """Share `cores` between calls at once and threads in a call; 0 means choose.

    Up to four cores every call gets one thread: rooms that talk at the same time then do not
    wait for one another, and one thread wastes none on synchronisation. With more cores two
    threads a call shorten each.
    """
    whole = max(1, math.floor(cores))
    threads = threads_per_call or (1 if whole <= 4 else 2)
    return ThreadPlan(slots=slots or max(1, whole // threads), threads_per_call=threads)


def _cgroup_quota(root: Path) -> float | None:
    try:
        quota, period = (root / "cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        pass
    try:
        quota_us = int((root / "cpu" / "cpu.cfs_quota_us").read_text())
        period_us = int((root / "cpu" / "cpu.cfs_period_us").read_text())
        return quota_us / period_us if quota_us > 0 and period_us > 0 else None
    except (OSError, ValueError):
        return None

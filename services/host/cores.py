"""How many cores this process may use, and how models share them."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_CGROUP_ROOT = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


@dataclass(frozen=True, slots=True)
class ThreadPlan:
    """Threads that together do not fight over the cores."""

    slots: int
    """Model calls that run at once."""
    threads_per_call: int
    """Threads inside one model call."""


def available_cores(cgroup_root: Path = _CGROUP_ROOT, membership: Path = _MEMBERSHIP) -> float:
    """Cores this process may use: CPU affinity, lowered by the quotas of its cgroups (v2 or v1)."""
    try:
        cores = float(len(os.sched_getaffinity(0)))
    except AttributeError:
        cores = float(os.cpu_count() or 1)
    return max(0.1, min([cores, *_cgroup_quotas(cgroup_root, membership)]))


def plan_threads(cores: float, *, slots: int = 0, threads_per_call: int = 0) -> ThreadPlan:
    """Share `cores` between calls at once and threads in a call; 0 means choose.

    One thread a call: several finish a call a little sooner on a quiet machine, but wait for one
    another at every step, and where something else takes a core from one of them, a call takes
    many times as long (docs/recognition.md).
    """
    whole = max(1, math.floor(cores))
    threads = threads_per_call or 1
    return ThreadPlan(slots=slots or max(1, whole // threads), threads_per_call=threads)


def _cgroup_quotas(root: Path, membership: Path) -> Iterator[float]:
    """Quotas in cores of the process's own groups and of all above them.

    In a container the root is the process's own group; a service of the host lies deeper.
    """
    for group in {Path("/"), *_own_groups(membership)}:
        for folder in (group, *group.parents):
            place = folder.relative_to("/")
            yield from _quota(root / place / "cpu.max")
            v1 = root / "cpu" / place
            yield from _quota(v1 / "cpu.cfs_quota_us", v1 / "cpu.cfs_period_us")


def _own_groups(membership: Path) -> Iterator[Path]:
    """Where the process lies in each hierarchy: lines of `number:controllers:/path`."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        controllers, _, path = line.partition(":")[2].partition(":")
        if path.startswith("/") and (not controllers or "cpu" in controllers.split(",")):
            yield Path(os.path.normpath(path))


def _quota(*files: Path) -> Iterator[float]:
    """Microseconds of CPU time in each period; nothing where there is no limit."""
    try:
        quota, period = (int(word) for file in files for word in file.read_text().split())
    except (OSError, ValueError):
        return
    if quota > 0 and period > 0:
        yield quota / period

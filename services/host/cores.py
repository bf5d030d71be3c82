"""How many cores this process may use, and how models share them."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

from .cgroup import MOUNTED, Cgroups, cpu_quotas


@dataclass(frozen=True, slots=True)
class ThreadPlan:
    """Numbers of threads that do not compete for the cores."""

    slots: int
    """Model calls that run at once."""
    threads_per_call: int
    """Threads inside one model call."""


def available_cores(cgroups: Cgroups = MOUNTED) -> float:
    """Return the cores this process may use: CPU affinity, lowered by the quotas of its cgroups."""
    try:
        cores = float(len(os.sched_getaffinity(0)))
    except AttributeError:
        cores = float(os.cpu_count() or 1)
    return max(0.1, min([cores, *cpu_quotas(cgroups)]))


def plan_threads(cores: float, *, slots: int = 0, threads_per_call: int = 0) -> ThreadPlan:
    """Share `cores` between calls at once and threads in a call; 0 means choose.

    One thread per call by default. Several finish a call slightly sooner on a quiet machine, but
    they wait for one another at every step: when something else takes a core from one of them, the
    call takes many times as long (docs/recognition.md).
    """
    whole = max(1, math.floor(cores))
    threads = threads_per_call or 1
    return ThreadPlan(slots=slots or max(1, whole // threads), threads_per_call=threads)

"""Limits that control groups (version 2 or 1) set on this process: CPU time and memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

LimitSource = Literal["cgroup v2", "cgroup v1", "machine"]


@dataclass(frozen=True, slots=True)
class Cgroups:
    """Where the groups are mounted, and the file that says which ones the process is in."""

    root: Path = Path("/sys/fs/cgroup")
    membership: Path = Path("/proc/self/cgroup")

    def version_2(self) -> list[Path]:
        """Return the folders of the process's group and its parents, innermost first."""
        return self._folders("", self.root)

    def version_1(self, controller: str) -> list[Path]:
        """Like `version_2`, in the hierarchy of one controller."""
        return self._folders(controller, self.root / controller)

    def _folders(self, controller: str, mount: Path) -> list[Path]:
        path = self._path(controller)
        if ".." in path.split("/"):
            return [mount]
        own = mount / path
        # Inside a container the path may be the host's and not exist here: the mount itself is the
        # process's own group then.
        return [own, *(parent for parent in own.parents if parent.is_relative_to(mount))]

    def _path(self, controller: str) -> str:
        """Read the process's group from lines like `number:controller,controller:/path`."""
        try:
            lines = self.membership.read_text().splitlines()
        except OSError:
            return ""
        for line in lines:
            controllers, _, path = line.partition(":")[2].partition(":")
            if controller in controllers.split(","):
                return path.strip("/")
        return ""


MOUNTED = Cgroups()
"""The groups of this machine."""


@dataclass(frozen=True, slots=True)
class MemoryLimit:
    """How much memory the process may use, and how much of that is taken."""

    bytes: int
    source: LimitSource
    used_bytes: int | None
    """What the group is charged with, less file pages that the kernel can drop at once; None where
    the machine is the limit, which other processes use too."""


def cpu_quotas(cgroups: Cgroups = MOUNTED) -> Iterator[float]:
    """Yield the quota of each group that has one, in cores."""
    for folder in cgroups.version_2():
        yield from _quota(folder / "cpu.max")
    for folder in cgroups.version_1("cpu"):
        yield from _quota(folder / "cpu.cfs_quota_us", folder / "cpu.cfs_period_us")


def memory_limit(cgroups: Cgroups = MOUNTED, *, machine_bytes: int | None = None) -> MemoryLimit:
    """Return the limit in force: the lowest of the groups', or the machine's memory.

    An orchestrator may change the limit, so it is read anew each time.
    """
    machine = machine_bytes or int(psutil.virtual_memory().total)
    # Above `memory.high` the kernel throttles so hard that it is a limit for speech.
    version_2 = _lowest(cgroups.version_2(), "memory.max", "memory.high")
    if version_2 is not None and version_2[0] < machine:
        limit, folder = version_2
        return MemoryLimit(limit, "cgroup v2", _used(folder, "memory.current", "inactive_file"))
    version_1 = _lowest(cgroups.version_1("memory"), "memory.limit_in_bytes")
    if version_1 is not None and version_1[0] < machine:
        limit, folder = version_1
        used = _used(folder, "memory.usage_in_bytes", "total_inactive_file")
        return MemoryLimit(limit, "cgroup v1", used)
    return MemoryLimit(machine, "machine", None)


def _quota(*files: Path) -> Iterator[float]:
    """Divide microseconds of CPU time by the period; yield nothing where there is no limit."""
    try:
        quota, period = (int(word) for file in files for word in file.read_text().split())
    except (OSError, ValueError):
        return
    if quota > 0 and period > 0:
        yield quota / period


def _lowest(folders: list[Path], *names: str) -> tuple[int, Path] | None:
    """Return the lowest limit in files of these names, and the folder of the group that has it."""
    limits = [
        (limit, folder)
        for folder in folders
        for name in names
        if (limit := _number(folder / name)) is not None
    ]
    return min(limits, key=lambda found: found[0], default=None)


def _used(folder: Path, usage: str, droppable: str) -> int | None:
    used = _number(folder / usage)
    if used is None:
        return None
    try:
        for line in (folder / "memory.stat").read_text().splitlines():
            name, _, value = line.partition(" ")
            if name == droppable:
                return max(0, used - int(value))
    except (OSError, ValueError):
        pass
    return used


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None

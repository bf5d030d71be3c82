"""The memory limit in force: the lowest of the cgroup's, its parents' and the machine's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

LimitSource = Literal["cgroup v2", "cgroup v1", "machine"]

_CGROUP_ROOT = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


@dataclass(frozen=True, slots=True)
class MemoryLimit:
    """What the process may use, and what already counts against it."""

    bytes: int
    source: LimitSource
    used_bytes: int | None
    """What the cgroup is charged with, without file pages that the kernel can drop at once;
    None where the machine is the limit, since others use it too."""


class LimitReader:
    """Reads the limit anew each time, as an orchestrator may change it. Safe from any thread."""

    def __init__(
        self,
        *,
        root: Path = _CGROUP_ROOT,
        membership: Path = _MEMBERSHIP,
        machine_bytes: int | None = None,
    ) -> None:
        self._root = root
        self._membership = membership
        self._machine_bytes = machine_bytes or int(psutil.virtual_memory().total)

    def read(self) -> MemoryLimit:
        """The limit in force; the machine's memory where no cgroup sets a lower one."""
        found = self._version_2() or self._version_1()
        if found is not None and found.bytes < self._machine_bytes:
            return found
        return MemoryLimit(self._machine_bytes, "machine", None)

    def _version_2(self) -> MemoryLimit | None:
        if not (self._root / "cgroup.controllers").is_file():
            return None
        lowest: tuple[int, Path] | None = None
        for folder in self._folders("", self._root):
            # Above `memory.high` the kernel throttles so hard that it is a limit for speech.
            for name in ("memory.max", "memory.high"):
                limit = _number(folder / name)
                if limit is not None and (lowest is None or limit < lowest[0]):
                    lowest = limit, folder
        if lowest is None:
            return None
        limit, folder = lowest
        return MemoryLimit(limit, "cgroup v2", _used(folder, "memory.current", "inactive_file"))

    def _version_1(self) -> MemoryLimit | None:
        mount = self._root / "memory"
        lowest: tuple[int, Path] | None = None
        for folder in self._folders("memory", mount):
            limit = _number(folder / "memory.limit_in_bytes")
            if limit is not None and (lowest is None or limit < lowest[0]):
                lowest = limit, folder
        if lowest is None:
            return None
        limit, folder = lowest
        used = _used(folder, "memory.usage_in_bytes", "total_inactive_file")
        return MemoryLimit(limit, "cgroup v1", used)

    def _folders(self, controller: str, mount: Path) -> list[Path]:
        """The process's own cgroup and its parents, up to the mount point."""
        own = mount
        path = self._path(controller)
        # Inside a container the path can be the host's, while the mount already is the own one.
        if path and ".." not in path.split("/") and (mount / path).is_dir():
            own = mount / path
        return [own, *(parent for parent in own.parents if parent.is_relative_to(mount))]

    def _path(self, controller: str) -> str:
        try:
            lines = self._membership.read_text().splitlines()
        except OSError:
            return ""
        for line in lines:
            _, controllers, path = (*line.split(":", 2), "", "")[:3]
            if controllers == controller or controller in controllers.split(","):
                return path.strip("/")
        return ""


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

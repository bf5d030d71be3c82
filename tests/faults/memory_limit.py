"""A limit on the memory of processes, by a control group; needs root."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_MOUNT = Path("/sys/fs/cgroup")
_PATIENCE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class MemoryLimit:
    """A control group of version 1 or 2."""

    folder: Path
    version: int

    @property
    def through(self) -> tuple[str, ...]:
        """The command that runs the one after it within the limit."""
        return ("sh", "-c", 'echo $$ >"$0" && exec "$@"', str(self.folder / "cgroup.procs"))

    @property
    def kills(self) -> int:
        """How often the kernel has killed a process of the group for want of memory."""
        name = "memory.events" if self.version == 2 else "memory.oom_control"
        for line in (self.folder / name).read_text().splitlines():
            what, _, count = line.partition(" ")
            if what == "oom_kill":
                return int(count)
        raise RuntimeError(f"{name} does not tell of kills")


@contextmanager
def memory_limit(limit_bytes: int) -> Iterator[MemoryLimit]:
    """A group that may use so much, without swap, until the block and its processes end."""
    name = f"limit-{os.getpid()}-{secrets.token_hex(2)}"
    if (_MOUNT / "cgroup.controllers").is_file():
        _hand_memory_down()
        group = MemoryLimit(_MOUNT / name, 2)
        limits = {"memory.max": limit_bytes, "memory.swap.max": 0}
    else:
        group = MemoryLimit(_MOUNT / "memory" / name, 1)
        limits = {"memory.limit_in_bytes": limit_bytes, "memory.memsw.limit_in_bytes": limit_bytes}
    group.folder.mkdir()
    try:
        for file, value in limits.items():
            # Without swap the kernel may have no limit for it.
            if (group.folder / file).exists():
                (group.folder / file).write_text(str(value))
        yield group
    finally:
        _remove(group.folder)


def _hand_memory_down() -> None:
    """Let groups below the topmost one of version 2 have limits of memory."""
    control = _MOUNT / "cgroup.subtree_control"
    if "memory" in control.read_text().split():
        return
    # In a container that one has processes of its own, and such a group hands nothing down.
    others = _MOUNT / "others"
    others.mkdir(exist_ok=True)
    for process in (_MOUNT / "cgroup.procs").read_text().split():
        with contextlib.suppress(OSError):
            (others / "cgroup.procs").write_text(process)
    control.write_text("+memory")


def _remove(folder: Path) -> None:
    """Remove the group once its processes, which were killed, are gone."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while folder.exists():
        with contextlib.suppress(OSError):
            folder.rmdir()
            return
        if time.monotonic() > end:
            raise TimeoutError(f"processes are left in {folder}")
        time.sleep(0.05)

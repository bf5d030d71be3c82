"""What a test may leave behind: threads, tasks, file descriptors and temporary files."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LOOP_OWNED_THREADS = ("asyncio_",)
"""Threads of a loop's default executor end with the loop, after the test."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What exists at one moment."""

    threads: frozenset[threading.Thread]
    tasks: frozenset[asyncio.Task[Any]]
    descriptors: frozenset[tuple[int, str]]
    """Number and what it stands for."""
    files: frozenset[Path]
    """In the folder for temporary files."""

    @classmethod
    def take(cls) -> Snapshot:
        """Look now; tasks only where an event loop runs."""
        tasks: frozenset[asyncio.Task[Any]] = frozenset()
        with contextlib.suppress(RuntimeError):
            tasks = frozenset(asyncio.all_tasks()) - {asyncio.current_task()}
        return cls(
            threads=frozenset(
                t for t in threading.enumerate() if not t.name.startswith(_LOOP_OWNED_THREADS)
            ),
            tasks=tasks,
            descriptors=frozenset(_descriptors()),
            files=frozenset(Path(tempfile.gettempdir()).iterdir()),
        )

    def left_since(self, before: Snapshot) -> list[str]:
        """One line for each thing that is here and was not then."""
        return [
            *(f"thread {t.name}" for t in self.threads - before.threads if t.is_alive()),
            *(f"task {t.get_name()}: {t!r}" for t in self.tasks - before.tasks if not t.done()),
            *(f"descriptor {n} {what}" for n, what in self.descriptors - before.descriptors),
            *(f"file {file}" for file in self.files - before.files),
        ]


async def assert_nothing_left(before: Snapshot, *, settle_seconds: float = 5.0) -> None:
    """Fail when something is still there after it had time to end."""
    loop = asyncio.get_running_loop()
    end = loop.time() + settle_seconds
    while True:
        gc.collect()
        left = Snapshot.take().left_since(before)
        if not left:
            return
        if loop.time() > end:
            raise AssertionError("left behind:\n" + "\n".join(left))
        await asyncio.sleep(0.02)


def _descriptors() -> list[tuple[int, str]]:
    folder = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"
    found = []
    for name in os.listdir(folder):
        # The descriptor of this very listing is gone by now.
        with contextlib.suppress(OSError):
            found.append((int(name), os.readlink(f"{folder}/{name}")))
    return found

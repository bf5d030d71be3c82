"""Disk usage, with a warning before the disk is full."""

from __future__ import annotations

import logging
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path

logger = logging.getLogger("services.host.disk")

WARNING_PERCENT = 85.0


@dataclass(frozen=True, slots=True)
class DiskUse:
    """Usage of a file system, as `df` shows it."""

    used_percent: float
    free_bytes: int


def disk_use(path: Path) -> DiskUse:
    """Return the usage of the file system of `path` or its nearest existing parent."""
    place = path.absolute()
    while not place.exists():
        place = place.parent
    usage = shutil.disk_usage(place)
    # What is reserved for the superuser is neither used nor free.
    known = usage.used + usage.free
    return DiskUse(100.0 * usage.used / known if known else 100.0, usage.free)


class DiskWatch:
    """Logs one line when a disk passes the warning, and one when it is below it again."""

    def __init__(self, path: Path, *, warning_percent: float = WARNING_PERCENT) -> None:
        self._path = path
        self._warning_percent = warning_percent
        self._lock = threading.Lock()
        self._warned = False

    def check(self) -> DiskUse:
        """Measure the usage; from any thread."""
        use = disk_use(self._path)
        full = use.used_percent >= self._warning_percent
        with self._lock:
            changed, self._warned = full != self._warned, full
        if changed:
            logger.log(
                logging.WARNING if full else logging.INFO,
                "disk nearly full" if full else "disk has room again",
                extra={
                    "path": str(self._path),
                    "used_percent": round(use.used_percent, 1),
                    "free_mb": round(use.free_bytes / 2**20),
                },
            )
        return use

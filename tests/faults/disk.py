"""A small disk that can be filled to its last byte; needs root."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_PIECES = (2**16, 2**12, 2**8, 1)


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """A file system in memory, mounted at `path`."""

    path: Path

    @property
    def _ballast(self) -> Path:
        return self.path / "ballast"

    def fill(self) -> None:
        """Leave not a byte to anybody."""
        with self._ballast.open("ab", buffering=0) as file:
            for size in _PIECES:
                try:
                    while file.write(bytes(size)) == size:
                        pass
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise


@contextmanager
def small_disk(folder: Path, *, megabytes: int) -> Iterator[SmallDisk]:
    """Mount a disk of that size in `folder`, for as long as the block lasts."""
    path = folder / "disk"
    path.mkdir()
    options = f"size={megabytes}m,mode=0700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)], check=True)
    try:
        yield SmallDisk(path)
    finally:
        # What was killed may hold files there for a moment longer.
        subprocess.run(["umount", "--lazy", str(path)], check=True)

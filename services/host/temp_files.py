"""A folder for all temporary files of the process, none of which outlives its use."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import secrets
import shutil
import stat
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from .. import defaults

logger = logging.getLogger("services.host.temp_files")

_VARIABLE = "TMPDIR"
"""Where native libraries and child processes put their temporary files."""


class TempFilesError(Exception):
    """No folder for temporary files could be made; the text says where and why."""


@dataclass(frozen=True, slots=True)
class TempFileStats:
    """A number of files and their size."""

    count: int
    bytes: int


class TempFiles:
    """Owns a private folder and everything in it. Safe from any thread.

    The process holds a lock on its folder, which the system releases however the process ends. An
    unlocked folder is what a killed process left; the next one removes it.
    """

    def __init__(
        self,
        parent: Path | None = None,
        *,
        max_age_seconds: float = defaults.TEMP_FILE_SECONDS,
        pressure_age_seconds: float = defaults.TEMP_FILE_PRESSURE_SECONDS,
    ) -> None:
        """Make the folder in `parent` (default: the system's temporary folder).

        Raises:
            TempFilesError: the folder cannot be made there.
        """
        self._max_age_seconds = max_age_seconds
        self._pressure_age_seconds = pressure_age_seconds
        self._mutex = threading.Lock()
        self._in_use: set[Path] = set()
        self._adopted_from: tuple[str | None, str | None] | None = None
        prefix = f"local-voice-agent-{os.getuid()}-"
        try:
            place = (parent or Path(tempfile.gettempdir())).resolve()
            self.survivors = _remove_survivors(place, prefix)
            self._folder, self._lock = _make_locked(place, prefix)
        except OSError as error:
            raise TempFilesError(
                f"no folder for temporary files can be made ({error.strerror}): "
                "set TMPDIR to a folder that can be written to"
            ) from error
        if self.survivors:
            logger.info(
                "temporary files of a crashed process removed", extra={"folders": self.survivors}
            )

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return self._folder

    @contextlib.contextmanager
    def file(self, suffix: str = "") -> Iterator[Path]:
        """Make an empty file that is exempt from sweeps and removed when the block ends."""
        path = self._folder / f"{secrets.token_hex(8)}{suffix}"
        if path.parent != self._folder:
            raise ValueError(f"{suffix!r} is not the end of a file name")
        path.touch(mode=0o600)
        with self._mutex:
            self._in_use.add(path)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)
            with self._mutex:
                self._in_use.discard(path)

    def adopt_default(self) -> None:
        """Make this the temporary folder of the process, its libraries and its children.

        Call it once, at the start of the process, as it sets `TMPDIR`; `close` undoes it.
        """
        self._adopted_from = tempfile.tempdir, os.environ.get(_VARIABLE)
        tempfile.tempdir = os.environ[_VARIABLE] = str(self._folder)

    def sweep(self, *, pressure: bool = False) -> TempFileStats:
        """Remove files that were last written to longer ago than the set age; returns them.

        Files of `file` blocks and files open in this process stay.
        """
        age = self._pressure_age_seconds if pressure else self._max_age_seconds
        before = time.time() - age
        old = [(path, info) for path, info in _files(self._folder) if info.st_mtime <= before]
        if not old:
            return TempFileStats(0, 0)
        open_files = {Path(file.path) for file in psutil.Process().open_files()}
        with self._mutex:
            in_use = self._in_use | open_files
        removed = []
        for path, info in old:
            if path not in in_use:
                with contextlib.suppress(OSError):
                    path.unlink()
                    removed.append(info.st_size)
        if removed:
            logger.info(
                "old temporary files removed",
                extra={
                    "count": len(removed),
                    "size_mb": round(sum(removed) / 2**20, 1),
                    "pressure": pressure,
                },
            )
        return TempFileStats(len(removed), sum(removed))

    def stats(self) -> TempFileStats:
        """Return what there is now."""
        sizes = [info.st_size for _, info in _files(self._folder)]
        return TempFileStats(len(sizes), sum(sizes))

    def close(self) -> None:
        """Remove everything. Idempotent."""
        if self._lock < 0:
            return
        if self._adopted_from is not None:
            tempfile.tempdir, variable = self._adopted_from
            if variable is None:
                os.environ.pop(_VARIABLE, None)
            else:
                os.environ[_VARIABLE] = variable
        _remove_tree(self._folder)
        os.close(self._lock)
        self._lock = -1

    def __enter__(self) -> TempFiles:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _make_locked(place: Path, prefix: str) -> tuple[Path, int]:
    """Make a private folder and lock it; returns it with the descriptor that holds the lock."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
        # Before it is locked another process may take it for a survivor, and remove it.
        with contextlib.suppress(FileNotFoundError):
            lock = os.open(folder, os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():
                return folder, lock
            os.close(lock)


def _remove_survivors(place: Path, prefix: str) -> int:
    """Remove this user's folders that no process has locked; returns how many."""
    removed = 0
    for folder in place.glob(f"{prefix}*"):
        try:
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            # Not a folder, or its process has just ended.
            continue
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if folder.exists() and os.fstat(lock).st_uid == os.getuid():
                _remove_tree(folder)
                removed += 1
        os.close(lock)
    return removed


def _remove_tree(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        logger.warning("temporary files cannot be removed", extra={"folder": str(folder)})


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield the regular files in the folder, at any depth."""
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            with contextlib.suppress(OSError):
                info = path.lstat()
                if stat.S_ISREG(info.st_mode):
                    yield path, info

"""Temporary files of this process: all in one folder, none of which outlives its use."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import secrets
import shutil
import stat
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

from .. import defaults

logger = logging.getLogger("services.host.temp_files")

_LOCK = "lock"
_VARIABLE = "TMPDIR"
"""Where native libraries, and programs that are started, put their temporary files."""
_TRIES = 1000


class TempFilesError(Exception):
    """No folder for temporary files could be made; the text says where and why."""


@dataclass(frozen=True, slots=True)
class TempFileStats:
    """What there is."""

    count: int
    bytes: int


class TempFiles:
    """Owns a folder for this process, and everything in it. Safe from any thread.

    Each process has its own folder and holds a lock in it, which the system drops however the
    process ends; folders whose lock is free are what crashed processes left, and are removed.
    """

    def __init__(
        self,
        root: Path | None = None,
        *,
        max_age_seconds: float = defaults.TEMP_FILE_SECONDS,
        pressure_age_seconds: float = defaults.TEMP_FILE_PRESSURE_SECONDS,
    ) -> None:
        """Make the folder below `root` (this user's own in the system's temporary folder when not
        given) and remove what earlier processes left.

        Raises:
            TempFilesError: there is no such folder and it cannot be made, or it is another's.
        """
        self._max_age_seconds = max_age_seconds
        self._pressure_age_seconds = pressure_age_seconds
        self._mutex = threading.Lock()
        self._in_use: set[Path] = set()
        self._adopted_from: tuple[str | None, str | None] | None = None
        self._closed = False
        self._root = root or _user_root()
        with _locked(self._root):
            self.survivors = _remove_survivors(self._root)
            self._folder = self._root / f"{os.getpid()}-{secrets.token_hex(4)}"
            self._folder.mkdir(mode=0o700)
            self._lock_file = _hold_lock(self._folder / _LOCK)
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
        """An empty file of a new name, removed when the block ends; not swept before."""
        path = self._new_path(suffix)
        path.touch(mode=0o600)
        with self._using(path):
            yield path

    def adopt_default(self) -> None:
        """Make the folder the one of the whole process, its libraries and what it starts.

        For the start of a process: `TMPDIR` changes with it. `close` undoes it.
        """
        if self._adopted_from is None:
            self._adopted_from = tempfile.tempdir, os.environ.get(_VARIABLE)
        tempfile.tempdir = os.environ[_VARIABLE] = str(self._folder)

    def sweep(self, *, pressure: bool = False) -> TempFileStats:
        """Remove what nobody has written to for the set time; returns what was removed.

        Files in use by a block of this class, or open in this process, stay.
        """
        age = self._pressure_age_seconds if pressure else self._max_age_seconds
        before = time.time() - age
        with self._mutex:
            in_use = set(self._in_use)
        open_files = _open_files()
        count = size = 0
        for path, info in list(_files(self._folder)):
            if info.st_mtime > before or (info.st_dev, info.st_ino) in open_files:
                continue
            if path in in_use:
                continue
            with contextlib.suppress(OSError):
                path.unlink()
                count, size = count + 1, size + info.st_size
        if count:
            logger.info(
                "old temporary files removed",
                extra={"count": count, "size_mb": round(size / 2**20, 1), "pressure": pressure},
            )
        return TempFileStats(count, size)

    def stats(self) -> TempFileStats:
        """What there is now."""
        sizes = [info.st_size for _, info in _files(self._folder)]
        return TempFileStats(len(sizes), sum(sizes))

    def close(self) -> None:
        """Remove everything. Idempotent."""
        with self._mutex:
            if self._closed:
                return
            self._closed = True
        if self._adopted_from is not None:
            tempfile.tempdir, variable = self._adopted_from
            if variable is None:
                os.environ.pop(_VARIABLE, None)
            else:
                os.environ[_VARIABLE] = variable
        _remove_tree(self._folder)
        self._lock_file.close()
        _remove_if_empty(self._root)

    def __enter__(self) -> TempFiles:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _new_path(self, suffix: str) -> Path:
        if "/" in suffix or "\0" in suffix:
            raise ValueError(f"{suffix!r} is not the end of a file name")
        return self._folder / f"{secrets.token_hex(8)}{suffix}"

    @contextlib.contextmanager
    def _using(self, path: Path) -> Iterator[None]:
        with self._mutex:
            self._in_use.add(path)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            with self._mutex:
                self._in_use.discard(path)


def _user_root() -> Path:
    return Path(tempfile.gettempdir()) / f"local-voice-agent-{os.getuid()}"


def _make_private(root: Path) -> None:
    """Make the folder; refuse one that another user prepared in a shared place.

    Raises FileNotFoundError where another process has just removed it.
    """
    try:
        with contextlib.suppress(FileExistsError):
            root.mkdir(mode=0o700, parents=True)
        info = root.lstat()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise TempFilesError(
            f"no folder for temporary files at {root} ({error.strerror}): "
            "set TMPDIR to a folder that can be written to"
        ) from error
    if not stat.S_ISDIR(info.st_mode):
        raise TempFilesError(f"{root} is no folder: remove it, or set TMPDIR")
    if info.st_uid != os.getuid():
        raise TempFilesError(
            f"{root} belongs to another user: remove it, or set TMPDIR to a folder of your own"
        )
    if info.st_mode & 0o077:
        root.chmod(0o700)


@contextlib.contextmanager
def _locked(root: Path) -> Iterator[None]:
    """Make `root` where it is not there, and keep other processes out of it.

    So nobody looks at a folder between its making and its locking.
    """
    path = root / _LOCK
    for _ in range(_TRIES):
        try:
            _make_private(root)
            file = path.open("w")
        except FileNotFoundError:
            # Another process has just removed the empty folder.
            continue
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if _is_same(path, file):
                yield
                return
    raise TempFilesError(f"no folder for temporary files at {root}: set TMPDIR to another place")


def _is_same(path: Path, file: IO[str]) -> bool:
    """Whether the open file is still the one at `path`."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _remove_if_empty(root: Path) -> None:
    """Remove the folder of all processes' folders when this was the last."""
    with _locked(root):
        if [path.name for path in root.iterdir()] == [_LOCK]:
            (root / _LOCK).unlink()
            # Unless another process begins at this moment.
            with contextlib.suppress(OSError):
                root.rmdir()


def _hold_lock(path: Path) -> IO[str]:
    file = path.open("w")
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return file


def _remove_survivors(root: Path) -> int:
    """Remove the folders whose process is gone; returns how many."""
    removed = 0
    for folder in root.iterdir():
        if not folder.is_dir() or folder.is_symlink():
            continue
        try:
            with (folder / _LOCK).open("r+") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove_tree(folder)
                removed += 1
        except BlockingIOError:
            continue
        except FileNotFoundError:
            # Its process was killed before it had the lock.
            _remove_tree(folder)
            removed += 1
        except OSError as error:
            logger.warning(
                "a folder of temporary files cannot be looked at",
                extra={"folder": folder.name, "error": error.strerror},
            )
    return removed


def _remove_tree(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        logger.warning("temporary files cannot be removed", extra={"folder": str(folder)})


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Regular files in the folder, at any depth, without the lock."""
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            if name == _LOCK and path.parent == folder:
                continue
            with contextlib.suppress(OSError):
                info = path.lstat()
                if stat.S_ISREG(info.st_mode):
                    yield path, info


def _open_files() -> set[tuple[int, int]]:
    """Device and inode of what this process has open; empty where the system does not tell."""
    if not sys.platform.startswith("linux"):
        return set()
    found = set()
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            info = os.fstat(int(name))
            found.add((info.st_dev, info.st_ino))
    return found

"""The journal of a call in progress: a line for each entry, which a crash leaves behind."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Final

from agent.records.folder import FILE_MODE
from agent.records.locked_file import open_locked
from agent.records.record import Header

SUFFIX: Final = ".call"
LARGEST_BYTES: Final = 32 * 2**20
"""Of one call's journal; what comes later is left out, but for the end."""

_KNOWN = {field.name for field in fields(Header)}


class Journal:
    """The journal of one call, in a file that this process holds a lock on.

    The system releases the lock however the process ends, so a journal without one is that of a
    call that is over. Used from one thread.
    """

    def __init__(self, path: Path, descriptor: int, header: Header) -> None:
        self.path = path
        self.header = header
        self._descriptor = descriptor
        self._size = os.fstat(descriptor).st_size if descriptor >= 0 else 0
        self._unwritten: list[bytes] = []

    @classmethod
    def in_memory(cls, folder: Path, header: Header) -> Journal:
        """Begin a journal where none can be written: it is lost in a crash."""
        return cls(folder / f"{header.id}{SUFFIX}", -1, header)

    @classmethod
    def create(cls, folder: Path, header: Header) -> Journal:
        """Begin a journal in a folder that exists. Raises OSError."""
        path = folder / f"{header.id}{SUFFIX}"
        new = path.with_suffix(".new")
        descriptor = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL, FILE_MODE)
        try:
            # Under its own name it must be locked already, or another worker takes it over.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            journal = cls(path, descriptor, header)
            journal._write([_line({"journal": 1, **asdict(header)})])
            new.replace(path)
        except BaseException:
            os.close(descriptor)
            with contextlib.suppress(OSError):
                new.unlink()
            raise
        return journal

    @classmethod
    def take_over(cls, path: Path) -> Journal | None:
        """Return the journal of a call that is over; None where it is in progress, or gone.

        Raises OSError, and ValueError for a file that is no journal.
        """
        descriptor = open_locked(path, os.O_RDWR)
        if descriptor is None:
            return None
        try:
            with open(path, "rb") as file:
                header = _header(file.readline())
            return cls(path, descriptor, header)
        except BaseException:
            os.close(descriptor)
            raise

    @property
    def written(self) -> bool:
        """Whether it is in a file."""
        return self._descriptor >= 0

    @property
    def sound(self) -> Path:
        """Where the sound of the call is while it goes on."""
        return self.path.with_suffix(".ogg")

    def append(self, entries: list[dict[str, Any]]) -> None:
        """Write entries down. Raises OSError; they are then written with the next ones.

        Those beyond `LARGEST_BYTES` are left out.
        """
        for entry in entries:
            line = _line(entry)
            held = self._size + sum(len(held) for held in self._unwritten)
            if held + len(line) <= LARGEST_BYTES or entry["kind"] == "ended":
                self._unwritten.append(line)
        if self.written:
            self._write(self._unwritten)
            self._unwritten = []

    def entries(self) -> Iterator[dict[str, Any]]:
        """Yield what was written down; a line that a crash cut off is none. Raises OSError."""
        if self.written:
            with open(self.path, "rb") as file:
                file.readline()
                yield from _entries(file)
        yield from _entries(self._unwritten)

    def remove(self) -> None:
        """Remove the journal; its record is made.

        One that cannot be removed is made into the same record again at the next start.
        """
        for path in (self.sound, self.path):
            with contextlib.suppress(OSError):
                path.unlink()
        self.close()

    def close(self) -> None:
        """Give the lock up; what was written stays. Idempotent."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _write(self, lines: list[bytes]) -> None:
        data = b"".join(lines)
        if os.pwrite(self._descriptor, data, self._size) < len(data):
            # Only a full disk takes a part; the rest of a line would spoil the next one.
            os.ftruncate(self._descriptor, self._size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        self._size += len(data)


def _line(content: dict[str, Any]) -> bytes:
    return json.dumps(content).encode("ascii") + b"\n"


def _header(line: bytes) -> Header:
    try:
        content = json.loads(line)
        if not isinstance(content, dict) or content.get("journal") != 1:
            raise ValueError("it is no journal of this version")
        return Header(**{name: value for name, value in content.items() if name in _KNOWN})
    except (TypeError, RecursionError) as error:
        raise ValueError(str(error)) from None


def _entries(lines: Any) -> Iterator[dict[str, Any]]:
    for line in lines:
        with contextlib.suppress(ValueError):
            entry = json.loads(line)
            if isinstance(entry, dict) and "kind" in entry and "at" in entry:
                yield entry

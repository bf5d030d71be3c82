"""The folder of finished records: written whole, read by their owner alone, bounded."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from agent.records.record import Header
from agent.records.text import as_text

FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600
UNFINISHED_SECONDS: Final = 86_400.0
"""After that long a file that is not whole is one that a crash has left."""

_OURS = re.compile(
    r"(?P<stem>(?P<time>\d{8}T\d{6}Z)_[A-Za-z0-9.-]+_[A-Za-z0-9.-]+_[0-9a-f]{16})\.(json|txt|ogg)"
)
_UNFINISHED = re.compile(rf"\.(?:{_OURS.pattern})(?:\.\d+)?\.new")
"""What `keep` writes to before a file has its name."""
_TIME = "%Y%m%dT%H%M%SZ"
_LONGEST_PART = 40


def make_folder(folder: Path) -> None:
    """Make a folder that its owner alone may read, with its parents; raises OSError."""
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)


def stem_of(header: Header) -> str:
    """Return the name of a record's files, safe whatever the room is called."""
    began = datetime.fromtimestamp(header.started, UTC).strftime(_TIME)
    return f"{began}_{_part(header.agent)}_{_part(header.room)}_{header.id}"


def keep(record: dict[str, Any], header: Header, sound: Path | None) -> None:
    """Write a record into its folder, then bring the folder within its bounds.

    Writing it again replaces it. Raises OSError; what is there then is whole.

    Args:
        record: as `assemble` makes it.
        header: of the same call.
        sound: a file that is moved into the folder, if there is any.
    """
    folder, stem = Path(header.folder), stem_of(header)
    make_folder(folder)
    place = folder / f"{stem}.ogg"
    if sound is not None and sound.exists() and sound.stat().st_size:
        _move(sound, place)
    if record["sound"] is not None:
        record["sound"]["file"] = place.name if place.exists() else None
    write_whole(folder / f"{stem}.txt", as_text(record))
    write_whole(folder / f"{stem}.json", json.dumps(record, ensure_ascii=False, indent=1) + "\n")
    bound(folder, max_mb=header.max_mb, max_days=header.max_days)


def bound(folder: Path, *, max_mb: int, max_days: int) -> int:
    """Remove records that are too old, and the oldest while all are too large; returns how many.

    The newest stays, and so does every file that is no record; what a crash has left unfinished
    is removed. Raises OSError where the folder cannot be listed.
    """
    _remove_unfinished(folder)
    records: dict[str, list[tuple[Path, int]]] = {}
    for path, stem, size in _files(folder):
        records.setdefault(stem, []).append((path, size))
    oldest = time.time() - max_days * 86_400
    total = sum(size for files in records.values() for _, size in files)
    removed = 0
    stems = sorted(records)
    for stem in stems:
        too_old = _began(stem) < oldest
        if not too_old and (total <= max_mb * 1_000_000 or stem == stems[-1]):
            continue
        for path, size in records[stem]:
            with contextlib.suppress(OSError):
                path.unlink()
                total -= size
        removed += 1
    return removed


def write_whole(path: Path, text: str) -> None:
    """Write a file so that others see all of it or what was there before; raises OSError."""
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
        # A caller's words may hold half of a surrogate pair, which has no form in UTF-8.
        with open(descriptor, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            new.unlink()
        raise


def _remove_unfinished(folder: Path) -> None:
    too_old = time.time() - UNFINISHED_SECONDS
    with os.scandir(folder) as found:
        for entry in found:
            with contextlib.suppress(OSError):
                if (
                    _UNFINISHED.fullmatch(entry.name)
                    and entry.stat(follow_symlinks=False).st_mtime < too_old
                ):
                    os.unlink(entry.path)


def _files(folder: Path) -> Iterator[tuple[Path, str, int]]:
    with os.scandir(folder) as found:
        for entry in found:
            ours = _OURS.fullmatch(entry.name)
            with contextlib.suppress(OSError):
                if ours and entry.is_file(follow_symlinks=False):
                    yield Path(entry.path), ours["stem"], entry.stat(follow_symlinks=False).st_size


def _began(stem: str) -> float:
    try:
        return datetime.strptime(stem.partition("_")[0], _TIME).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return time.time()


def _move(file: Path, place: Path) -> None:
    """Move a file, to another disk too, so that it is there whole."""
    os.chmod(file, FILE_MODE)
    try:
        file.replace(place)
    except OSError:
        new = place.with_name(f".{place.name}.new")
        try:
            shutil.copyfile(file, new)
            os.chmod(new, FILE_MODE)
            new.replace(place)
        except OSError:
            with contextlib.suppress(OSError):
                new.unlink()
            raise
        file.unlink()


def _part(name: str) -> str:
    """Return a part of a file's name: letters, digits, dots and dashes alone."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", name)[:_LONGEST_PART].strip("-.") or "unnamed"

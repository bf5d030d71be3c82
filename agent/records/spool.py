"""The folder in which journals and records on their way wait, kept within its bounds."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Collection
from pathlib import Path
from typing import Final

from agent.records.folder import UNFINISHED_SECONDS, make_folder
from agent.records.journal import SUFFIX as JOURNAL_SUFFIX
from agent.records.journal import Journal
from agent.records.outbox import SUFFIX as OUTBOX_SUFFIX
from agent.records.record import Header

logger = logging.getLogger("agent.records")

LONGEST_WAIT_DAYS: Final = 30
"""Of a record that no folder and no webhook takes."""

_DAY_SECONDS = 86_400.0


class Spool:
    """The spool of a process, which may share it with other workers; used from one thread."""

    def __init__(self, folder: Path, *, max_mb: int) -> None:
        """`max_mb`: bound of what waits, in MB."""
        self.folder = folder
        self._max_bytes = max_mb * 1_000_000

    def begin(self, header: Header) -> Journal:
        """Begin the journal of a call. Raises OSError."""
        make_folder(self.folder)
        return Journal.create(self.folder, header)

    def sound_of(self, header: Header) -> Path:
        """Return where the sound of a call is written."""
        return self.folder / f"{header.id}.ogg"

    def journals(self) -> list[Path]:
        """Return the journals that are there, of any worker's calls."""
        try:
            return sorted(self.folder.glob(f"*{JOURNAL_SUFFIX}"))
        except OSError:
            return []

    def bound(self, in_progress: Collection[str]) -> None:
        """Give up what waits for too long, and the oldest while all is too large.

        `in_progress` has the identifiers of calls whose journals stay.
        """
        waits: list[tuple[float, int, Path]] = []
        with contextlib.suppress(OSError):
            for path in self.folder.iterdir():
                if path.suffix in (JOURNAL_SUFFIX, OUTBOX_SUFFIX) and path.stem not in in_progress:
                    status = path.stat()
                    waits.append((status.st_mtime, status.st_size, path))
        self._remove_remains()
        too_old = time.time() - LONGEST_WAIT_DAYS * _DAY_SECONDS
        total = sum(size for _, size, _ in waits)
        given_up = 0
        for moment, size, path in sorted(waits):
            if moment >= too_old and total <= self._max_bytes:
                break
            total -= size
            given_up += _give_up(path)
        if given_up:
            logger.error("records given up", extra={"records": given_up, "place": str(self.folder)})

    def _remove_remains(self) -> None:
        """Remove files that nobody comes back for."""
        now = time.time()
        with contextlib.suppress(OSError):
            for sound in self.folder.glob("*.ogg"):
                # Without a journal, which a full disk may have prevented, nobody moves it.
                if not sound.with_suffix(JOURNAL_SUFFIX).exists():
                    _remove_older(sound, now - LONGEST_WAIT_DAYS * _DAY_SECONDS)
        with contextlib.suppress(OSError):
            for unfinished in self.folder.glob("*.new"):
                _remove_older(unfinished, now - UNFINISHED_SECONDS)


def _remove_older(path: Path, moment: float) -> None:
    with contextlib.suppress(OSError):
        if path.stat().st_mtime < moment:
            path.unlink()


def _give_up(path: Path) -> bool:
    try:
        if path.suffix == OUTBOX_SUFFIX:
            path.unlink()
            return True
        journal = Journal.take_over(path)
    except (OSError, ValueError):
        return False
    if journal is not None:
        journal.remove()
    return journal is not None

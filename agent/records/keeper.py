"""Keeps the records of a process's calls, in a thread of its own so that no call waits for a disk.

Every entry goes to the journal of its call at once. When the call is over, the record is made from
the journal, delivered, and the journal removed. Journals that a crash has left, of this process or
of another worker with the same spool, are made into records at the next start, or within an hour.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent.records.entries import Entry
from agent.records.folder import bound, keep, make_folder
from agent.records.journal import SUFFIX, Journal
from agent.records.outbox import SUFFIX as OUTBOX_SUFFIX
from agent.records.outbox import post
from agent.records.record import Header, assemble
from agent.records.troubles import Troubles
from agent.settings.records import RecordSettings

logger = logging.getLogger("agent.records")

CLOSING_SECONDS: Final = 2.0
"""Longest wait at the end of the process; what is not done then is done at the next start."""
MOST_WAITING: Final = 20_000
"""Entries that wait for the disk; while there are more, further ones are left out."""

LONGEST_WAIT_DAYS: Final = 30
"""Of a record that no folder and no webhook takes."""

_UPKEEP_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """A folder of records with its bounds."""

    folder: str
    max_mb: int
    max_days: int


class OpenRecord:
    """The record of one call in progress; its methods return at once, and raise nothing."""

    def __init__(self, put: Callable[[_Work], None], header: Header, sound: Path) -> None:
        self._put = put
        self.header = header
        self.sound = sound
        """Where the sound is to be written."""

    def add(self, entry: Entry) -> None:
        """Write an entry down."""
        self._put(_Added(self.header.id, entry))

    def finish(self) -> None:
        """Make the record; nothing is added after that."""
        self._put(_Finished(self.header.id))


class RecordKeeper:
    """Owns the thread that writes; safe from any thread."""

    def __init__(
        self,
        settings: RecordSettings,
        *,
        folders: Callable[[], Iterable[Bounds]] = tuple,
        on_posted: Callable[[], None] | None = None,
    ) -> None:
        """Start nothing yet.

        Args:
            settings: those of the process, for the spool.
            folders: returns the folders that are kept within their bounds.
            on_posted: called in the thread when a record waits for its webhook.
        """
        self._spool = Path(settings.spool)
        self._spool_mb = settings.spool_mb
        self._folders = folders
        self._on_posted = on_posted
        self._work: queue.Queue[_Work] = queue.Queue(MOST_WAITING)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closed = False
        self._journals: dict[str, Journal] = {}
        self._troubles = Troubles()

    def start(self) -> None:
        """Make records of what a crash has left, in the background."""
        if self._spool.exists() or any(self._folders()):
            self._put(_Upkeep())

    def begin(self, settings: RecordSettings, *, agent: str, room: str, job: str) -> OpenRecord:
        """Begin the record of a call; `settings` are those of its agent."""
        header = Header(
            id=secrets.token_hex(8),
            agent=agent or "assistant",
            room=room,
            job=job,
            started=time.time(),
            folder=settings.folder and str(Path(settings.folder).absolute()),
            max_mb=settings.max_mb,
            max_days=settings.max_days,
            webhook=settings.webhook,
        )
        self._put(_Begun(header))
        return OpenRecord(self._put, header, self._spool / f"{header.id}.ogg")

    def close(self, within_seconds: float = CLOSING_SECONDS) -> None:
        """Write down what waits, and end the thread. Idempotent; blocks."""
        with self._lock:
            self._closed = True
            thread = self._thread
        if thread is None:
            return
        try:
            self._work.put(_Closed(), timeout=within_seconds)
        except queue.Full:
            return
        thread.join(within_seconds)

    def _put(self, work: _Work) -> None:
        with self._lock:
            if self._closed:
                return
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="records", daemon=True)
                self._thread.start()
        try:
            self._work.put_nowait(work)
        except queue.Full:
            self._troubles.occurred("backlog", "entries of records left out", "the disk is slow")

    def _run(self) -> None:
        upkeep = time.monotonic() + _UPKEEP_SECONDS
        while True:
            try:
                work = self._work.get(timeout=max(0.0, upkeep - time.monotonic()))
            except queue.Empty:
                work = _Upkeep()
                upkeep = time.monotonic() + _UPKEEP_SECONDS
            if isinstance(work, _Closed):
                break
            try:
                self._do(work)
            except Exception:
                logger.exception("record not kept")
        for journal in self._journals.values():
            journal.close()

    def _do(self, work: _Work) -> None:
        match work:
            case _Begun(header):
                self._begin(header)
            case _Added(call, entry):
                if journal := self._journals.get(call):
                    self._append(journal, [entry])
            case _Finished(call):
                if journal := self._journals.pop(call, None):
                    self._finish(journal)
            case _Upkeep():
                self._keep_up()

    def _begin(self, header: Header) -> None:
        try:
            make_folder(self._spool)
            self._journals[header.id] = Journal.create(self._spool, header)
        except OSError as error:
            self._journals[header.id] = Journal.in_memory(self._spool, header)
            self._troubles.occurred(str(self._spool), "record cannot be written down", error)
        else:
            self._troubles.over(str(self._spool))

    def _append(self, journal: Journal, entries: list[Entry]) -> None:
        try:
            journal.append([entry.as_json() for entry in entries])
        except OSError as error:
            self._troubles.occurred(str(self._spool), "record cannot be written down", error)
        else:
            if journal.written:
                self._troubles.over(str(self._spool))

    def _finish(self, journal: Journal) -> None:
        """Deliver the record of a call that is over; else leave its journal for another time."""
        header = journal.header
        place = header.folder or str(self._spool)
        try:
            record = assemble(header, journal.entries())
            if header.folder:
                keep(record, header, journal.sound)
            place = str(self._spool)
            if header.webhook:
                post(self._spool, record, header)
        except OSError as error:
            event = "record not kept yet" if journal.written else "record lost"
            journal.close()
            self._troubles.occurred(place, event, error)
            return
        journal.remove()
        self._troubles.over(header.folder)
        logger.info("record kept", extra={"record": header.id, "seconds": record["seconds"]})
        if header.webhook and self._on_posted is not None:
            self._on_posted()
        self._bound_spool()

    def _keep_up(self) -> None:
        """Finish what crashes have left, and keep every folder within its bounds."""
        for path in self._left():
            try:
                journal = Journal.take_over(path)
            except (OSError, ValueError) as error:
                self._troubles.occurred(str(path), "record cannot be read", error)
                continue
            if journal is not None:
                self._finish(journal)
        self._bound_spool()
        for bounds in self._folders():
            if Path(bounds.folder).is_dir():
                try:
                    bound(Path(bounds.folder), max_mb=bounds.max_mb, max_days=bounds.max_days)
                except OSError as error:
                    self._troubles.occurred(bounds.folder, "old records not removed", error)

    def _bound_spool(self) -> None:
        """Give up what waits in the spool for too long, and the oldest while it is too large."""
        waits: list[tuple[float, int, Path]] = []
        with contextlib.suppress(OSError):
            for path in self._spool.iterdir():
                if path.suffix in (SUFFIX, OUTBOX_SUFFIX) and path.stem not in self._journals:
                    status = path.stat()
                    waits.append((status.st_mtime, status.st_size, path))
        too_old = time.time() - LONGEST_WAIT_DAYS * 86_400
        with contextlib.suppress(OSError):
            for sound in self._spool.glob("*.ogg"):
                # Without a journal, which a full disk may have prevented, nobody moves it.
                if sound.stat().st_mtime < too_old and not sound.with_suffix(SUFFIX).exists():
                    sound.unlink()
        total = sum(size for _, size, _ in waits)
        given_up = 0
        for moment, size, path in sorted(waits):
            if moment >= too_old and total <= self._spool_mb * 1_000_000:
                break
            total -= size
            given_up += self._give_up(path)
        if given_up:
            logger.error("records given up", extra={"records": given_up, "place": str(self._spool)})

    def _give_up(self, path: Path) -> bool:
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

    def _left(self) -> list[Path]:
        try:
            return sorted(self._spool.glob(f"*{SUFFIX}"))
        except OSError:
            return []


@dataclass(frozen=True, slots=True)
class _Begun:
    header: Header


@dataclass(frozen=True, slots=True)
class _Added:
    call: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class _Finished:
    call: str


@dataclass(frozen=True, slots=True)
class _Upkeep:
    pass


@dataclass(frozen=True, slots=True)
class _Closed:
    pass


_Work = _Begun | _Added | _Finished | _Upkeep | _Closed


def bounds_of(settings: Iterable[RecordSettings]) -> list[Bounds]:
    """Return the folders of these settings, each once, with the first bounds that it has."""
    found: dict[str, Bounds] = {}
    for one in settings:
        if one.folder:
            found.setdefault(one.folder, Bounds(one.folder, one.max_mb, one.max_days))
    return list(found.values())

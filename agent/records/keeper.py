"""Keeps the records of a process's calls, in a thread of its own so that no call waits for a disk.

Every entry goes to the journal of its call at once. When the call is over, the record is made from
the journal, delivered, and the journal removed. Journals that a crash has left, of this process or
of another worker with the same spool, are made into records at the next start, or within an hour.
"""

from __future__ import annotations

import logging
import queue
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from agent.records.entries import Ended, Entry
from agent.records.folder import bound, keep
from agent.records.journal import Journal
from agent.records.outbox import post
from agent.records.record import Header, assemble
from agent.records.spool import Spool
from agent.records.troubles import Troubles
from agent.settings.records import RecordSettings

logger = logging.getLogger("agent.records")

CLOSING_SECONDS: Final = 2.0
"""Longest wait at the end of the process; what is not done then is done at the next start."""
MOST_WAITING: Final = 20_000
"""Entries that wait for the disk; while there are more, further ones are left out."""

_UPKEEP_SECONDS = 3600.0
_BACKLOG = "backlog"

_Work = Callable[[], None]
"""Done in the thread of the keeper."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """A folder of records with its bounds."""

    folder: str
    max_mb: int
    max_days: int


class OpenRecord:
    """The record of one call in progress; its methods return at once, and raise nothing."""

    def __init__(self, keeper: RecordKeeper, header: Header, sound: Path) -> None:
        self._keeper = keeper
        self.header = header
        self.sound = sound
        """Where the sound is to be written."""

    def add(self, entry: Entry) -> None:
        """Write an entry down."""
        self._keeper.add(self.header.id, entry)

    def finish(self) -> None:
        """Make the record; nothing is added after that."""
        self._keeper.finish(self.header.id)


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
        self._spool = Spool(Path(settings.spool), max_mb=settings.spool_mb)
        self._folders = folders
        self._on_posted = on_posted
        self._work: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        """None ends the thread."""
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closed = False
        self._journals: dict[str, Journal] = {}
        self._troubles = Troubles()

    def start(self) -> None:
        """Make records of what a crash has left, in the background."""
        if self._spool.folder.exists() or any(self._folders()):
            self._put(self._keep_up)

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
        self._put(partial(self._begin, header))
        return OpenRecord(self, header, self._spool.sound_of(header))

    def add(self, call: str, entry: Entry) -> None:
        """Write an entry of a call down; `call` is the identifier of its record."""
        # Without its end the record would say that the worker was lost.
        self._put(partial(self._append, call, entry), must_be_done=isinstance(entry, Ended))

    def finish(self, call: str) -> None:
        """Make the record of a call."""
        self._put(partial(self._finish_call, call))

    def close(self, within_seconds: float = CLOSING_SECONDS) -> None:
        """Write down what waits, and end the thread. Idempotent; blocks."""
        with self._lock:
            closed, self._closed = self._closed, True
            thread = self._thread
            if thread is not None and not closed:
                self._work.put(None)
        if thread is not None:
            thread.join(within_seconds)

    def _put(self, work: _Work, *, must_be_done: bool = True) -> None:
        with self._lock:
            if self._closed:
                return
            if not must_be_done and self._work.qsize() >= MOST_WAITING:
                event = "entries of records left out"
                self._troubles.occurred(_BACKLOG, event, "the disk is slow")
                return
            self._work.put(work)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="records", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        upkeep = time.monotonic() + _UPKEEP_SECONDS
        while True:
            try:
                work = self._work.get(timeout=max(0.0, upkeep - time.monotonic()))
            except queue.Empty:
                work = self._keep_up
                upkeep = time.monotonic() + _UPKEEP_SECONDS
            if work is None:
                break
            try:
                work()
            except Exception:
                logger.exception("record not kept")
            if self._work.empty():
                self._troubles.over(_BACKLOG)
        for journal in self._journals.values():
            journal.close()

    def _begin(self, header: Header) -> None:
        place = str(self._spool.folder)
        try:
            self._journals[header.id] = self._spool.begin(header)
        except OSError as error:
            self._journals[header.id] = Journal.in_memory(self._spool.folder, header)
            self._troubles.occurred(place, "record cannot be written down", error)
        else:
            self._troubles.over(place)

    def _append(self, call: str, entry: Entry) -> None:
        journal = self._journals.get(call)
        if journal is None:
            return
        place = str(self._spool.folder)
        try:
            journal.append([entry.as_json()])
        except OSError as error:
            self._troubles.occurred(place, "record cannot be written down", error)
        else:
            if journal.written:
                self._troubles.over(place)

    def _finish_call(self, call: str) -> None:
        journal = self._journals.pop(call, None)
        if journal is not None:
            self._finish(journal)
            self._spool.bound(self._journals)

    def _finish(self, journal: Journal) -> None:
        """Deliver the record of a call that is over; else leave its journal for another time."""
        header = journal.header
        place = str(self._spool.folder)
        try:
            record = assemble(header, journal.entries())
            if header.folder:
                place = header.folder
                keep(record, header, journal.sound)
            place = str(self._spool.folder)
            if header.webhook:
                post(self._spool.folder, record, header)
        except OSError as error:
            event = "record not kept yet" if journal.written else "record lost"
            journal.close()
            self._troubles.occurred(place, event, error)
            return
        except Exception as error:
            # A line of another version, or of a damaged disk, costs its own record alone.
            journal.close()
            self._troubles.occurred(str(journal.path), "record cannot be read", repr(error))
            return
        journal.remove()
        self._troubles.over(header.folder)
        logger.info("record kept", extra={"record": header.id, "seconds": record["seconds"]})
        if header.webhook and self._on_posted is not None:
            self._on_posted()

    def _keep_up(self) -> None:
        """Finish what crashes have left, and keep every folder within its bounds."""
        for path in self._spool.journals():
            try:
                journal = Journal.take_over(path)
            except (OSError, ValueError) as error:
                self._troubles.occurred(str(path), "record cannot be read", error)
                continue
            if journal is not None:
                self._finish(journal)
        self._spool.bound(self._journals)
        for bounds in self._folders():
            if Path(bounds.folder).is_dir():
                try:
                    bound(Path(bounds.folder), max_mb=bounds.max_mb, max_days=bounds.max_days)
                except OSError as error:
                    self._troubles.occurred(bounds.folder, "old records not removed", error)


def bounds_of(settings: Iterable[RecordSettings]) -> list[Bounds]:
    """Return the folders of these settings, each once, with the first bounds that it has."""
    found: dict[str, Bounds] = {}
    for one in settings:
        if one.folder:
            found.setdefault(one.folder, Bounds(one.folder, one.max_mb, one.max_days))
    return list(found.values())

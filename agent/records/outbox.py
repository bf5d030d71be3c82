"""Records that wait for a webhook to take them, each in a file of the spool."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from agent.records.folder import write_whole
from agent.records.locked_file import open_locked
from agent.records.record import Header

SUFFIX: Final = ".out"


@dataclass(frozen=True, slots=True)
class Parcel:
    """A record on its way, which no other worker sends meanwhile."""

    path: Path
    id: str
    agent: str
    webhook: str
    body: bytes
    """JSON in UTF-8."""
    lock: int

    def delivered(self) -> None:
        """Remove it: the webhook has it. Raises OSError."""
        self.path.unlink(missing_ok=True)

    def put_back(self) -> None:
        """Let others send it."""
        os.close(self.lock)


def post(spool: Path, record: dict[str, Any], header: Header) -> None:
    """Leave a record for its webhook; again is once. Raises OSError."""
    parcel = {"agent": header.agent, "webhook": header.webhook, "record": record}
    write_whole(spool / f"{header.id}.{_address(header.webhook)}{SUFFIX}", json.dumps(parcel))


def waiting(spool: Path) -> dict[str, list[Path]]:
    """Return what waits, by webhook and in the order in which it came; blocks on the disk."""
    found: list[tuple[float, Path]] = []
    with contextlib.suppress(OSError):
        for path in spool.glob(f"*.*{SUFFIX}"):
            if not path.name.startswith("."):
                with contextlib.suppress(OSError):
                    found.append((path.stat().st_mtime, path))
    by_webhook: dict[str, list[Path]] = {}
    for _, path in sorted(found):
        by_webhook.setdefault(path.name.split(".")[1], []).append(path)
    return by_webhook


def take(path: Path) -> Parcel | None:
    """Return what waits in a file; None where another worker sends it, or has.

    Raises OSError, and ValueError for a file that is none of ours.
    """
    lock = open_locked(path, os.O_RDONLY)
    if lock is None:
        return None
    try:
        content = json.loads(path.read_bytes())
        record, agent, webhook = (content[key] for key in ("record", "agent", "webhook"))
        body = json.dumps(record, ensure_ascii=False).encode("utf-8", errors="replace")
        return Parcel(path, str(record["id"]), str(agent), str(webhook), body, lock)
    except (KeyError, TypeError, RecursionError) as error:
        os.close(lock)
        raise ValueError(f"it is no record that waits: {error!r}") from None
    except BaseException:
        os.close(lock)
        raise


def _address(webhook: str) -> str:
    """Return a name of a webhook that tells nothing of it."""
    return hashlib.sha256(webhook.encode()).hexdigest()[:12]

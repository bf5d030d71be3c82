"""Files of the spool that belong to whichever worker holds their lock."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def open_locked(path: Path, flags: int) -> int | None:
    """Open a file and lock it; None where another worker has it, or it is gone.

    Returns its descriptor, whose end is the caller's; the lock goes with it. Links are not
    followed. Raises OSError.
    """
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever had the lock before may have removed the file.
        if os.fstat(descriptor).st_nlink:
            return descriptor
    except BlockingIOError:
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None

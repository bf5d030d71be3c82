"""The limit on open files and connections of this process."""

from __future__ import annotations

import resource
from typing import Final

FEWEST_OPEN_FILES: Final = 96
"""With fewer, not even one room and its page can be served."""
_WANTED: Final = 65_536


class TooFewFilesError(Exception):
    """The limit on open files is too low; the text says how to raise it."""


def open_files_limit() -> int:
    """Return the limit in force."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _WANTED if soft == resource.RLIM_INFINITY else soft


def raise_open_files_limit() -> int:
    """Raise the limit as far as this user may, and return it.

    Most shells start with 1,024, a share of which is taken by each room.

    Raises:
        TooFewFilesError: it stays too low to serve anybody.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED if hard == resource.RLIM_INFINITY else min(hard, _WANTED)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (ValueError, OSError):
            # Some systems allow less than they say.
            wanted = soft
    limit = open_files_limit()
    if limit < FEWEST_OPEN_FILES:
        raise TooFewFilesError(
            f"This process may open {limit} files only; allow it {FEWEST_OPEN_FILES} or more "
            "(`ulimit -n`, LimitNOFILE in systemd, ulimits in compose)."
        )
    return limit

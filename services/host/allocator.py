"""The C allocator of the process: its figures, trimming, and bounds on its growth (glibc only)."""

from __future__ import annotations

import ctypes
import functools
import os
import sys
from dataclasses import dataclass
from typing import Any

ARENAS = 2
"""Heaps shared by threads. glibc makes up to eight per core, each keeping its own free memory."""

PRIMITIVE_CACHE_ENTRIES = 64
"""Compute kernels that oneDNN keeps, one for each shape of input. Its own limit is 1024, which
utterances of every length fill with some 150 MiB."""

_M_ARENA_MAX = -8


@dataclass(frozen=True, slots=True)
class AllocatorFigures:
    """The memory that `malloc` holds."""

    in_use_bytes: int
    free_bytes: int
    """Kept for later; of these, pages given back by `trim_allocator` are no longer resident."""


class _Mallinfo2(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keepcost",
        )
    )


def keep_native_memory_small(
    *, arenas: int = ARENAS, primitive_cache_entries: int = PRIMITIVE_CACHE_ENTRIES
) -> bool:
    """Bound the allocator's arenas and oneDNN's cache of kernels.

    Call it first thing in the process: threads that already have an arena keep it, and oneDNN
    reads its setting once. A variable set by the owner wins. False where there is no glibc.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(primitive_cache_entries))
    libc = _glibc()
    if libc is None:
        return False
    if "MALLOC_ARENA_MAX" in os.environ or "glibc.malloc.arena_max" in os.environ.get(
        "GLIBC_TUNABLES", ""
    ):
        return True
    return bool(libc.mallopt(_M_ARENA_MAX, arenas))


def allocator_figures() -> AllocatorFigures | None:
    """Return the figures of `malloc`; None without glibc. Too slow for an event loop."""
    libc = _glibc()
    if libc is None or not hasattr(libc, "mallinfo2"):
        return None
    libc.mallinfo2.restype = _Mallinfo2
    info = libc.mallinfo2()
    return AllocatorFigures(info.uordblks + info.hblkhd, info.fordblks)


def trim_allocator() -> bool:
    """Give free pages back to the system; up to 0.1 s in which other threads cannot allocate.

    False where there is no glibc or nothing was given back.
    """
    libc = _glibc()
    return bool(libc.malloc_trim(0)) if libc is not None else False


@functools.cache
def _glibc() -> Any:
    if not sys.platform.startswith("linux"):
        return None
    try:
        libc = ctypes.CDLL(None)
    except OSError:
        return None
    return libc if hasattr(libc, "gnu_get_libc_version") else None

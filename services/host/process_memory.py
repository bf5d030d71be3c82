"""The memory of this process."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from .allocator import allocator_figures, trim_allocator


class Growth:
    """The growth over a measured block, set when the block ends."""

    bytes: int = 0


def resident_bytes() -> int:
    """Return the resident set size of this process."""
    return int(psutil.Process().memory_info().rss)


@contextmanager
def measure_growth() -> Iterator[Growth]:
    """Measure how much memory a block takes and keeps.

    Meant for loads, one after another: what other threads allocate meanwhile counts too. The
    higher of what the resident set and the heap grow by: a load may use memory that was free in
    the heap, and map files that are not in it. Other threads cannot allocate for some 5 to 70 ms at
    either end.
    """
    growth = Growth()
    gc.collect()
    # What others have freed before must not be taken for what the block gives back.
    trim_allocator()
    resident, heap = resident_bytes(), _heap_bytes()
    yield growth
    gc.collect()
    # A load frees much of what it takes, which else stays resident until somebody trims.
    trim_allocator()
    growth.bytes = max(0, resident_bytes() - resident, _heap_bytes() - heap)


def _heap_bytes() -> int:
    figures = allocator_figures()
    return figures.in_use_bytes if figures is not None else 0

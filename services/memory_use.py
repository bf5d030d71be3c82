"""How much memory this process uses."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import psutil


class Growth:
    """Filled in when the measured block ends."""

    bytes: int = 0


def resident_bytes() -> int:
    """Resident set size of this process."""
    return int(psutil.Process().memory_info().rss)


@contextmanager
def measure_growth() -> Iterator[Growth]:
    """How much the resident set grows over a block.

    Meant for loads at start, one after another: what other threads allocate meanwhile counts
    too.
    """
    growth = Growth()
    gc.collect()
    before = resident_bytes()
    yield growth
    gc.collect()
    growth.bytes = max(0, resident_bytes() - before)

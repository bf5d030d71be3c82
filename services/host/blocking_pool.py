"""Threads for calls that block an event loop, all there from the start."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Final

BLOCKING_THREADS: Final = 4
"""Name look-ups and files need few; one that hangs on a dead network leaves the others."""


def started_pool(threads: int = BLOCKING_THREADS) -> ThreadPoolExecutor:
    """A pool for `loop.set_default_executor`, whose owner shuts it down, as `asyncio.run` does.

    asyncio's own starts its threads as they are wanted, up to some, for hours: a count of threads
    that grows shall mean a leak.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="blocking")
    together = threading.Barrier(threads)
    for _ in range(threads):
        pool.submit(together.wait)
    return pool

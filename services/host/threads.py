"""Threads for work that would block an event loop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

BLOCKING_THREADS: Final = 4
"""Name look-ups and files need few; if one hangs on a dead network, the others remain."""

T = TypeVar("T")


def run_in_daemon(name: str, function: Callable[[], T]) -> Future[T]:
    """Run `function` in a daemon thread called `name`; the future gets its result or error.

    The interpreter joins the threads of an executor when it ends, so a hanging one would hold up
    the end of the process. A daemon thread does not.
    """
    future: Future[T] = Future()

    def run() -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = function()
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future


def started_pool(threads: int = BLOCKING_THREADS) -> ThreadPoolExecutor:
    """Return a pool for `loop.set_default_executor` with all its threads running.

    `asyncio.run` shuts it down. The default executor of asyncio adds threads over hours, so a
    growing thread count would no longer point to a leak.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="blocking")
    barrier = threading.Barrier(threads)
    for _ in range(threads):
        pool.submit(barrier.wait)
    return pool

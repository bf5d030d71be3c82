"""The pool for blocking calls: its threads are there from the start, and end with it."""

from __future__ import annotations

import threading
import time

from services.host.threads import started_pool


def _threads() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name.startswith("blocking")]


def test_all_threads_are_there_from_the_start_and_end_with_the_pool() -> None:
    before = len(_threads())
    pool = started_pool(3)
    assert len(_threads()) - before == 3
    for future in [pool.submit(time.sleep, 0.02) for _ in range(9)]:
        future.result()
    assert len(_threads()) - before == 3
    pool.shutdown()
    assert len(_threads()) == before

"""A function in a thread of its own that never holds up the end of the process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def run_in_daemon(name: str, function: Callable[[], T]) -> Future[T]:
    """Start `function` in a daemon thread called `name`; the future has its result or error.

    An executor's threads are joined when the interpreter ends, so one that hangs would hang that.
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

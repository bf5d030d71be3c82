"""What a process says to whoever started it, and its end."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from typing import Final, NoReturn, TextIO

logger = logging.getLogger("agent.runtime.process")

EXIT_STARTUP: Final = 1
"""Status of a process that could not start, or go on."""
EXIT_FORCED: Final = 3
"""Status of a process that did not end by itself in time."""
EXIT_RESTART: Final = 4
"""Status of a process that is to be started again."""


class Deadline:
    """Ends the process at a time, even if a part of it hangs in native code."""

    def __init__(self, seconds: float) -> None:
        """`seconds`: from the first call of `begin` to the end of the process."""
        self._seconds = seconds
        self._timer: threading.Timer | None = None

    def begin(self, status: int = 0) -> None:
        """Begin to count, once; `status` is that of the process where it is not 0."""
        if self._timer is None:
            self._timer = threading.Timer(self._seconds, _give_up, (status or EXIT_FORCED,))
            self._timer.daemon = True
            self._timer.start()


def say(text: str, stream: TextIO | None = None) -> None:
    """Print a line for the person who started the process, if anybody still reads."""
    with contextlib.suppress(OSError):
        print(text, file=stream or sys.stdout, flush=True)


def leave(status: int) -> NoReturn:
    """End the process at once, after all parts had time to end.

    Finalising the interpreter would take seconds on a busy machine, and crash while a thread is
    still in native code, such as in the load of a model.
    """
    logging.shutdown()
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)


def _give_up(status: int) -> None:
    logger.error("did not end in time: the process is ended")
    leave(status)

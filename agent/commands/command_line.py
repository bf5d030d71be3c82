"""Shared by the commands that a person runs: quiet logging, one-line errors, a clean end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from agent.settings import Settings

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_FORCED = 3
EXIT_INTERRUPTED = 130

_NATIVE_THREADS = ("load-", "inference")
_LAST_MOMENT_SECONDS = 1.0
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class CommandError(Exception):
    """The command failed; the text is one line that says why and what helps."""

    def __init__(self, text: str, *, status: int = EXIT_FAILED) -> None:
        super().__init__(text)
        self.status = status


def finish(name: str, settings: Settings, work: Callable[[], int]) -> int:
    """Do the work of command `name` with quiet logs; returns its exit status.

    A `CommandError` becomes one line on standard error, Ctrl-C and a closed pipe end in silence.
    """
    before = set(threading.enumerate())
    try:
        _set_up_logging(settings)
        status = work()
        sys.stdout.flush()
    except CommandError as error:
        complain(name, str(error))
        status = error.status
    except KeyboardInterrupt:
        status = EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has enough of it; Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = EXIT_FAILED
    _leave_at_once_if_busy(set(threading.enumerate()) - before, status)
    return status


def finish_async(
    name: str, settings: Settings, work: Callable[[], Coroutine[Any, Any, int]]
) -> int:
    """Like `finish`, for work that needs an event loop."""
    return finish(name, settings, lambda: asyncio.run(work()))


def complain(name: str, text: str) -> None:
    """Print one line to standard error in the name of a command."""
    print(f"{name}: {' '.join(text.split())}", file=sys.stderr, flush=True)


async def until_stopped(work: Coroutine[Any, Any, None], *, end_seconds: float) -> None:
    """Run `work` until it ends, or Ctrl-C or SIGTERM cancels it; raises what it raises.

    Once it is cancelled it has `end_seconds`, then the process is ended.
    """
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, stopped.set)
    working = asyncio.create_task(work, name="command")
    stopping = asyncio.create_task(stopped.wait(), name="command-stop")
    try:
        await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        working.cancel()
        with _ending_within(end_seconds):
            await asyncio.gather(working, stopping, return_exceptions=True)
        for number in _STOP_SIGNALS:
            loop.remove_signal_handler(number)
    if not working.cancelled():
        working.result()


@contextmanager
def _ending_within(seconds: float) -> Iterator[None]:
    """A deadline for a clean end: threads hanging in native code keep no process alive."""
    deadline = threading.Timer(seconds, os._exit, (EXIT_FORCED,))
    deadline.daemon = True
    deadline.start()
    try:
        yield
    finally:
        deadline.cancel()


def _leave_at_once_if_busy(threads: set[threading.Thread], status: int) -> None:
    """End the process here when a model is still being loaded or run.

    That cannot be broken off, and native code that is running when Python takes itself apart
    aborts the process. Threads that are about to end have a moment to do so.
    """
    native = [thread for thread in threads if thread.name.startswith(_NATIVE_THREADS)]
    until = time.monotonic() + _LAST_MOMENT_SECONDS
    for thread in native:
        thread.join(max(0.0, until - time.monotonic()))
    if any(thread.is_alive() for thread in native):
        sys.stderr.flush()
        os._exit(status)


def _set_up_logging(settings: Settings) -> None:
    """Log warnings and worse to standard error; everything at LOG_LEVEL=debug."""
    import logging

    from agent.observability.logging import setup_logging

    level = settings.log.level
    setup_logging("warning" if level == "info" else level, "readable", secrets=settings.secrets)
    if level != "debug":
        quiet = ("services.shared", "services.shared.load_once", "agent.definitions")
        for name in (*quiet, "py.warnings", "livekit"):
            # Shown by the command itself, as a notice or an error, or of no use to anyone.
            logging.getLogger(name).setLevel(logging.CRITICAL)

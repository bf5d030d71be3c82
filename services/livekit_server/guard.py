"""Run a program that does not outlive the process that starts it.

`python guard.py PROGRAM ARGUMENT…`: standard input is the lifeline. When it closes, because the
parent closed it or was killed, the program gets two signals to end, then SIGKILL. The guard writes
the program's process id to standard output, one line; the program's output goes to standard error;
its exit code becomes the guard's (128 + signal, as in shells).
"""

import contextlib
import ctypes
import os
import select
import signal
import sys
import time

ENDING = ((0.0, signal.SIGTERM), (0.3, signal.SIGINT), (2.0, signal.SIGKILL))
"""Seconds after the end was requested, and the signal that the program gets then."""

_PR_SET_PDEATHSIG = 1
_END_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main(command: list[str]) -> int:
    """Run `command` until it ends or standard input closes; returns its exit code."""
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_read, False)
    os.set_blocking(wake_write, False)
    for number in (*_END_SIGNALS, signal.SIGCHLD):
        signal.signal(number, lambda _number, _frame: None)
    signal.set_wakeup_fd(wake_write)
    program = _start(command)
    os.write(1, f"{program}\n".encode())
    os.close(1)
    return _watch(program, wake_read)


def _watch(program: int, wake: int) -> int:
    sources = [0, wake]
    requested_at: float | None = None
    steps = list(ENDING)
    while True:
        timeout = None if requested_at is None or not steps else requested_at + steps[0][0] - _now()
        readable, _, _ = select.select(
            sources, [], [], None if timeout is None else max(0, timeout)
        )
        ended, status = os.waitpid(program, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        end = wake in readable and bool({*_drained(wake)} & {*_END_SIGNALS})
        if 0 in readable and not os.read(0, 4096):
            sources.remove(0)
            end = True
        if end and requested_at is None:
            requested_at = _now()
        while requested_at is not None and steps and _now() >= requested_at + steps[0][0]:
            os.kill(program, steps.pop(0)[1])


def _start(command: list[str]) -> int:
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    guard = os.getpid()
    program = os.fork()
    if program:
        return program
    with contextlib.suppress(BaseException):
        for number in (*_END_SIGNALS, signal.SIGCHLD, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        if libc is not None:
            # Should the guard itself be killed, the kernel ends the program.
            libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
            if os.getppid() != guard:
                os._exit(1)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)
        try:
            os.execv(command[0], command)
        except OSError as error:
            os.write(2, f"{command[0]} cannot be started: {error.strerror}\n".encode())
    os._exit(127)


def _drained(wake: int) -> bytes:
    with contextlib.suppress(BlockingIOError):
        return os.read(wake, 4096)
    return b""


def _now() -> float:
    return time.monotonic()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

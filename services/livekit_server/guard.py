"""Run a command that does not outlive the process which asked for it.

`python guard.py PROGRAM ARGUMENT…`: standard input is the lifeline. When it closes, be it
because the asking process closed it or because that process was killed, the program is ended: asked
twice, then killed. The process id of the program is the one line on standard output; what the
program writes goes to standard error; its exit code is the guard's own (128 + signal as in shells).
"""

import contextlib
import ctypes
import os
import select
import signal
import sys
import time

ENDING = ((0.0, signal.SIGTERM), (0.3, signal.SIGINT), (2.0, signal.SIGKILL))
"""Seconds after the end was asked for, and the signal that the program gets then."""

_PR_SET_PDEATHSIG = 1
_ASKING_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main(command: list[str]) -> int:
    """Run `command` until it ends or standard input closes; returns its exit code."""
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_read, False)
    os.set_blocking(wake_write, False)
    for number in (*_ASKING_SIGNALS, signal.SIGCHLD):
        signal.signal(number, lambda _number, _frame: None)
    signal.set_wakeup_fd(wake_write)
    program = _start(command)
    os.write(1, f"{program}\n".encode())
    os.close(1)
    return _watch(program, wake_read)


def _watch(program: int, wake: int) -> int:
    sources = [0, wake]
    asked_at: float | None = None
    steps = list(ENDING)
    while True:
        timeout = None if asked_at is None or not steps else asked_at + steps[0][0] - _now()
        readable, _, _ = select.select(
            sources, [], [], None if timeout is None else max(0, timeout)
        )
        ended, status = os.waitpid(program, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        ask = wake in readable and bool({*_drained(wake)} & {*_ASKING_SIGNALS})
        if 0 in readable and not os.read(0, 4096):
            sources.remove(0)
            ask = True
        if ask and asked_at is None:
            asked_at = _now()
        while asked_at is not None and steps and _now() >= asked_at + steps[0][0]:
            os.kill(program, steps.pop(0)[1])


def _start(command: list[str]) -> int:
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    guard = os.getpid()
    program = os.fork()
    if program:
        return program
    with contextlib.suppress(BaseException):
        for number in (*_ASKING_SIGNALS, signal.SIGCHLD, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        if libc is not None:
            # Only where the guard itself is killed: then the program goes with it.
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

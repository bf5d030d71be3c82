"""Programs that run beside the benchmark, each with a log file and an end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "LIVEKIT_SERVER", "SSL_CERT_FILE")
_LINE_BYTES = 1 << 24
_KEPT_LINES = 2000


class ProgramError(Exception):
    """A program ended, or did not answer, when it was needed; the text has its last lines."""


def end_programs_on_sigterm() -> None:
    """Have SIGTERM end this process as Ctrl-C does: with all programs that it started."""
    # A program started in the background by a shell ignores Ctrl-C, and asyncio leaves it at that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Not an exception at once: that could come between a program's start and what would end it.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))


class Program:
    """A child process; belongs to the event loop that started it."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.process_id = process.pid
        self.started = time.monotonic()
        """Monotonic time of its start."""
        self._process = process
        self._log = log
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._changed = asyncio.Event()
        assert process.stdout is not None
        assert process.stderr is not None
        self._readers = [
            asyncio.create_task(self._collect(process.stdout), name=f"read-output-{name}"),
            asyncio.create_task(self._collect(process.stderr), name=f"read-errors-{name}"),
        ]
        for reader in self._readers:
            reader.add_done_callback(lambda _: self._changed.set())

    @classmethod
    async def start(
        cls,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> Program:
        """Run `command` with only the named variables, both outputs to the file `log`."""
        log.parent.mkdir(parents=True, exist_ok=True)
        passed_on = {key: os.environ[key] for key in _PASSED_ON if key in os.environ}
        process = await asyncio.create_subprocess_exec(
            *map(str, command),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**passed_on, "PYTHONUNBUFFERED": "1", **(environment or {})},
            cwd=folder,
            limit=_LINE_BYTES,
            start_new_session=True,
        )
        return cls(name, process, log)

    @property
    def ended(self) -> bool:
        """Whether it runs no more."""
        return self._process.returncode is not None

    async def wait_for_line(self, wanted: Callable[[str], bool], timeout_seconds: float) -> str:
        """The first line from now on, or of those kept, that is `wanted`; it is then forgotten.

        Raises TimeoutError, and ProgramError when the program has ended.
        """
        async with asyncio.timeout(timeout_seconds):
            while True:
                self._changed.clear()
                for line in self._lines:
                    if wanted(line):
                        self._lines.remove(line)
                        return line
                if all(reader.done() for reader in self._readers):
                    raise ProgramError(
                        f"{self.name} ended with code {self._process.returncode}; "
                        f"see {self._log}: {' | '.join(list(self._lines)[-5:])}"
                    )
                await self._changed.wait()

    def take_lines(self, wanted: Callable[[str], bool]) -> list[str]:
        """The kept lines that are `wanted`, oldest first; they are then forgotten."""
        found = [line for line in self._lines if wanted(line)]
        for line in found:
            self._lines.remove(line)
        return found

    async def write_line(self, line: str) -> None:
        """Send a line to the program's standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        await self._process.stdin.drain()

    async def wait(self, timeout_seconds: float) -> int:
        """Until the program has ended by itself; its exit status. Raises TimeoutError."""
        async with asyncio.timeout(timeout_seconds):
            return await self._process.wait()

    async def stop(self, grace_seconds: float = 6.0) -> None:
        """End the program and all it started: first asked, then killed."""
        for number, wait in ((signal.SIGTERM, grace_seconds), (signal.SIGKILL, 5.0)):
            if self._process.returncode is not None:
                break
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process_id, number)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), wait)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process_id, signal.SIGKILL)
        await asyncio.wait(self._readers, timeout=1.0)
        for reader in self._readers:
            reader.cancel()

    async def _collect(self, stream: asyncio.StreamReader) -> None:
        with self._log.open("a", encoding="utf-8", buffering=1) as log:
            async for raw in stream:
                line = raw.decode(errors="replace").rstrip("\n")
                log.write(line + "\n")
                self._lines.append(line)
                self._changed.set()

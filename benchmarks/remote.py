"""Calls into another process over its standard input and output, one JSON object a line."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from benchmarks import ROOT
from benchmarks.processes import Program

Handler = Callable[..., Awaitable[Any]]

_READY = "remote ready"


class RemoteError(Exception):
    """The other process could not do what it was asked; the text is its own account."""


class Remote:
    """The calling side: one call at a time to a program that runs `serve`."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._lock = asyncio.Lock()
        self._count = 0

    async def wait_until_ready(self, timeout_seconds: float = 90.0) -> None:
        """Until the other side takes calls."""
        await self.program.wait_for_line(lambda line: line == _READY, timeout_seconds)

    async def call(self, name: str, *, timeout_seconds: float = 300.0, **arguments: Any) -> Any:
        """The result of the other side's handler `name`. Raises RemoteError, TimeoutError."""
        async with self._lock:
            self._count += 1
            prefix = f'{{"id": {self._count}, '
            request = {"id": self._count, "do": name, "with": arguments}
            await self.program.write_line(json.dumps(request))
            line = await self.program.wait_for_line(
                lambda line: line.startswith(prefix), timeout_seconds
            )
        reply = json.loads(line)
        if "error" in reply:
            raise RemoteError(f"{self.program.name}: {reply['error']}")
        return reply["result"]


@asynccontextmanager
async def open_remote(
    name: str, module: str, folder: Path, *, python: Path = Path(sys.executable)
) -> AsyncIterator[Remote]:
    """`module`, which runs `serve`, in a process of its own that works and logs in `folder`.

    `python` is that of the environment that the module needs.
    """
    program = await Program.start(
        name,
        [python, "-m", module],
        log=folder / f"{name}.log",
        environment={"PYTHONPATH": str(ROOT)},
        folder=folder,
    )
    try:
        remote = Remote(program)
        await remote.wait_until_ready()
        yield remote
    finally:
        await program.stop()


async def serve(handlers: Mapping[str, Handler]) -> None:
    """The called side: answer calls one after another until standard input ends."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    # Libraries that print must not mix with the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    print(_READY, file=answers, flush=True)
    while line := await reader.readline():
        request = json.loads(line)
        answer: dict[str, Any] = {"id": request["id"]}
        try:
            answer["result"] = await handlers[request["do"]](**request["with"])
        except Exception as error:
            traceback.print_exc()
            answer["error"] = f"{type(error).__name__}: {error}"
        print(json.dumps(answer), file=answers, flush=True)

"""Measures how late each event loop of this process is, into the file that LOOP_LAG_FILE names.

Python imports a module of this name by itself when its folder is on PYTHONPATH, so that products
and peers are measured alike and unchanged.
"""

import asyncio
import os
import struct
import threading
import time

_PERIOD_SECONDS = 0.05


class LagProbe:
    """A timer on one loop; writes its thread, when it ran (monotonic) and how late, as doubles."""

    def __init__(self, loop: asyncio.AbstractEventLoop, file: int) -> None:
        self._loop = loop
        self._file = file
        self._due = loop.time() + _PERIOD_SECONDS
        loop.call_at(self._due, self._run)

    def _run(self) -> None:
        late = self._loop.time() - self._due
        os.write(self._file, struct.pack("ddd", threading.get_native_id(), time.monotonic(), late))
        self._due = self._loop.time() + _PERIOD_SECONDS
        self._loop.call_at(self._due, self._run)


def _install(path: str) -> None:
    new_event_loop = asyncio.new_event_loop
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def probed() -> asyncio.AbstractEventLoop:
        loop = new_event_loop()
        LagProbe(loop, file)
        return loop

    asyncio.events.new_event_loop = probed
    asyncio.new_event_loop = probed


if os.environ.get("LOOP_LAG_FILE"):
    _install(os.environ["LOOP_LAG_FILE"])

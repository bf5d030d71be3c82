"""`python -m tests.room.leaking_agent start`: the product, but each of its rooms leaks."""

from __future__ import annotations

import asyncio
import math
import sys
import tempfile
import threading

from livekit.agents import JobContext

from agent.__main__ import main
from agent.runtime import worker
from agent.session.room import RoomServices, converse

LEAK_MB = 1

_kept: list[object] = []


async def _leak(ctx: JobContext, services: RoomServices) -> None:
    """Lose memory, a thread, a task, some descriptors and a temporary file, then go on."""
    _kept.append(bytearray(b"\1") * (LEAK_MB * 2**20))
    _kept.append(tempfile.mkstemp())
    threading.Thread(target=lambda: asyncio.run(asyncio.sleep(math.inf)), daemon=True).start()
    await converse(ctx, services)


vars(worker)["converse"] = _leak

if __name__ == "__main__":
    sys.exit(main())

"""`python -m tests.room.untidy_agent start`: the product with a library that forgets its files."""

from __future__ import annotations

import os
import sys
import tempfile

from livekit.agents import JobContext

from agent.__main__ import main
from agent.runtime import worker
from agent.session.room import RoomServices, converse

FORGOTTEN = "forgotten-"
OPEN = "open-"


async def _forget(ctx: JobContext, services: RoomServices) -> None:
    """Leave one temporary file behind, keep another open, then go on."""
    os.close(tempfile.mkstemp(prefix=FORGOTTEN)[0])
    tempfile.mkstemp(prefix=OPEN)
    await converse(ctx, services)


if __name__ == "__main__":
    # Whoever imports the names above has no such library.
    vars(worker)["converse"] = _forget
    sys.exit(main())

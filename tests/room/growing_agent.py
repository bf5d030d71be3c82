"""`python -m tests.room.growing_agent start`: the product, but a room takes memory for good."""

from __future__ import annotations

import sys

from livekit.agents import JobContext

from agent.__main__ import main
from agent.runtime import worker
from agent.session.room import RoomServices, converse

GROWTH_MB = 400

_kept: list[bytearray] = []


async def _grow(ctx: JobContext, services: RoomServices) -> None:
    """Lose the memory, then go on."""
    _kept.append(bytearray(b"\1") * (GROWTH_MB * 2**20))
    await converse(ctx, services)


vars(worker)["converse"] = _grow

if __name__ == "__main__":
    sys.exit(main())

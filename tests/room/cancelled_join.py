"""Joins a room and is cancelled at once: `python -m tests.room.cancelled_join URL TOKEN`.

A process of its own, since the native library ends one in which a join is left alone.
"""

from __future__ import annotations

import asyncio
import sys

from livekit import rtc

from services.host.cancellation import uninterrupted


async def main(url: str, token: str) -> None:
    """Says whether the join was seen through all the same."""
    room = rtc.Room()
    joining = asyncio.create_task(uninterrupted(room.connect(url, token)))
    await asyncio.sleep(0.01)
    joining.cancel()
    await asyncio.wait([joining])
    print("cancelled" if joining.cancelled() else "not cancelled")
    print("joined" if room.isconnected() else "not joined")
    await room.disconnect()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

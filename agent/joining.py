"""Joining a room, seen through to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def see_through(joining: Coroutine[Any, Any, None]) -> None:
    """Await a join; cancelled meanwhile, first wait for its end, then raise CancelledError.

    The native library tells that a room is joined and waits 15 s for the answer that its events
    can be taken. Where nobody answers it has the whole process end, with every other room
    (`ReadyForRoomEventRequest` in livekit-ffi). So a join that has begun must not be left alone;
    its own time limits bound it.

    Raises what the join raises.
    """
    task = asyncio.create_task(joining, name="join-room")
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        if not task.cancelled():
            task.exception()
        raise asyncio.CancelledError
    task.result()

"""Joining a room: what may be sent to us there is bounded, and the join is seen to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, Final

from livekit import rtc
from livekit.agents import AutoSubscribe, JobContext

LARGEST_MESSAGE_BYTES: Final = 64 * 1024
"""Of one stream, typed text, payload of a remote call or answer to one, once it is inflated."""


async def join(ctx: JobContext) -> None:
    """Join the job's room; hears every voice there, and takes no message above the largest.

    Raises what connecting raises, and CancelledError only once the join has ended.
    """
    room = ctx.room
    connect = room.connect

    async def connect_bounded(url: str, token: str, options: rtc.RoomOptions) -> None:
        bound = rtc.DataStreamOptions(max_payload_byte_length=LARGEST_MESSAGE_BYTES)
        await connect(url, token, replace(options, data_stream=bound))

    # The framework makes the options itself and has none for this. Without it one deflated
    # megabyte is a gigabyte in this process, before anybody here can look at its length.
    vars(room)["connect"] = connect_bounded
    try:
        await see_through(ctx.connect(auto_subscribe=AutoSubscribe.AUDIO_ONLY))
    finally:
        del vars(room)["connect"]


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

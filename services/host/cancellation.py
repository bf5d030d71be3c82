"""Work that has to reach its end even when the task that awaits it is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

Result = TypeVar("Result")


async def uninterrupted(
    work: Awaitable[Result], *, on_cancel: Callable[[], None] | None = None
) -> Result:
    """Await `work` to its end, however often this is cancelled meanwhile.

    `on_cancel` is called at each cancellation, to have the work end soon.

    Raises what the work raises, and CancelledError, once it has ended, where this was cancelled.
    """
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            cancelled = True
            if on_cancel is not None:
                on_cancel()
    if not cancelled:
        return task.result()
    if not task.cancelled():
        # Read, since asyncio logs an exception that nobody has read.
        task.exception()
    raise asyncio.CancelledError

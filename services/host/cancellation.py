"""Work that has to reach its end even when the task that awaits it is cancelled."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from functools import partial
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


async def in_thread(
    function: Callable[..., Result],
    *arguments: object,
    on_cancel: Callable[[], None] | None = None,
) -> Result:
    """Run `function` in a thread of the loop's pool and await its end, as `uninterrupted` does.

    For whatever must not be freed while the thread uses it. `asyncio.to_thread` is a task, which
    the end of the loop cancels like every other while its thread goes on; this is none.
    """
    loop = asyncio.get_running_loop()
    call = partial(contextvars.copy_context().run, function, *arguments)
    return await uninterrupted(loop.run_in_executor(None, call), on_cancel=on_cancel)

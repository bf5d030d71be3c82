"""The end of something that consists of several parts."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable

logger = logging.getLogger("services.host.closing")


async def close_in_order(*parts: Callable[[], object]) -> None:
    """Call each of `parts`, which closes one, and await it where it is asynchronous.

    A part that fails is logged, and the ones after it are closed all the same. Cancellation reaches
    the part that is just being closed; the others are closed, then CancelledError is raised.
    """
    cancelled = False
    for close in parts:
        try:
            closing = close()
            if inspect.isawaitable(closing):
                await closing
        except asyncio.CancelledError:
            cancelled = True
        except Exception:
            part = getattr(close, "__qualname__", repr(close))
            logger.exception("part not closed", extra={"part": part})
    if cancelled:
        raise asyncio.CancelledError

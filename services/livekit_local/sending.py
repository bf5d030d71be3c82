"""A bound on sending: LiveKit's native library now and then does not answer a call."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import Final

logger = logging.getLogger("services.livekit_local")

SENDING_SECONDS: Final = 4.0
"""How long the native library may take to answer; usually it is some milliseconds."""


async def is_sent(what: str, sending: Awaitable[object]) -> bool:
    """Await a call that sends something; return whether it was answered, whatever the answer.

    `livekit.rtc` waits without a limit for the answer to a call of its native library. Once in some
    hundred rooms none comes, and whatever awaits it would stand still for the rest of the call.
    An error is logged, most of them being of rooms that end; it is an answer all the same.

    Raises nothing but CancelledError.
    """
    try:
        async with asyncio.timeout(SENDING_SECONDS):
            await sending
    except TimeoutError:
        logger.warning("sending was not answered", extra={"what": what})
        return False
    except Exception as error:
        logger.debug("not sent", extra={"what": what, "error": repr(error)})
    return True

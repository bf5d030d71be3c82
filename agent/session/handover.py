"""Taking over a conversation from an agent that is gone: a caller's page still has its words."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable

from livekit import rtc
from livekit.agents import llm

from services.protocol import History, Method, ProtocolError

logger = logging.getLogger("agent.session.handover")

_ANSWER_SECONDS = 2.0
_ROUND_TRIP_SECONDS = 2.0
_ALL_SECONDS = 6.0


async def request_history(me: rtc.LocalParticipant, callers: Iterable[str]) -> llm.ChatContext:
    """Return the history of the first of `callers` (identities) that has one, or an empty one.

    Takes at most four seconds for a caller that does not answer, and six for all.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_ALL_SECONDS):
            return await _request_each(me, callers)
    return llm.ChatContext.empty()


async def _request_each(me: rtc.LocalParticipant, callers: Iterable[str]) -> llm.ChatContext:
    for identity in callers:
        try:
            answer = await me.perform_rpc(
                destination_identity=identity,
                method=Method.HISTORY,
                payload="",
                response_timeout=_ANSWER_SECONDS,
                max_round_trip_latency=_ROUND_TRIP_SECONDS,
            )
            history = History.decode(answer)
        except (rtc.RpcError, ProtocolError) as error:
            logger.info("caller has no history", extra={"kind": type(error).__name__})
            continue
        if history.messages:
            logger.info("conversation taken over", extra={"messages": len(history.messages)})
            return _as_context(history)
    return llm.ChatContext.empty()


def _as_context(history: History) -> llm.ChatContext:
    context = llm.ChatContext.empty()
    for message in history.messages:
        context.add_message(role=message.role, content=message.text)
    return context

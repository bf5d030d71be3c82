"""What was said before this agent came, where it takes over from one that is gone."""

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
_WAY_SECONDS = 2.0
_ALL_SECONDS = 6.0


async def ask_what_was_said(me: rtc.LocalParticipant, callers: Iterable[str]) -> llm.ChatContext:
    """The conversation as the first of `callers` (identities) tells it that has one to tell.

    Empty where none has; takes four seconds at most for one that does not answer, six for all.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_ALL_SECONDS):
            return await _ask_each(me, callers)
    return llm.ChatContext.empty()


async def _ask_each(me: rtc.LocalParticipant, callers: Iterable[str]) -> llm.ChatContext:
    for identity in callers:
        try:
            answer = await me.perform_rpc(
                destination_identity=identity,
                method=Method.HISTORY,
                payload="",
                response_timeout=_ANSWER_SECONDS,
                max_round_trip_latency=_WAY_SECONDS,
            )
            told = History.decode(answer)
        except (rtc.RpcError, ProtocolError) as error:
            logger.info("caller tells nothing", extra={"kind": type(error).__name__})
            continue
        if told.messages:
            logger.info("conversation taken over", extra={"messages": len(told.messages)})
            return _as_context(told)
    return llm.ChatContext.empty()


def _as_context(told: History) -> llm.ChatContext:
    context = llm.ChatContext.empty()
    for message in told.messages:
        context.add_message(role=message.role, content=message.text)
    return context

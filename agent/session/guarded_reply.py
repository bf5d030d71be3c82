"""The reply of a language model, with an apology where it fails."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncGenerator, Callable
from typing import Any

from livekit.agents import (
    APIError,
    APIStatusError,
    APITimeoutError,
    FlushSentinel,
    ModelSettings,
    llm,
)

from agent.languages import Phrases
from agent.llm.waking import WAKING_CHUNK
from services.tts.text.normalization import is_speakable

logger = logging.getLogger("agent.session.guarded_reply")

MOST_TOOL_STEPS = 6
"""Consecutive LLM requests that only call tools; then the turn ends with an apology. The
framework's own limit is lower, but does not count steps in which a tool call fails."""


async def guarded_reply(
    answer: AsyncGenerator[Any, None],
    chat_ctx: llm.ChatContext,
    model_settings: ModelSettings,
    *,
    phrases: Phrases,
    on_failure: Callable[[str], None] | None,
) -> AsyncGenerator[llm.ChatChunk | str | FlushSentinel, None]:
    """Yield the answer, or an apology where it fails or has nothing that can be spoken.

    Args:
        answer: what an agent's `llm_node` yields; closed here.
        chat_ctx: what it answers.
        model_settings: of the request.
        phrases: the apologies, in the language that the agent speaks.
        on_failure: called with the apology that replaces a failed reply.
    """
    if _tool_steps(chat_ctx) >= MOST_TOOL_STEPS:
        logger.warning("LLM calls tools without end", extra={"steps": MOST_TOOL_STEPS})
        yield phrases.tools_without_end
        return
    spoken = ""
    called = False
    dropped = False
    try:
        async with contextlib.aclosing(answer):
            async for chunk in answer:
                if isinstance(chunk, llm.ChatChunk) and chunk.delta is not None:
                    if chunk.delta.tool_calls and model_settings.tool_choice == "none":
                        # The calls would not run, and nothing would be said.
                        chunk.delta.tool_calls = []
                        dropped = True
                    called = called or bool(chunk.delta.tool_calls)
                    if chunk.id != WAKING_CHUNK:
                        spoken += chunk.delta.content or ""
                elif isinstance(chunk, str):
                    spoken += chunk
                yield chunk
    except Exception as error:
        apology = _apology(phrases, error, begun=bool(spoken.strip()))
        logger.warning(
            "LLM failed",
            extra={**_described(error), "begun": bool(spoken.strip())},
            exc_info=None if isinstance(error, APIError) else error,
        )
        if on_failure is not None:
            on_failure(apology)
        if not called:
            yield _after(spoken, apology)
    else:
        if not called and not is_speakable(spoken):
            apology = phrases.tools_without_end if dropped else phrases.llm_silent
            yield f"\n{phrases.llm_unspeakable}" if spoken.strip() else apology


def _apology(phrases: Phrases, error: Exception, *, begun: bool) -> str:
    if begun:
        return phrases.llm_cut_off
    return phrases.llm_slow if isinstance(error, APITimeoutError) else phrases.llm_down


def _described(error: Exception) -> dict[str, Any]:
    """Describe a failure for the log in our own words, never in the endpoint's."""
    # The framework wraps the error of the last attempt.
    cause = error.__cause__ if isinstance(error.__cause__, APIError) else error
    described: dict[str, Any] = {"kind": type(cause).__name__}
    if isinstance(cause, APIStatusError):
        described["status"] = cause.status_code
    if isinstance(cause, APIError):
        described["reason"] = cause.message
    return described


def _tool_steps(chat_ctx: llm.ChatContext) -> int:
    """Count the replies since the caller's last message that only called tools."""
    steps = set()
    for item in reversed(chat_ctx.items):
        if isinstance(item, llm.ChatMessage) and item.role == "user":
            break
        if isinstance(item, llm.FunctionCall):
            steps.add(item.group_id or item.id.partition("/")[0])
    return len(steps)


def _after(spoken: str, apology: str) -> str:
    """Return the apology as a sentence of its own after what was already said."""
    if not spoken.strip():
        return apology
    return f" {apology}" if spoken.rstrip()[-1] in ".?!" else f". {apology}"

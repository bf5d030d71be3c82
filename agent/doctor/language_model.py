"""Check of the language model, with a request like those of a room."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

from agent.doctor.findings import Finding, fail, ok, warn
from agent.settings import Settings

FEWEST_CONTEXT_TOKENS = 4_096
"""A smaller context leaves too little room for the conversation beside instructions and tools."""
FEWEST_BEGINNING_TOKENS = 400
"""Instructions and tools take more tokens than this in any tokeniser; fewer mean truncation."""

_LIST_SECONDS = 4.0
_PAGE = "see docs/language-models.md"
_CONTEXT_KEYS = (
    "max_model_len",
    "n_ctx",
    "context_length",
    "max_context_length",
    "context_window",
    "loaded_context_length",
)


async def check_llm_reply(settings: Settings) -> AsyncIterator[Finding]:
    """Check that the endpoint answers, streams, takes tools, and has a large enough context."""
    if not settings.llm.base_url:
        return
    import aiohttp
    from livekit.agents import APIError, llm

    from agent.llm.endpoint import Endpoint, RefusedError
    from agent.llm.waking import WAKING_CHUNK
    from agent.runtime.language_models import language_models
    from agent.session.assistant import instructions_for
    from agent.session.conversation_language import written_language
    from agent.tools import RoomState, Toolbox

    models = language_models(settings)
    profile = models.profile
    assert profile is not None
    endpoint = Endpoint(settings.llm.base_url, settings.llm.api_key.get_secret_value())
    try:
        listed = await endpoint.models(seconds=_LIST_SECONDS)
    except (aiohttp.ClientError, TimeoutError):
        # The check of the address reports that.
        return
    except (ValueError, RefusedError, APIError):
        listed = None
    finally:
        await endpoint.aclose()
    toolbox = Toolbox(RoomState())
    model = models.build(toolbox)
    conversation = llm.ChatContext.empty()
    instructions = instructions_for("", settings.agent.instructions, written_language(settings))
    conversation.add_message(role="system", content=instructions)
    conversation.add_message(role="user", content="Hello.")
    begun = time.monotonic()
    first_seconds: float | None = None
    usage: llm.CompletionUsage | None = None
    try:
        async with model.chat(chat_ctx=conversation, tools=[*toolbox.function_tools]) as stream:
            async for chunk in stream:
                if chunk.has_response() and chunk.id != WAKING_CHUNK and first_seconds is None:
                    first_seconds = time.monotonic() - begun
                usage = chunk.usage or usage
    except APIError as error:
        cause = error.__cause__ if isinstance(error.__cause__, APIError) else error
        yield fail("LLM reply", cause.message, _PAGE)
        return
    finally:
        await model.aclose()
        await toolbox.state.aclose()
    if first_seconds is None:
        yield warn("LLM reply", f"{profile.model} answers nothing that can be spoken", _PAGE)
        return
    tokens = usage.prompt_tokens if usage else 0
    context = context_tokens(listed, profile.model)
    yield ok("LLM reply", _summary(first_seconds, tokens, context))
    if not profile.shape.tools:
        yield warn(
            "LLM tools",
            f"{profile.model} is served without tools: it cannot set timers, keep lists or tell "
            "the time",
            f"choose a model with tools, or have its server offer them; {_PAGE}",
        )
    if profile.streams is False:
        yield warn(
            "LLM stream",
            f"{profile.address} sends its answers as a whole, so each is spoken late",
            f"enable streaming; {_PAGE}",
        )
    if context and context < FEWEST_CONTEXT_TOKENS:
        yield warn(
            "LLM context",
            f"{profile.model} is served with a context of {context} tokens: it forgets what was "
            "said after a few turns",
            f"serve it with {2 * FEWEST_CONTEXT_TOKENS} or more; {_PAGE}",
        )
    elif 0 < tokens < FEWEST_BEGINNING_TOKENS and profile.shape.tools:
        yield warn(
            "LLM context",
            f"{profile.model} was given only {tokens} tokens of its instructions and tools: the "
            "rest was cut off",
            f"serve it with a context of {2 * FEWEST_CONTEXT_TOKENS} or more; {_PAGE}",
        )


def context_tokens(listed: Any, model: str) -> int | None:
    """Return the size of the model's context, if the endpoint's list of models has it."""
    data = listed.get("data") if isinstance(listed, dict) else None
    entries = [entry for entry in data if isinstance(entry, dict)] if isinstance(data, list) else []
    # A server of one model answers to any name.
    named = [entry for entry in entries if entry.get("id") in (model, f"{model}:latest")]
    for entry in named or (entries if len(entries) == 1 else []):
        meta = entry.get("meta")
        for values in (entry, meta if isinstance(meta, dict) else {}):
            for key in _CONTEXT_KEYS:
                if isinstance(values.get(key), int):
                    return int(values[key])
    return None


def _summary(first_seconds: float, tokens: int, context: int | None) -> str:
    told = f"the first word came after {first_seconds:.1f} s"
    if tokens:
        told += f"; a conversation begins with {tokens} tokens"
    return told + (f" of {context}" if context and tokens else "")

"""An agent that is sent into a room where another was asks the caller what was said."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from livekit import api, rtc

from agent.languages import ENGLISH
from services.livekit_server.credentials import LiveKitCredentials
from services.protocol import (
    LONGEST_HISTORY_CHARACTERS,
    MOST_HISTORY_MESSAGES,
    TAKES_OVER,
    Method,
)
from tests.support.caller import Caller, room_token

if TYPE_CHECKING:
    from agent.runtime.worker import Worker

AGENT = "agent-under-test"
QUESTION = "what is two plus three"
HISTORY = [
    {"role": "assistant", "text": "Hello."},
    {"role": "user", "text": QUESTION},
    {"role": "assistant", "text": "That is five."},
]


async def greeting_of_a_second_agent(
    livekit: LiveKitCredentials, caller: Caller, room: str, history: Callable[[], str] | None
) -> str:
    """What the agent says first that is sent to a caller with that history."""
    await caller.join(
        livekit.url,
        room_token(livekit.api_key, livekit.api_secret, room, caller.identity, agent_name=None),
    )

    async def tell(_: rtc.RpcInvocationData) -> str:
        assert history is not None
        return history()

    if history is not None:
        caller.room.local_participant.register_rpc_method(Method.HISTORY, tell)
    async with api.LiveKitAPI(livekit.url, livekit.api_key, livekit.api_secret) as client:
        await client.agent_dispatch.create_dispatch(
            api.CreateAgentDispatchRequest(agent_name=AGENT, room=room, metadata=TAKES_OVER)
        )
    await caller.wait_for_agent()
    return (await caller.wait_for_transcript(1, of_agent=True))[0]


async def test_it_says_that_it_is_back_and_knows_what_was_said(
    livekit: LiveKitCredentials, worker: Worker
) -> None:
    async with Caller() as caller:
        told = json.dumps({"messages": HISTORY})
        assert (
            await greeting_of_a_second_agent(livekit, caller, "told", lambda: told) == ENGLISH.back
        )
        await caller.wait_for_silence()
        await caller.send_text("what did i say")
        assert QUESTION in (await caller.wait_for_transcript(2, of_agent=True))[1]


@pytest.mark.parametrize(
    "answer", [None, "", '{"messages": []}', '{"messages": [{"role": "system", "text": "x"}]}']
)
async def test_who_tells_nothing_is_greeted_as_a_new_caller(
    livekit: LiveKitCredentials, worker: Worker, answer: str | None
) -> None:
    async with Caller() as caller:
        history = None if answer is None else lambda: answer
        room = f"untold-{hash(answer)}"
        assert await greeting_of_a_second_agent(livekit, caller, room, history) == "Hello."


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "assistant", "text": "a" * 200_000}],
        [{"role": "assistant", "text": "a" * (LONGEST_HISTORY_CHARACTERS + 1)}],
        [{"role": "user", "text": "a"}] * 20_000,
        [{"role": "user", "text": "a"}] * (MOST_HISTORY_MESSAGES + 1),
    ],
    ids=["200 KB", "a character too many", "20,000 messages", "a message too many"],
)
async def test_a_history_beyond_its_bounds_is_not_taken_over(
    livekit: LiveKitCredentials, worker: Worker, messages: list[dict[str, str]]
) -> None:
    async with Caller() as caller:
        told = json.dumps({"messages": messages})
        room = f"boundless-{len(told)}"
        assert await greeting_of_a_second_agent(livekit, caller, room, lambda: told) == "Hello."

"""What a language model sends without measure is cut, and its callers need not wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from aiohttp import web

from agent.languages import ENGLISH
from agent.settings import Settings
from services.protocol import DONE, AgentState, Method, ParticipantAttribute
from tests.room.conftest import JoinRoom, serving
from tests.room.llm_endpoint import (
    ANSWER,
    Endpoint,
    Respond,
    answer,
    compressed_bomb,
    endless,
    endless_line,
    endless_reasoning,
    endpoint_in_thread,
    never_answer,
    one_huge_event,
)

if TYPE_CHECKING:
    from agent.runtime.worker import Worker
    from services.livekit_server.credentials import LiveKitCredentials
    from services.shared.engines import SharedEngines

AGENT = "agent-with-boundless-endpoint"
REQUEST = "tell me everything"
LIMIT = 100


@pytest.fixture(scope="module")
def boundless() -> Iterator[Endpoint]:
    with endpoint_in_thread() as endpoint:
        yield endpoint


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def worker(
    livekit: LiveKitCredentials, shared: SharedEngines, boundless: Endpoint
) -> AsyncIterator[Worker]:
    settings = Settings.model_validate(
        {
            "agent": {"name": AGENT, "greeting": "off", "dispatch": "explicit"},
            "limits": {"room_empty_seconds": 0.2, "loop_lag_seconds": 60.0},
            "llm": {
                "base_url": boundless.base_url,
                "model": "test",
                "max_reply_characters": LIMIT,
            },
        }
    )
    async with serving(settings, livekit, shared) as worker:
        yield worker


def to_request(respond: Respond) -> Respond:
    """Respond so to `REQUEST`, and to all others as ever."""

    async def either(response: web.StreamResponse, body: dict[str, Any]) -> None:
        asked = body["messages"][-1]["content"]
        await (respond if asked == REQUEST else answer)(response, body)

    return either


@pytest.mark.parametrize("respond", [endless, endless_line, endless_reasoning, one_huge_event])
async def test_a_reply_without_measure_is_cut_and_others_are_answered(
    respond: Respond, join_room: JoinRoom, worker: Worker, boundless: Endpoint
) -> None:
    boundless.respond = to_request(respond)
    flooded = await join_room(agent_name=AGENT, greeted=False)
    other = await join_room(agent_name=AGENT, greeted=False)
    await flooded.caller.send_text(REQUEST)
    await other.caller.send_text("what is it")
    assert await other.caller.wait_for_transcript(1, of_agent=True) == [ANSWER]
    (said,) = await flooded.caller.wait_for_transcript(1, of_agent=True)
    assert said == ENGLISH.llm_down or (respond is endless and len(said) <= LIMIT)
    await flooded.caller.send_text("what is it")
    assert (await flooded.caller.wait_for_transcript(2, of_agent=True))[1] == ANSWER


async def test_a_reply_that_is_still_being_thought_of_can_be_stopped(
    join_room: JoinRoom, worker: Worker, boundless: Endpoint
) -> None:
    boundless.respond = to_request(never_answer)
    call = await join_room(agent_name=AGENT, greeted=False)
    (agent,) = call.caller.room.remote_participants.values()

    async def until(state: AgentState) -> None:
        async with asyncio.timeout(20):
            while agent.attributes[ParticipantAttribute.STATE] != state:
                await asyncio.sleep(0.02)

    await call.caller.send_text(REQUEST)
    await until(AgentState.THINKING)
    stopped = await call.caller.room.local_participant.perform_rpc(
        destination_identity=agent.identity, method=Method.STOP, payload=""
    )
    assert stopped == DONE
    await until(AgentState.LISTENING)
    await call.caller.send_text("what is it")
    assert await call.caller.wait_for_transcript(1, of_agent=True) == [ANSWER]


async def test_compressed_answers_are_refused(
    join_room: JoinRoom, worker: Worker, boundless: Endpoint
) -> None:
    make: Callable[[], web.Response] = compressed_bomb
    boundless.instead = make
    try:
        call = await join_room(agent_name=AGENT, greeted=False)
        await call.caller.send_text("what is it")
        assert await call.caller.wait_for_transcript(1, of_agent=True) == [ENGLISH.llm_down]
    finally:
        boundless.recover()

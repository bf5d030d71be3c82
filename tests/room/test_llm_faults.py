"""A language model behind HTTP that is down, slow or cut off costs one answer, never the call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from aiohttp.web import StreamResponse
from livekit import rtc

from agent.languages import ENGLISH
from agent.session.typed_text import LONGEST_TYPED_CHARACTERS
from agent.settings import Settings
from services.protocol import NoticeKind
from tests.room.conftest import Call, JoinRoom, serving
from tests.room.llm_endpoint import (
    ANSWER,
    BEGINNING,
    Endpoint,
    Respond,
    answer,
    cut_off,
    end_the_call,
    never_answer,
    set_a_timer,
    stall,
)
from tests.support.network import destinations

if TYPE_CHECKING:
    from agent.runtime.worker import Worker
    from services.livekit_server.credentials import LiveKitCredentials
    from services.shared.engines import SharedEngines

AGENT = "agent-with-endpoint"
KEY = "key-of-the-endpoint"
QUESTION = "turn_05_en-us-f2.wav"
WORDS = "what time is it"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def port() -> AsyncIterator[Endpoint]:
    """An endpoint for the whole module, as its worker knows one address."""
    endpoint = Endpoint()
    await endpoint.up()
    yield endpoint
    await endpoint.down()


@pytest_asyncio.fixture(loop_scope="session")
async def endpoint(port: Endpoint) -> Endpoint:
    """The endpoint in good health."""
    port.recover()
    await port.up()
    port.requests.clear()
    return port


@pytest.fixture(scope="module")
def endpoint_settings(port: Endpoint) -> Settings:
    """Those of a worker with the endpoint."""
    return Settings.model_validate(
        {
            "agent": {"name": AGENT, "dispatch": "explicit", "greeting": "off"},
            # A busy machine makes loops late, and that is not what these tests are about.
            "limits": {"room_empty_seconds": 0.2, "loop_lag_seconds": 60.0},
            "llm": {
                "base_url": port.base_url,
                "model": "test",
                "api_key": KEY,
                "timeout_seconds": 1.0,
            },
        }
    )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def endpoint_worker(
    livekit: LiveKitCredentials, shared: SharedEngines, endpoint_settings: Settings
) -> AsyncIterator[Worker]:
    """A worker whose settings name the endpoint."""
    async with serving(endpoint_settings, livekit, shared) as worker:
        yield worker


@pytest_asyncio.fixture(loop_scope="session")
async def call(join_room: JoinRoom, endpoint_worker: Worker, endpoint: Endpoint) -> Call:
    """A caller in a room whose agent asks the endpoint."""
    return await join_room(agent_name=AGENT, greeted=False)


async def ask(call: Call, *, answers: int, aloud: bool = True) -> str:
    """Ask and hear it out; returns the agent's answer, the `answers`th of the call."""
    call.caller.sound_started.clear()
    if aloud:
        await call.say_file(QUESTION)
    else:
        await call.caller.send_text(WORDS)
    replies = await call.caller.wait_for_transcript(answers, of_agent=True)
    await asyncio.wait_for(call.caller.sound_started.wait(), 20)
    await call.caller.wait_for_silence()
    return replies[answers - 1]


async def test_the_endpoints_answer_is_spoken(call: Call, endpoint: Endpoint) -> None:
    assert await ask(call, answers=1) == ANSWER
    request = endpoint.requests[-1]
    assert request["messages"][-1] == {"role": "user", "content": WORDS}
    assert request["stream"] is True
    assert not call.caller.notices


async def test_a_hostile_length_of_typed_text_reaches_no_model_and_no_history(
    call: Call, endpoint: Endpoint
) -> None:
    await call.caller.send_text("what " * 10_000)
    await call.caller.wait_for_transcript(1, of_agent=True)
    typed = endpoint.requests[-1]["messages"][-1]["content"]
    assert typed == ("what " * 10_000)[:LONGEST_TYPED_CHARACTERS]


async def test_nobody_but_the_endpoint_is_asked(
    join_room: JoinRoom,
    endpoint_worker: Worker,
    endpoint: Endpoint,
    livekit: LiveKitCredentials,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    elsewhere = Endpoint()
    await elsewhere.up()
    try:
        monkeypatch.setenv("OPENAI_BASE_URL", elsewhere.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "key-of-the-environment")
        with destinations() as asked:
            call = await join_room(agent_name=AGENT, greeted=False)
            assert await ask(call, answers=1) == ANSWER
            endpoint.redirect_to = f"{elsewhere.base_url}/chat/completions"
            assert await ask(call, answers=2, aloud=False) == ENGLISH.llm_down
    finally:
        await elsewhere.down()
    assert endpoint.keys == {f"Bearer {KEY}"}
    assert not elsewhere.requests
    livekit_port = urlsplit(livekit.url).port
    assert asked <= {("127.0.0.1", endpoint.port), ("127.0.0.1", livekit_port)}


async def test_an_endpoint_that_is_down_is_excused_and_asked_again(
    call: Call, endpoint: Endpoint
) -> None:
    await endpoint.down()
    assert await ask(call, answers=1) == ENGLISH.llm_down
    await endpoint.up()
    await assert_excused_and_well_again(call, ENGLISH.llm_down)


async def test_an_endpoint_that_fails_is_excused_and_asked_again(
    call: Call, endpoint: Endpoint
) -> None:
    endpoint.status = 500
    assert await ask(call, answers=1) == ENGLISH.llm_down
    endpoint.recover()
    await assert_excused_and_well_again(call, ENGLISH.llm_down)


async def test_an_endpoint_that_never_answers_is_excused_and_asked_again(
    call: Call, endpoint: Endpoint
) -> None:
    endpoint.respond = never_answer
    assert await ask(call, answers=1) == ENGLISH.llm_slow
    endpoint.recover()
    await assert_excused_and_well_again(call, ENGLISH.llm_slow)


@pytest.mark.parametrize("respond", [cut_off, stall])
async def test_an_answer_that_breaks_off_is_spoken_so_far_and_excused(
    respond: Respond, call: Call, endpoint: Endpoint
) -> None:
    endpoint.respond = respond
    assert await ask(call, answers=1) == f"{BEGINNING}. {ENGLISH.llm_cut_off}"
    endpoint.recover()
    await assert_excused_and_well_again(call, ENGLISH.llm_cut_off)


async def assert_excused_and_well_again(call: Call, apology: str) -> None:
    assert await ask(call, answers=2, aloud=False) == ANSWER
    # Once, though an answer that was prepared while the caller still spoke failed as well.
    assert call.caller.notices == [{"kind": NoticeKind.LLM_UNAVAILABLE, "text": apology}]


async def test_a_caller_hears_that_the_model_is_being_woken(
    call: Call, endpoint: Endpoint, endpoint_worker: Worker, endpoint_settings: Settings
) -> None:
    profile = endpoint_worker.language_models.of(endpoint_settings).profile
    assert profile is not None
    profile.note_silence()
    heard = asyncio.Event()

    async def answer_once_heard(response: StreamResponse, body: dict[str, Any]) -> None:
        await heard.wait()
        await answer(response, body)

    endpoint.respond = answer_once_heard
    call.caller.sound_started.clear()
    await call.caller.send_text(WORDS)
    await asyncio.wait_for(call.caller.sound_started.wait(), 30)
    heard.set()
    replies = await call.caller.wait_for_transcript(1, of_agent=True)
    assert replies == [f"{ENGLISH.waking} {ANSWER}"]


async def test_a_tool_that_the_endpoint_calls_does_its_work(call: Call, endpoint: Endpoint) -> None:
    endpoint.respond = set_a_timer
    await call.say_file(QUESTION)
    replies = await call.caller.wait_for_transcript(2, of_agent=True)
    assert replies[0] == ANSWER
    assert "timer is done" in replies[1].lower()
    results = [m for m in endpoint.requests[-1]["messages"] if m["role"] == "tool"]
    assert "timer set" in results[-1]["content"].lower()


async def test_the_tool_that_ends_the_call_ends_it_once_the_goodbye_is_said(
    call: Call, endpoint: Endpoint
) -> None:
    reasons: list[int] = []
    call.caller.room.on("disconnected", reasons.append)
    endpoint.respond = end_the_call
    await call.say_file(QUESTION)
    assert await call.caller.wait_for_transcript(1, of_agent=True) == [ANSWER]
    async with asyncio.timeout(20):
        while not reasons:
            await asyncio.sleep(0.02)
    assert reasons == [rtc.DisconnectReason.ROOM_DELETED]
    assert call.caller.notices == [{"kind": NoticeKind.CALL_ENDED, "text": ENGLISH.call_ended}]

"""One worker with many agents: which one comes, how it speaks, and what it hands over to."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from aiohttp import web
from livekit import api
from livekit.protocol.agent_dispatch import RoomAgentDispatch
from livekit.protocol.room import RoomConfiguration

from agent.definitions.folder import AgentFolder
from agent.languages import phrases_in
from agent.settings import Settings
from agent.tools import registry
from services.admission import Refusal
from services.asr.config import ASRError, DecodeOptions
from services.asr.engine import StreamingASR
from services.asr.transcription import Transcription
from services.audio.samples import Samples
from services.inference import Run
from services.models import DEMO_ASR, DEMO_VOICE
from services.protocol import NoticeKind
from tests.room.llm_endpoint import ANSWER, Endpoint, always, calls, never_answer, says
from tests.support.caller import Caller

if TYPE_CHECKING:
    from agent.runtime.worker import Worker
    from services.livekit_server.credentials import LiveKitCredentials
    from services.shared.engines import SharedEngines

AGENT = "worker-with-agents"
EXAMPLES = Path(__file__).parents[2] / "examples"
SPEECH = Path(__file__).parents[1] / "speech"
TICK_NS = 1_000_000_000

_numbers = itertools.count(1)

Join = Callable[..., Awaitable[Caller]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def endpoint() -> AsyncIterator[Endpoint]:
    endpoint = Endpoint()
    await endpoint.up()
    yield endpoint
    await endpoint.down()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples, and an agent with a voice of its own."""
    folder = tmp_path_factory.mktemp("agents")
    shutil.copytree(EXAMPLES, folder, dirs_exist_ok=True)
    for suffix in ("", ".json"):
        shutil.copy(f"{DEMO_VOICE.model}{suffix}", folder / f"own-voice.onnx{suffix}")
    (folder / "loud.toml").write_text(
        f'greeting = "I am loud."\n[voice]\nname = "{folder}/own-voice.onnx"\nspeed = 1.5\n'
    )
    (folder / "broken.toml").write_text(
        'greeting = "I am broken."\n[mcp.missing]\ncommand = "no-such-program"\n'
        "[llm]\ntimeout_seconds = 30\n"
    )
    (folder / "tools" / "look_up.py").write_text(LOOK_UP.format(folder=str(folder)))
    (folder / "slow.toml").write_text(
        'greeting = "I am slow."\n[tools]\nfiles = "tools/look_up.py"\n'
        "[llm]\nslow_tool_seconds = 0.3\nmax_tool_characters = 1000\ntimeout_seconds = 30\n"
    )
    return folder


LOOK_UP = """
import time
from pathlib import Path
from agent.tools import tool

@tool()
def look_up(name: str) -> str:
    "Look something up, which takes until a file of that name is there."
    while not (Path({folder!r}) / name).exists():
        time.sleep(0.02)
    return "It was found. " * 1000
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def worker(
    livekit: LiveKitCredentials, shared: SharedEngines, endpoint: Endpoint, folder: Path
) -> AsyncIterator[Worker]:
    """A worker whose agents may be edited, as in `dev`."""
    from agent.runtime.supervisor import Supervisor
    from agent.runtime.worker import Worker
    from services.metrics import Metrics

    settings = Settings.model_validate(
        {
            "agent": {"name": AGENT, "dispatch": "explicit", "folder": folder},
            "limits": {
                "room_empty_seconds": 0.2,
                "loop_lag_seconds": 60.0,
                "circuit_failures": 1,
                "circuit_open_seconds": 600.0,
            },
            "llm": {"base_url": endpoint.base_url, "model": "test", "timeout_seconds": 2.0},
        }
    )
    supervisor = Supervisor(settings, shared, Metrics(), drain=None)
    agents = AgentFolder(settings, {})
    worker = Worker(settings, livekit, shared, supervisor, folder=agents, edited=True)
    await worker.start()
    yield worker
    await worker.aclose()
    supervisor.close()


@pytest_asyncio.fixture(loop_scope="session")
async def join(livekit: LiveKitCredentials, worker: Worker) -> AsyncIterator[Join]:
    """`await join(agent)` joins a new room, as a page does that asks for this agent."""
    async with AsyncExitStack() as stack:

        async def enter(
            agent: str = "",
            *,
            room: str = "",
            attribute: str = "",
            metadata: str = "",
            identity: str = "caller",
            answered: bool = True,
        ) -> Caller:
            caller = await stack.enter_async_context(Caller(identity))
            asked = metadata or (json.dumps({"agent": agent}) if agent else "")
            dispatch = RoomAgentDispatch(agent_name=AGENT, metadata=asked)
            room = room or f"agents-{next(_numbers)}"
            token = (
                api.AccessToken(livekit.api_key, livekit.api_secret)
                .with_identity(caller.identity)
                .with_grants(api.VideoGrants(room_join=True, room=room))
                .with_room_config(RoomConfiguration(agents=[dispatch]))
            )
            if attribute:
                token = token.with_attributes({"agent": attribute})
            await caller.join(livekit.url, token.to_jwt())
            if answered:
                await caller.wait_for_agent()
            return caller

        yield enter


async def first_words(caller: Caller) -> str:
    return (await caller.wait_for_transcript(1, of_agent=True))[0]


RECEPTION = "Hello, this is the reception."
SHOP = "Hello, what would you like?"
FRONT_DESK = "Hello, what is this about?"


@pytest.mark.parametrize(
    ("asked", "greeting"),
    [
        ({}, RECEPTION),
        ({"agent": "shop"}, SHOP),
        ({"metadata": "the owner's own"}, RECEPTION),
        ({"attribute": "shop"}, SHOP),
        ({"agent": "transfer", "attribute": "shop", "room": "reception-1"}, FRONT_DESK),
    ],
)
async def test_who_comes_is_asked_for_by_the_dispatch_or_the_caller(
    join: Join, asked: dict[str, str], greeting: str
) -> None:
    assert await first_words(await join(**asked)) == greeting


async def test_who_comes_goes_by_the_rooms_name(join: Join, folder: Path) -> None:
    (folder / "night.toml").write_text('greeting = "Good night."\nrooms = ["night-*"]')
    assert await first_words(await join(room="night-7")) == "Good night."


async def test_captions_keep_the_words_that_were_written(join: Join, folder: Path) -> None:
    greeting = "Entry is $5.99 from 7:30 on."
    (folder / "prices.toml").write_text(f'greeting = "{greeting}"')
    assert await first_words(await join("prices")) == greeting


async def test_an_unknown_agent_is_a_clear_sentence_and_the_end_of_the_call(join: Join) -> None:
    sentence = "There is no agent named nobody here."
    caller = await join("nobody")
    assert await first_words(caller) == sentence
    async with asyncio.timeout(20.0):
        while not any(notice["text"] == sentence for notice in caller.notices):
            await asyncio.sleep(0.02)


async def test_an_agent_in_python_answers_and_uses_its_own_tools(
    join: Join, endpoint: Endpoint
) -> None:
    endpoint.requests.clear()
    endpoint.respond = calls(("add_to_order", '{"item": "rolls", "number": 3}'))
    caller = await join("shop")
    assert await first_words(caller) == SHOP
    await caller.wait_for_silence()
    await caller.send_text("three rolls please")
    assert (await caller.wait_for_transcript(2, of_agent=True))[1] == ANSWER
    asked, answered = endpoint.requests[0], endpoint.requests[-1]
    assert asked["messages"][0]["content"].startswith("You take orders in a bakery.")
    assert [tool["function"]["name"] for tool in asked["tools"]] == ["add_to_order"]
    assert answered["messages"][-1]["content"] == "The order is now 3 rolls."
    endpoint.recover()


async def test_an_agent_answers_from_a_folder_of_texts(
    join: Join, endpoint: Endpoint, folder: Path
) -> None:
    caller = await join("library")
    assert (await first_words(caller)).startswith("Hello, what would you like to know")
    endpoint.respond = calls(("search_texts", '{"words": "sauna\\" OR NEAR("}'))
    found = "The sauna is on the roof."
    for number, told in enumerate(["The texts say nothing about that.", found], start=2):
        endpoint.requests.clear()
        await caller.send_text("is there a sauna")
        assert (await caller.wait_for_transcript(number, of_agent=True))[-1] == ANSWER
        assert endpoint.requests[-1]["messages"][-1]["content"] == told
        (folder / "texts" / "sauna.txt").write_text(found)
    endpoint.recover()


async def test_an_agent_remembers_a_caller_until_it_is_told_to_forget(
    join: Join, endpoint: Endpoint, folder: Path
) -> None:
    async def call(identity: str, greeting: str, act: tuple[str, str]) -> None:
        """Call, and have the model do so, amid the greeting."""
        endpoint.respond = calls(act)
        caller = await join("remember", identity=identity)
        await caller.wait_for_words(greeting)
        await caller.send_text("please do that")
        await caller.wait_for_words(ANSWER)
        await caller.leave()

    def instructions() -> str:
        return str(endpoint.requests[-1]["messages"][0]["content"])

    await call("ann", "Hello", ("remember", '{"fact": "allergic to nuts"}'))
    await call("bob", "Hello", ("remember", '{"fact": "fond of nuts"}'))
    assert "nuts" not in instructions()
    endpoint.requests.clear()
    await call("ann", "Welcome", ("forget_me", "{}"))
    assert "allergic to nuts" in str(endpoint.requests[0]["messages"][0]["content"])
    assert "nuts" not in instructions()
    memory = folder / "memory.sqlite3"
    assert memory.stat().st_mode & 0o777 == 0o600
    assert b"allergic" not in memory.read_bytes()
    assert b"fond of nuts" in memory.read_bytes()
    endpoint.recover()


async def test_an_agent_hands_the_call_over_to_another(join: Join, endpoint: Endpoint) -> None:
    endpoint.respond = calls(("transfer_to_billing", "{}"))
    caller = await join("transfer")
    assert await first_words(caller) == FRONT_DESK
    await caller.wait_for_silence()
    await caller.send_text("my bill is wrong")
    await caller.wait_for_words("This is the billing department.")
    endpoint.recover()
    endpoint.requests.clear()
    await caller.wait_for_silence()
    await caller.send_text("is it paid")
    async with asyncio.timeout(20.0):
        while not endpoint.requests:
            await asyncio.sleep(0.02)
    asked = endpoint.requests[0]
    assert asked["messages"][0]["content"].startswith("You answer questions about bills")
    # The second agent is attended as the first one was.
    endpoint.respond = never_answer
    await caller.wait_for_silence()
    await caller.send_text("are you there")
    await caller.wait_for_words(phrases_in("en").llm_slow)
    endpoint.recover()


async def test_an_agent_uses_the_tools_of_its_mcp_server(
    join: Join, endpoint: Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint.requests.clear()
    endpoint.respond = calls(("free_rooms", '{"kind": "single"}'))
    with caplog.at_level(logging.INFO, "agent.mcp"):
        caller = await join("hotel")
        assert await first_words(caller) == "Hello, this is the hotel."
        await caller.wait_for_silence()
        async with asyncio.timeout(60.0):
            while "MCP server connected" not in caplog.messages:
                await asyncio.sleep(0.02)
    await caller.send_text("is a single room free")
    assert (await caller.wait_for_transcript(2, of_agent=True))[1] == ANSWER
    asked, answered = endpoint.requests[0], endpoint.requests[-1]
    assert {tool["function"]["name"] for tool in asked["tools"]} == {"end_call", "free_rooms"}
    assert answered["messages"][-1]["content"] == "3 single rooms are free tonight."
    assert NoticeKind.TOOLS_UNAVAILABLE not in [notice["kind"] for notice in caller.notices]
    endpoint.recover()


async def test_a_server_that_is_down_is_a_notice_and_the_call_goes_on(
    join: Join, endpoint: Endpoint
) -> None:
    caller = await join("broken")
    assert await first_words(caller) == "I am broken."
    async with asyncio.timeout(60.0):
        while not caller.notices:
            await asyncio.sleep(0.02)
    await caller.wait_for_silence()
    await caller.send_text("what is the weather like")
    await caller.wait_for_words(ANSWER, 60.0)
    told = {"kind": NoticeKind.TOOLS_UNAVAILABLE, "text": phrases_in("en").tools_down}
    assert caller.notices == [told], "it was told more than once, or not at all"


@pytest.mark.parametrize("how", ["typed", "spoken"])
async def test_a_slow_tool_is_announced_once_and_can_be_talked_over(
    join: Join,
    endpoint: Endpoint,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    how: str,
) -> None:
    monkeypatch.setattr(registry, "DEADLINE_SECONDS", 600.0)
    found = f"found-{how}"

    async def respond(response: web.StreamResponse, body: dict[str, Any]) -> None:
        last = body["messages"][-1]
        if last["role"] == "user" and last["content"] == "look it up":
            await calls(("look_up", json.dumps({"name": found})))(response, body)
        elif any("It was found." in (m["content"] or "") for m in body["messages"]):
            await always(says("Here it is."))(response, body)
        else:
            await always(says("I am here."))(response, body)

    endpoint.requests.clear()
    endpoint.respond = respond
    caller = await join("slow")
    await caller.wait_for_greeting()
    await caller.send_text("look it up")
    moment = phrases_in("en").one_moment
    await caller.wait_for_words(moment, 60.0)
    # The tool does not end before the caller was answered.
    if how == "typed":
        await caller.send_text("are you there")
    else:
        await caller.say_file(SPEECH / "turn_15_kal16.wav")
    await caller.wait_for_words("I am here.", 60.0)
    (folder / found).touch()
    await caller.wait_for_words("Here it is.", 60.0)
    assert sum(moment.startswith(said) for said in caller.transcripts(of_agent=True)) <= 1
    assert not [text for text in caplog.messages if "not done in time" in text], (
        "the caller's words waited for the tool, until the framework gave it up"
    )
    (result,) = (
        message["content"]
        for message in endpoint.requests[-1]["messages"]
        if message["role"] == "tool"
    )
    assert len(result) == 1000
    assert result.endswith("… [cut: 14000 characters in all]")
    endpoint.recover()


@pytest.mark.own_copy
async def test_an_agents_own_voice_is_loaded_for_its_rooms_and_idle_after_them(
    join: Join, folder: Path, shared: SharedEngines
) -> None:
    voice = shared.voice([f"{folder}/own-voice.onnx"])
    callers = await asyncio.gather(join("loud"), join("loud"))
    assert [await first_words(caller) for caller in callers] == ["I am loud."] * 2
    for caller in callers:
        await caller.wait_for_greeting()
    assert voice.loads == 1
    assert shared.unload_idle() is None
    assert "voice model own-voice" in {used.part for used in shared.in_use}
    for caller in callers:
        await caller.leave()
    async with asyncio.timeout(20.0):
        while voice.users:
            await asyncio.sleep(0.02)
    assert shared.unload_idle() == "own-voice"


@pytest.mark.own_copy
async def test_a_recogniser_that_is_out_of_service_closes_the_door_to_its_agents_alone(
    join: Join, folder: Path, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    ears = folder / "own-ears"
    shutil.copytree(DEMO_ASR.folder, ears)
    (folder / "deaf.toml").write_text(f'[recogniser]\nmodel = "{ears}"')
    real = StreamingASR.decode

    def broken(
        self: StreamingASR, samples: Samples, options: DecodeOptions, run: Run, **times: float
    ) -> Transcription:
        if self.config.name == ears.name:
            raise ASRError("broken for the test")
        return real(self, samples, options, run, **times)

    caller = await join("deaf")
    await caller.wait_for_greeting()
    monkeypatch.setattr(StreamingASR, "decode", broken)
    await caller.say_file(SPEECH / "turn_15_kal16.wav")
    async with asyncio.timeout(20.0):
        while not caller.notices:
            await asyncio.sleep(0.02)
    # By the first failure, which may be that of an interim transcript, it is out of service.
    phrases = phrases_in("en")
    assert caller.notices[0]["text"] in (phrases.did_not_catch, phrases.cannot_hear)
    assert worker.model_notices()[-1] == "Out of service for a while: asr own-ears."
    assert worker.refusal == ""
    await join("deaf", answered=False)
    async with asyncio.timeout(20.0):
        while Refusal.ASR_UNAVAILABLE not in worker._admission.answers:
            await asyncio.sleep(0.02)
    assert await first_words(await join("shop")) == SHOP


async def test_an_edit_counts_from_the_next_call_on(join: Join, folder: Path) -> None:
    file = folder / "edited.toml"
    for number, (text, greeting) in enumerate(
        [
            ('greeting = "One."', "One."),
            ('greeting = "Two."', "Two."),
            ('greeting = "Three.', "Two."),
            ('greeting = "Four."', "Four."),
        ]
    ):
        file.write_text(text)
        os.utime(file, ns=(number * TICK_NS, number * TICK_NS))
        assert await first_words(await join("edited")) == greeting

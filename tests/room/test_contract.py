"""The wire of `services.protocol`, held by the real agent and by the stand-in of the page's tests.

What the page is tested with must be what it meets: each test here runs against both.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from livekit import api, rtc

from agent.settings import Settings
from services.livekit_server.credentials import LiveKitCredentials
from services.protocol import (
    DONE,
    NOT_ALLOWED,
    TAKES_OVER,
    AgentInfo,
    AgentState,
    History,
    HistoryMessage,
    Method,
    Notice,
    NoticeKind,
    ParticipantAttribute,
    Pong,
    StreamAttribute,
    Topic,
    Turn,
)
from services.web.http.errors import ApiError
from services.web.routes.dispatch import Redispatcher
from services.web.routes.tokens import Holder
from tests.browser.deployment import AgentNursery
from tests.room.contract_agents import HEARD_WORDS, Subject, real_agent, stand_in_agent
from tests.support.caller import Caller, room_token
from tests.support.word_errors import without_numbers

if TYPE_CHECKING:
    from services.shared.engines import SharedEngines

PATIENCE_SECONDS = 30.0
LISTENING = AgentState.LISTENING
PROBLEMS = [
    kind
    for kind in NoticeKind
    # That of tools needs an agent with an MCP server: test_mcp.py.
    if kind not in (NoticeKind.CALL_ENDED, NoticeKind.TOOLS_UNAVAILABLE)
]

_numbers = itertools.count(1)


@dataclass
class Stream:
    """One text stream as it came."""

    topic: str
    sender: str
    attributes: dict[str, str]
    text: str


@dataclass
class Witness:
    """A listener in the room: keeps all streams that come, and who has left why."""

    room: rtc.Room = field(default_factory=rtc.Room)
    streams: list[Stream] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    left: list[str] = field(default_factory=list)
    reason: int | None = None
    """Why the room was left, once it was."""

    async def join(self, url: str, token: str) -> None:
        for topic in Topic:
            self.room.register_text_stream_handler(topic, self._on_stream)
        self.room.on("participant_disconnected", lambda who: self.left.append(who.identity))
        self.room.on("disconnected", self._on_disconnected)
        await self.room.connect(url, token)

    async def leave(self) -> None:
        await self.room.disconnect()
        for task in self.tasks:
            task.cancel()

    def of(self, topic: Topic) -> list[Stream]:
        return [stream for stream in self.streams if stream.topic == topic]

    def notices(self) -> list[Notice]:
        return [Notice.decode(stream.text) for stream in self.of(Topic.NOTICE)]

    def _on_disconnected(self, reason: int) -> None:
        self.reason = reason

    def _on_stream(self, reader: rtc.TextStreamReader, sender: str) -> None:
        task = asyncio.create_task(self._read(reader, sender))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _read(self, reader: rtc.TextStreamReader, sender: str) -> None:
        text = await reader.read_all()
        attributes = dict(reader.info.attributes or {})
        self.streams.append(Stream(reader.info.topic, sender, attributes, text))


@dataclass
class Scene:
    """A speaker, a listener and an agent in one room."""

    name: str
    caller: Caller
    witness: Witness
    agent: rtc.RemoteParticipant

    async def command(self, who: rtc.Room, method: Method) -> str:
        return await who.local_participant.perform_rpc(
            destination_identity=self.agent.identity, method=method, payload=""
        )


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not true():
            await asyncio.sleep(0.02)


@pytest.fixture(scope="module")
def nursery() -> Iterator[AgentNursery]:
    nursery = AgentNursery()
    yield nursery
    nursery.close()


@pytest_asyncio.fixture(params=["real", "stand-in"], loop_scope="session")
async def subject(
    request: pytest.FixtureRequest,
    livekit: LiveKitCredentials,
    shared: SharedEngines,
    settings: Settings,
    nursery: AgentNursery,
) -> AsyncIterator[Subject]:
    """Each agent in turn."""
    agent = (
        real_agent(livekit, shared, settings)
        if request.param == "real"
        else stand_in_agent(livekit, nursery)
    )
    async with agent as subject:
        yield subject


JoinScene = Callable[..., Awaitable[Scene]]
TakesOver = Callable[[rtc.Room, rtc.Room], None]
"""Prepares the rooms of speaker and listener for an agent that comes after another."""


@pytest_asyncio.fixture(loop_scope="session")
async def join(livekit: LiveKitCredentials, subject: Subject) -> AsyncIterator[JoinScene]:
    """`await join()` opens a room with speaker, listener and an agent that has greeted."""
    async with AsyncExitStack() as stack:

        def token(room: str, identity: str, agent_name: str | None) -> str:
            return room_token(
                livekit.api_key, livekit.api_secret, room, identity, agent_name=agent_name
            )

        async def join_scene(*, takes_over: TakesOver | None = None) -> Scene:
            room = f"contract-{next(_numbers)}"
            caller = await stack.enter_async_context(Caller())
            witness = Witness()
            name = None if takes_over else subject.name
            await caller.join(livekit.url, token(room, caller.identity, name))
            stack.push_async_callback(witness.leave)
            if takes_over:
                await witness.join(livekit.url, token(room, "listener", None))
                takes_over(caller.room, witness.room)
                async with api.LiveKitAPI(
                    livekit.url, livekit.api_key, livekit.api_secret
                ) as client:
                    await client.agent_dispatch.create_dispatch(
                        api.CreateAgentDispatchRequest(
                            agent_name=subject.name, room=room, metadata=TAKES_OVER
                        )
                    )
            agent = await caller.wait_for_agent()
            await caller.wait_for_greeting()
            # What is awaited next would otherwise be taken for the greeting's.
            await until(lambda: agent.attributes[ParticipantAttribute.STATE] == LISTENING)
            if not takes_over:
                await witness.join(livekit.url, token(room, "listener", None))
            return Scene(room, caller, witness, agent)

        yield join_scene


async def test_it_shows_what_it_is_and_what_it_does(subject: Subject, join: JoinScene) -> None:
    scene = await join()
    assert scene.agent.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
    info = AgentInfo.decode(scene.agent.attributes[ParticipantAttribute.INFO])
    assert info.asr is not None
    assert info.asr.demo
    assert info.llm == "builtin"
    state = ParticipantAttribute.STATE
    await until(lambda: scene.agent.attributes[state] == AgentState.LISTENING)
    await subject.talk_long(scene.caller)
    await until(lambda: scene.agent.attributes[state] == AgentState.SPEAKING)


async def test_its_words_are_segments_under_its_own_identity(
    subject: Subject, join: JoinScene
) -> None:
    scene = await join()
    await subject.answer(scene.caller)
    await scene.caller.wait_for_transcript(2, of_agent=True)
    await until(lambda: bool(scene.witness.of(Topic.TRANSCRIPTION)))
    said = scene.witness.of(Topic.TRANSCRIPTION)
    assert {stream.sender for stream in said} == {scene.agent.identity}
    assert all(stream.attributes[StreamAttribute.FINAL] == "true" for stream in said)
    assert len({stream.attributes[StreamAttribute.SEGMENT] for stream in said}) == len(said)


async def test_the_callers_words_come_under_the_callers_identity_and_are_answered_in_time(
    subject: Subject, join: JoinScene
) -> None:
    scene = await join()
    await subject.listen(scene.caller)
    [heard] = await scene.caller.wait_for_transcript(1, of_agent=False)
    assert without_numbers(heard) == without_numbers(HEARD_WORDS)
    streams = [s for s in scene.witness.of(Topic.TRANSCRIPTION) if s.sender == "caller"]
    finals = [s for s in streams if s.attributes[StreamAttribute.FINAL] == "true"]
    assert [s.text.strip() for s in finals if s.text.strip()] == [heard]
    tracks = {p.sid for p in scene.caller.room.local_participant.track_publications.values()}
    assert {s.attributes[StreamAttribute.TRACK] for s in streams} == tracks
    assert len({s.attributes[StreamAttribute.SEGMENT] for s in streams if s.text.strip()}) == 1
    await until(lambda: bool(scene.witness.of(Topic.TURN)))
    turns = [Turn.decode(stream.text) for stream in scene.witness.of(Topic.TURN)]
    assert {stream.sender for stream in scene.witness.of(Topic.TURN)} == {scene.agent.identity}
    assert turns[-1].response_seconds is not None
    assert turns[-1].wait_reason is not None


@pytest.mark.parametrize("kind", PROBLEMS)
async def test_each_problem_is_a_notice(
    kind: NoticeKind, subject: Subject, join: JoinScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = await join()
    await subject.complain(scene.caller, kind, monkeypatch)
    await until(lambda: kind in [notice.kind for notice in scene.witness.notices()])
    assert all(notice.text for notice in scene.witness.notices())
    assert {stream.sender for stream in scene.witness.of(Topic.NOTICE)} == {scene.agent.identity}


async def test_a_speaker_stops_it_and_has_it_repeat_itself(
    subject: Subject, join: JoinScene
) -> None:
    scene = await join()
    speaker = scene.caller.room
    assert await scene.command(speaker, Method.PING) == Pong.SERVES
    await subject.talk_long(scene.caller)
    await until(lambda: scene.agent.attributes[ParticipantAttribute.STATE] == AgentState.SPEAKING)
    assert await scene.command(speaker, Method.STOP) == DONE
    await until(lambda: scene.agent.attributes[ParticipantAttribute.STATE] == AgentState.LISTENING)
    await scene.caller.wait_for_silence()
    await subject.answer(scene.caller)
    replies = await scene.caller.wait_for_transcript(3, of_agent=True)
    await scene.caller.wait_for_silence()
    assert await scene.command(speaker, Method.REPEAT) == DONE
    assert (await scene.caller.wait_for_transcript(4, of_agent=True))[3] == replies[2]


async def test_a_listener_may_ask_whether_it_serves_and_command_nothing(
    subject: Subject, join: JoinScene
) -> None:
    scene = await join()
    await subject.talk_long(scene.caller)
    await until(lambda: scene.agent.attributes[ParticipantAttribute.STATE] == AgentState.SPEAKING)
    listener = scene.witness.room
    assert await scene.command(listener, Method.PING) == Pong.SERVES
    for method in (Method.STOP, Method.REPEAT):
        with pytest.raises(rtc.RpcError) as refused:
            await scene.command(listener, method)
        assert refused.value.code == NOT_ALLOWED
    assert scene.agent.attributes[ParticipantAttribute.STATE] == AgentState.SPEAKING


async def test_one_that_takes_over_asks_the_speaker_what_was_said_and_nobody_else(
    subject: Subject, join: JoinScene
) -> None:
    asked: list[str] = []

    def tell(speaker: rtc.Room, listener: rtc.Room) -> None:
        for room in (listener, speaker):
            identity = room.local_participant.identity

            async def answer(_: rtc.RpcInvocationData, who: str = identity) -> str:
                asked.append(who)
                return History((HistoryMessage("user", "what is two plus three"),)).encode()

            room.local_participant.register_rpc_method(Method.HISTORY, answer)

    scene = await join(takes_over=tell)
    assert asked == [scene.caller.identity]


async def ask_for_an_agent(livekit: LiveKitCredentials, subject: Subject, scene: Scene) -> str:
    """What the page's server answers to the caller who asks for a new agent."""
    redispatcher = Redispatcher(livekit, subject.name)
    try:
        return (await redispatcher.request(Holder(scene.name, scene.caller.identity))).state
    except ApiError as error:
        return error.code
    finally:
        await redispatcher.aclose()


async def test_a_call_that_was_ended_is_over_for_everybody_and_brings_no_other_agent(
    subject: Subject, join: JoinScene, livekit: LiveKitCredentials
) -> None:
    scene = await join()
    assert await ask_for_an_agent(livekit, subject, scene) == "present"
    await subject.hang_up(scene.caller)
    await until(lambda: bool(scene.witness.of(Topic.NOTICE)))
    [notice] = scene.witness.notices()
    assert notice.kind is NoticeKind.CALL_ENDED
    assert notice.text
    # While it is still there, and when it is not.
    assert await ask_for_an_agent(livekit, subject, scene) in ("ended", "not_in_room")
    await until(lambda: scene.witness.reason is not None)
    assert scene.witness.reason == rtc.DisconnectReason.ROOM_DELETED
    assert await ask_for_an_agent(livekit, subject, scene) == "not_in_room"


async def test_one_that_is_stopped_leaves_without_a_farewell_and_another_may_come(
    subject: Subject, join: JoinScene, livekit: LiveKitCredentials
) -> None:
    scene = await join()
    await subject.quit(scene.caller)
    await until(lambda: scene.agent.identity in scene.witness.left)
    assert scene.witness.notices() == []
    assert scene.witness.reason is None
    assert await ask_for_an_agent(livekit, subject, scene) == "dispatched"


async def test_it_leaves_once_nobody_is_there(
    subject: Subject, join: JoinScene, livekit: LiveKitCredentials
) -> None:
    scene = await join()
    await scene.caller.leave()
    await scene.witness.leave()
    async with api.LiveKitAPI(livekit.url, livekit.api_key, livekit.api_secret) as client:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await present(client, scene.name):
                await asyncio.sleep(0.05)


async def present(client: api.LiveKitAPI, room: str) -> list[str]:
    listed = await client.room.list_participants(api.ListParticipantsRequest(room=room))
    return [participant.identity for participant in listed.participants]

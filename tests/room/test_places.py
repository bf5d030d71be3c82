"""Who gets an agent, with any client: at once in a new room, and in turn where all were busy."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from livekit import api, rtc

from services.livekit_server.rooms import LiveKitRooms
from services.protocol import Method, Pong
from services.web.routes.dispatch import Redispatcher
from services.web.routes.tokens import Holder
from tests.room.conftest import serving
from tests.support.caller import Caller, room_token

if TYPE_CHECKING:
    from agent.runtime.worker import Worker
    from agent.settings import Settings
    from services.livekit_server.credentials import LiveKitCredentials
    from services.shared.engines import SharedEngines

AGENT = "agent-with-places"
PLACES = 5
AT_A_TIME = 3
CALLS = 18
SOON_SECONDS = 30.0

_numbers = itertools.count(1)

Start = Callable[..., AbstractAsyncContextManager["Worker"]]
Join = Callable[..., AbstractAsyncContextManager[Caller]]


@pytest.fixture
def start(livekit: LiveKitCredentials, shared: SharedEngines, settings: Settings) -> Start:
    """`async with start(places)`: a worker with so many places."""

    def make(
        places: int, *, dispatch: str = "explicit", empty_seconds: float = 5.0
    ) -> AbstractAsyncContextManager[Worker]:
        limits = settings.limits.model_copy(
            update={"max_rooms": places, "room_empty_seconds": empty_seconds}
        )
        agent = settings.agent.model_copy(update={"name": AGENT, "dispatch": dispatch})
        changed = settings.model_copy(update={"limits": limits, "agent": agent})
        return serving(changed, livekit, shared)

    return make


@pytest.fixture
def join(livekit: LiveKitCredentials) -> Join:
    """`async with join(room)`: somebody in a room, who may have no agent yet."""

    @asynccontextmanager
    async def enter(
        room: str, identity: str = "caller", *, agent_name: str | None = AGENT
    ) -> AsyncIterator[Caller]:
        async with Caller(identity) as caller:
            key, secret = livekit.api_key, livekit.api_secret
            token = room_token(key, secret, room, identity, agent_name=agent_name)
            await caller.join(livekit.url, token)
            yield caller

    return enter


@pytest_asyncio.fixture(loop_scope="session")
async def rooms(livekit: LiveKitCredentials) -> AsyncIterator[LiveKitRooms]:
    """What the server says of its rooms."""
    asked = LiveKitRooms(livekit)
    yield asked
    await asked.aclose()


@pytest.fixture
def room() -> str:
    """The name of a room of its own."""
    return f"places-{next(_numbers)}"


def has_agent(caller: Caller) -> bool:
    agent = rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
    return any(one.kind == agent for one in caller.room.remote_participants.values())


async def refused(worker: Worker, room: str) -> None:
    """Until the worker knows that somebody waits in that room."""
    async with asyncio.timeout(SOON_SECONDS):
        while room not in worker.waiting:
            await asyncio.sleep(0.02)


async def answers(caller: Caller) -> None:
    """Fail where the agent does not answer."""
    await caller.send_text("what is two plus three")
    await caller.wait_for_words("five")


async def test_callers_who_come_and_go_all_get_an_agent(start: Start, join: Join) -> None:
    numbers = iter(range(CALLS))

    async def call_on_and_on() -> None:
        for number in numbers:
            async with join(f"come-and-go-{number}") as caller:
                await caller.wait_for_agent(SOON_SECONDS)

    async with start(PLACES) as worker:
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_A_TIME):
                group.create_task(call_on_and_on())
        assert not worker.waiting


async def test_who_waits_gets_the_next_place_in_turn(start: Start, join: Join, room: str) -> None:
    async with start(1) as worker, join(f"{room}-3") as third:
        # Whoever came first has the place, and the two others wait in the order of their coming.
        await third.wait_for_agent()
        async with join(f"{room}-1") as first:
            await refused(worker, f"{room}-1")
            async with join(f"{room}-2") as second:
                await refused(worker, f"{room}-2")
                await third.leave()
                await first.wait_for_agent(SOON_SECONDS)
                assert not has_agent(second)
                await first.leave()
                await second.wait_for_agent(SOON_SECONDS)
                await answers(second)


async def test_who_has_given_up_waiting_keeps_nobody_from_the_place(
    start: Start, join: Join, room: str
) -> None:
    async with start(1) as worker, join(f"{room}-served") as served:
        await served.wait_for_agent()
        async with join(f"{room}-gone"):
            await refused(worker, f"{room}-gone")
        async with join(f"{room}-waits") as waits:
            await refused(worker, f"{room}-waits")
            await served.leave()
            await waits.wait_for_agent(SOON_SECONDS)
            await answers(waits)


async def test_a_room_that_nobody_is_in_makes_way_at_once(
    start: Start, join: Join, room: str
) -> None:
    # Nobody would come back within the time of this test.
    async with start(1, empty_seconds=600.0) as worker:
        async with join(f"{room}-left") as caller:
            await caller.wait_for_agent()
        async with join(f"{room}-new") as caller:
            await caller.wait_for_agent(SOON_SECONDS)
            assert worker.rooms <= 2
            await answers(caller)


async def test_any_client_gets_the_agent_in_a_new_room(start: Start, join: Join, room: str) -> None:
    async with start(1, dispatch="auto"), join(room, agent_name=None) as caller:
        await caller.wait_for_agent()
        await answers(caller)


@pytest.mark.parametrize("dispatch", ["auto", "explicit"])
async def test_a_new_agent_comes_for_one_that_is_lost(
    start: Start,
    join: Join,
    rooms: LiveKitRooms,
    livekit: LiveKitCredentials,
    dispatch: str,
    room: str,
) -> None:
    name = AGENT if dispatch == "explicit" else ""
    redispatcher = Redispatcher(livekit, name)
    async with start(2, dispatch=dispatch), join(room, agent_name=name or None) as caller:
        agent = await caller.wait_for_agent()
        await rooms.remove(room, agent.identity)
        async with asyncio.timeout(SOON_SECONDS):
            while has_agent(caller):
                await asyncio.sleep(0.02)
        await redispatcher.request(Holder(room, caller.identity))
        await redispatcher.aclose()
        await caller.wait_for_agent(SOON_SECONDS)
        await answers(caller)


@pytest.mark.parametrize("dispatch", ["auto", "explicit"])
async def test_who_comes_back_to_a_room_that_the_agent_has_left_gets_one(
    start: Start, join: Join, rooms: LiveKitRooms, dispatch: str, room: str
) -> None:
    name = AGENT if dispatch == "explicit" else None
    async with (
        start(1, dispatch=dispatch, empty_seconds=0.2) as worker,
        join(room, "stays", agent_name=name) as caller,
    ):
        await caller.wait_for_agent()
        await caller.leave()
        async with asyncio.timeout(SOON_SECONDS):
            while worker.rooms or (await rooms.people(room)).agents:
                await asyncio.sleep(0.02)
        async with join(room, "again", agent_name=name) as again:
            await again.wait_for_agent(SOON_SECONDS)
            await answers(again)


async def test_an_agent_that_comes_while_one_that_leaves_is_asked_stays(
    join: Join, rooms: LiveKitRooms, livekit: LiveKitCredentials, room: str
) -> None:
    leaving, arriving = rtc.Room(), rtc.Room()

    async def answer(_: rtc.RpcInvocationData) -> str:
        await arriving.connect(livekit.url, agent_token(livekit, room, "arriving"))
        return Pong.LEAVES

    redispatcher = Redispatcher(livekit, AGENT)
    async with join(room, agent_name=None) as caller:
        await leaving.connect(livekit.url, agent_token(livekit, room, "leaving"))
        leaving.local_participant.register_rpc_method(Method.PING, answer)
        async with asyncio.timeout(SOON_SECONDS):
            while not is_active((await rooms.people(room)).agents.get("leaving")):
                await asyncio.sleep(0.02)
        answered = await redispatcher.request(Holder(room, caller.identity))
        await redispatcher.aclose()
        await leaving.disconnect()
        await arriving.disconnect()
    assert answered.state == "present"


async def test_callers_who_come_back_to_an_agent_that_leaves_are_left_to_its_worker_at_first(
    join: Join, rooms: LiveKitRooms, livekit: LiveKitCredentials, room: str
) -> None:
    leaving = rtc.Room()
    now = [1000.0]

    async def answer(_: rtc.RpcInvocationData) -> str:
        return Pong.LEAVES

    redispatcher = Redispatcher(livekit, AGENT, clock=lambda: now[0])
    async with join(room, agent_name=None) as caller:
        await leaving.connect(livekit.url, agent_token(livekit, room, "leaving"))
        leaving.local_participant.register_rpc_method(Method.PING, answer)
        async with asyncio.timeout(SOON_SECONDS):
            while not is_active((await rooms.people(room)).agents.get("leaving")):
                await asyncio.sleep(0.02)
        holder = Holder(room, caller.identity)
        states = []
        for _ in range(2):
            answered = await redispatcher.request(holder)
            states.append(answered.state)
            now[0] += answered.retry_after_seconds
        await redispatcher.aclose()
        await leaving.disconnect()
    # The worker may be ending too, so that it sends no other.
    assert states == ["waiting", "dispatched"]


def is_active(agent: api.ParticipantInfo | None) -> bool:
    return agent is not None and agent.state == api.ParticipantInfo.State.ACTIVE


def agent_token(livekit: LiveKitCredentials, room: str, identity: str) -> str:
    """The token of an agent as a worker has it."""
    grants = api.VideoGrants(room_join=True, room=room, agent=True)
    token = api.AccessToken(livekit.api_key, livekit.api_secret).with_identity(identity)
    return token.with_kind("agent").with_grants(grants).to_jwt()

"""A new agent for a room that lost its own: asked for over HTTP, given by a real LiveKit."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from livekit import api, rtc

from services.livekit_server.credentials import LiveKitCredentials
from services.protocol import AgentState, Method, ParticipantAttribute, Pong, Topic
from services.web.http.errors import ApiError
from services.web.routes.dispatch import Redispatcher
from services.web.routes.tokens import Holder, TokenIssuer
from tests.browser.deployment import Deployment, LoopThread

pytestmark = pytest.mark.browser

WAIT_SECONDS = 45.0


@pytest.fixture(autouse=True)
def web_address(deployment: Deployment) -> str:
    """Address of the deployment's web server."""
    return deployment.start_web()


@pytest.fixture
def caller(loop_thread: LoopThread) -> Iterator[rtc.Room]:
    async def make() -> rtc.Room:
        return rtc.Room()

    room = loop_thread.run(make())
    yield room
    loop_thread.run(room.disconnect())


def post(deployment: Deployment, path: str, body: object) -> tuple[int, Any]:
    assert deployment.web is not None
    request = urllib.request.Request(
        deployment.web.address + path,
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def agents_in(room: rtc.Room) -> list[str]:
    kind = rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
    return [p.identity for p in room.remote_participants.values() if p.kind == kind]


def wait_for_agent(room: rtc.Room) -> str:
    """The identity of the agent that comes with the token, once it listens."""

    def listens() -> bool:
        states = [
            participant.attributes.get(ParticipantAttribute.STATE)
            for participant in room.remote_participants.values()
        ]
        return states == [AgentState.LISTENING]

    wait_until(listens)
    [identity] = agents_in(room)
    return identity


def ask_until(deployment: Deployment, token: str, true: Callable[[], bool]) -> None:
    """Ask for an agent as the page does, with the pauses that it is told, until it is there."""
    next_ask = 0.0

    def ask_and_look() -> bool:
        nonlocal next_ask
        if time.monotonic() >= next_ask:
            _, answer = post(deployment, "/api/dispatch", {"token": token})
            next_ask = time.monotonic() + answer["retry_after_seconds"]
        return true()

    wait_until(ask_and_look)


def join(deployment: Deployment, caller: rtc.Room, loop_thread: LoopThread) -> dict[str, Any]:
    _, grant = post(deployment, "/api/token", {})
    loop_thread.run(caller.connect(grant["url"], grant["token"]))
    granted: dict[str, Any] = grant
    return granted


def test_a_room_without_an_agent_gets_one_and_only_one(
    deployment: Deployment, caller: rtc.Room, loop_thread: LoopThread
) -> None:
    grant = join(deployment, caller, loop_thread)
    deployment.start_agent()
    status, answer = post(deployment, "/api/dispatch", {"token": grant["ticket"]})
    assert (status, answer["state"]) == (200, "dispatched")
    _, again = post(deployment, "/api/dispatch", {"token": grant["token"]})
    assert again["state"] in ("waiting", "present")
    assert again["retry_after_seconds"] > 0
    ask_until(deployment, grant["ticket"], lambda: len(agents_in(caller)) == 1)
    _, there = post(deployment, "/api/dispatch", {"token": grant["ticket"]})
    assert there["state"] == "present"
    assert len(agents_in(caller)) == 1


def test_an_agent_that_answers_nobody_is_removed_first(
    deployment: Deployment, caller: rtc.Room, loop_thread: LoopThread
) -> None:
    first = deployment.start_agent()
    grant = join(deployment, caller, loop_thread)
    ask_until(deployment, grant["ticket"], lambda: len(agents_in(caller)) == 1)
    [dead] = agents_in(caller)
    first.kill()
    deployment.start_agent()
    body = {"token": grant["ticket"], "unresponsive": dead}
    wait_until(lambda: post(deployment, "/api/dispatch", body)[1]["state"] == "dispatched")

    def is_replaced() -> bool:
        return len(agents_in(caller)) == 1 and agents_in(caller) != [dead]

    ask_until(deployment, grant["ticket"], is_replaced)


def test_an_agent_that_answers_is_not_removed_whoever_calls_it_dead(
    deployment: Deployment, caller: rtc.Room, loop_thread: LoopThread
) -> None:
    deployment.start_agent()
    grant = join(deployment, caller, loop_thread)
    serving = wait_for_agent(caller)
    body = {"token": grant["ticket"], "unresponsive": serving}
    status, answer = post(deployment, "/api/dispatch", body)
    assert (status, answer["state"]) == (200, "present")
    assert agents_in(caller) == [serving]


def test_an_agent_on_its_way_out_is_no_agent(
    deployment: Deployment, caller: rtc.Room, loop_thread: LoopThread
) -> None:
    deployment.start_agent()
    grant = join(deployment, caller, loop_thread)
    leaving = wait_for_agent(caller)
    loop_thread.run(make_it_leave(caller, leaving))

    def one_more_is_there() -> bool:
        return len(agents_in(caller)) == 2

    ask_until(deployment, grant["ticket"], one_more_is_there)
    assert post(deployment, "/api/dispatch", {"token": grant["ticket"]})[1]["state"] == "present"
    # It goes by itself, and is not taken for dead.
    assert leaving in agents_in(caller)


async def old_livekit(livekit: LiveKitCredentials) -> tuple[web.AppRunner, str]:
    """The same LiveKit as one that knows no remote calls of its API yet, and its address."""
    upstream = livekit.url.replace("ws", "http", 1)

    async def pass_on(request: web.Request) -> web.Response:
        if request.path.endswith("/PerformRpc"):
            return web.json_response({"code": "bad_route", "msg": "no handler"}, status=404)
        headers = {name: request.headers[name] for name in ("Authorization", "Content-Type")}
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                upstream + request.path, data=await request.read(), headers=headers
            ) as response,
        ):
            return web.Response(
                status=response.status,
                body=await response.read(),
                content_type=response.content_type,
            )

    application = web.Application()
    application.router.add_post("/{path:.*}", pass_on)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    return runner, f"http://{host}:{port}"


def test_where_livekit_cannot_ask_a_speaker_is_believed_and_a_listener_is_not(
    deployment: Deployment, caller: rtc.Room, loop_thread: LoopThread
) -> None:
    deployment.start_agent()
    grant = join(deployment, caller, loop_thread)
    serving = wait_for_agent(caller)
    _, other = post(deployment, "/api/token", {"room": grant["room"]})
    speaker = Holder(grant["room"], grant["identity"])
    listener = Holder(grant["room"], other["identity"])

    async def run() -> list[str]:
        guest = rtc.Room()
        await guest.connect(other["url"], other["token"])
        source = rtc.AudioSource(16_000, 1)
        track = rtc.LocalAudioTrack.create_audio_track("microphone", source)
        microphone = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await caller.local_participant.publish_track(track, microphone)
        runner, url = await old_livekit(deployment.livekit)
        credentials = replace(deployment.livekit, url=url)
        redispatcher = Redispatcher(credentials, deployment.agent_name)
        await until_settled(deployment.livekit, grant["room"])
        states: list[str] = [
            (await redispatcher.request(holder, unresponsive=dead)).state
            for holder, dead in ((speaker, None), (listener, serving), (speaker, serving))
        ]
        await redispatcher.aclose()
        await runner.cleanup()
        await guest.disconnect()
        return states

    assert loop_thread.run(run()) == ["present", "present", "dispatched"]


async def until_settled(livekit: LiveKitCredentials, room: str) -> None:
    """Until LiveKit's API shows that the agent is active and a caller sends sound."""
    async with api.LiveKitAPI(livekit.url, livekit.api_key, livekit.api_secret) as client:
        while True:
            listed = await client.room.list_participants(api.ListParticipantsRequest(room=room))
            agent = api.ParticipantInfo.Kind.AGENT
            active = api.ParticipantInfo.State.ACTIVE
            agents = [p for p in listed.participants if p.kind == agent and p.state == active]
            if agents and any(p.tracks for p in listed.participants if p.kind != agent):
                return
            await asyncio.sleep(0.05)


async def make_it_leave(caller: rtc.Room, agent: str) -> None:
    """Tell an agent to leave until it answers that it does: what reaches it as it comes is lost."""
    me = caller.local_participant
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            await me.send_text("linger", topic=Topic.CHAT)
            with contextlib.suppress(rtc.RpcError):
                pong = await me.perform_rpc(
                    destination_identity=agent, method=Method.PING, payload="", response_timeout=5.0
                )
                if pong == Pong.LEAVES:
                    return


def test_only_a_caller_in_the_room_is_served(
    deployment: Deployment, caller: rtc.Room, loop_thread: LoopThread
) -> None:
    grant = join(deployment, caller, loop_thread)
    _, other = post(deployment, "/api/token", {"room": grant["room"]})
    status, answer = post(deployment, "/api/dispatch", {"token": other["ticket"]})
    assert (status, answer["error"]["code"]) == (409, "not_in_room")
    _, empty = post(deployment, "/api/token", {})
    status, answer = post(deployment, "/api/dispatch", {"token": empty["ticket"]})
    assert (status, answer["error"]["code"]) == (409, "not_in_room")


def test_a_ticket_does_not_open_the_room(
    deployment: Deployment, caller: rtc.Room, loop_thread: LoopThread
) -> None:
    _, grant = post(deployment, "/api/token", {})
    with pytest.raises(rtc.ConnectError):
        loop_thread.run(caller.connect(grant["url"], grant["ticket"]))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"token": 7}, 400),
        ({"token": "x", "unresponsive": 7}, 400),
        ({"token": ""}, 401),
        ({"token": "a.b.c"}, 401),
        ({"token": "x" * 20_000}, 401),
    ],
)
def test_without_a_good_token_nothing_happens(
    deployment: Deployment, body: object, status: int
) -> None:
    assert post(deployment, "/api/dispatch", body)[0] == status


def test_forged_and_expired_tokens_are_refused(deployment: Deployment) -> None:
    livekit = deployment.livekit
    forged = TokenIssuer(livekit.api_key, "f" * 40, "", "").issue(room="a")
    expired = TokenIssuer(
        livekit.api_key, livekit.api_secret, "", "", ttl_seconds=-60, ticket_ttl_seconds=-60
    ).issue(room="a")
    for token in (forged.token, forged.ticket, expired.token, expired.ticket):
        status, answer = post(deployment, "/api/dispatch", {"token": token})
        assert (status, answer["error"]["code"]) == (401, "bad_token")


def test_asking_again_waits_longer_each_time(
    deployment: Deployment, caller: rtc.Room, loop_thread: LoopThread
) -> None:
    grant = join(deployment, caller, loop_thread)
    now = [1000.0]
    redispatcher = Redispatcher(deployment.livekit, deployment.agent_name, clock=lambda: now[0])
    holder = Holder(grant["room"], grant["identity"])

    async def ask() -> tuple[str, float]:
        answer = await redispatcher.request(holder)
        return answer.state, answer.retry_after_seconds

    pauses = []
    for _ in range(6):
        state, pause = loop_thread.run(ask())
        assert state == "dispatched"
        assert loop_thread.run(ask()) == ("waiting", pause)
        pauses.append(pause)
        now[0] += pause
    assert pauses == [3, 6, 12, 24, 30, 30]
    dispatches = loop_thread.run(dispatches_in(deployment, grant["room"]))
    assert len(dispatches) == 1
    loop_thread.run(redispatcher.aclose())


async def dispatches_in(deployment: Deployment, room: str) -> list[api.AgentDispatch]:
    livekit = deployment.livekit
    async with api.LiveKitAPI(livekit.url, livekit.api_key, livekit.api_secret) as client:
        return await client.agent_dispatch.list_dispatch(room)


def test_a_livekit_that_is_away_is_a_temporary_failure(loop_thread: LoopThread) -> None:
    redispatcher = Redispatcher(LiveKitCredentials("ws://127.0.0.1:9", "key", "s" * 40), "agent")

    async def ask() -> None:
        try:
            await redispatcher.request(Holder("room", "caller"))
        finally:
            await redispatcher.aclose()

    with pytest.raises(ApiError) as refused:
        loop_thread.run(ask())
    assert refused.value.code == "livekit_unreachable"
    assert refused.value.retry_after_seconds

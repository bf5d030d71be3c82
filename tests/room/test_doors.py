"""Whoever is in a room can send what the page never would: no other room notices."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import psutil
import pytest
import pytest_asyncio
from livekit import rtc

from agent.session.framework import LARGEST_MESSAGE_BYTES
from services.livekit_server.credentials import LiveKitCredentials
from tests.room.processes import AgentProcess
from tests.room.workers import access_to, call_the_worker
from tests.support.caller import Caller, room_token

PRE_CONNECT_TOPIC = "lk.agent.pre-connect-audio-buffer"
BOMB_BYTES = 80_000_000
"""Deflated by the client library to a thousandth of it."""
MOST_GROWTH_BYTES = 60_000_000
"""Two rooms that talk take less; a bomb that is inflated takes more."""
MOST_LOG_BYTES = 200_000
FLOOD = 2000
UNFINISHED_STREAMS = 100
SEND_SECONDS = 20.0

QUESTION = "what is two plus three"
ANSWER = "five"

Attack = Callable[[rtc.Room, str], Coroutine[Any, Any, None]]
"""Does its worst from within a room; the identity is that of the room's agent."""


async def answered(caller: Caller) -> bool:
    """Whether a question is answered to the end."""
    before = len(caller.transcripts(of_agent=True))
    await caller.send_text(QUESTION)
    return ANSWER in (await caller.wait_for_transcript(before + 1, of_agent=True))[before]


def most_memory(agent: AgentProcess) -> int:
    """Bytes that the process has had resident at most."""
    status = Path(f"/proc/{agent.process_id}/status").read_text()
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


async def text_bomb(room: rtc.Room, _: str) -> None:
    await room.local_participant.send_text("a" * BOMB_BYTES, topic="lk.chat")


async def text_bomb_of_no_topic(room: rtc.Room, _: str) -> None:
    await room.local_participant.send_text("a" * BOMB_BYTES, topic="nobody's")


async def call_bomb(room: rtc.Room, agent: str) -> None:
    # Nobody answers what is too large to be looked at.
    with contextlib.suppress(rtc.RpcError):
        await room.local_participant.perform_rpc(
            destination_identity=agent, method="agent.ping", payload="a" * BOMB_BYTES
        )


async def endless_bytes(room: rtc.Room, _: str) -> None:
    writer = await room.local_participant.stream_bytes("bytes", topic="lk.chat")
    for _number in range(200):
        await writer.write(bytes(LARGEST_MESSAGE_BYTES))
    await writer.aclose()


def pre_connect(attributes: dict[str, str]) -> Attack:
    async def send(room: rtc.Room, _: str) -> None:
        writer = await room.local_participant.stream_bytes(
            "x", topic=PRE_CONNECT_TOPIC, mime_type="audio/raw", attributes=attributes
        )
        await writer.write(bytes(20))
        await writer.aclose()

    return send


async def unfinished_sound(room: rtc.Room, _: str) -> None:
    for _number in range(UNFINISHED_STREAMS):
        await room.local_participant.stream_bytes(
            "x",
            topic=PRE_CONNECT_TOPIC,
            mime_type="audio/opus",
            attributes={"trackId": "x", "sampleRate": "48000", "channels": "1"},
        )


async def many_topics(room: rtc.Room, _: str) -> None:
    for number in range(FLOOD):
        await room.local_participant.send_text("x", topic=f"topic\n{number}")


async def unfinished_text(room: rtc.Room, _: str) -> None:
    for _number in range(UNFINISHED_STREAMS):
        await room.local_participant.stream_text(topic="lk.chat")
    await room.local_participant.send_text("what is this", topic="lk.chat")


async def many_texts(room: rtc.Room, _: str) -> None:
    await asyncio.gather(
        *(
            room.local_participant.send_text(f"hello {number}", topic="lk.chat")
            for number in range(FLOOD // 4)
        )
    )


async def many_calls(room: rtc.Room, agent: str) -> None:
    async def call(method: str) -> None:
        with contextlib.suppress(rtc.RpcError):
            await room.local_participant.perform_rpc(
                destination_identity=agent, method=method, payload="x" * 15_000
            )

    for _number in range(FLOOD // 100):
        methods = ("agent.ping", "agent.stop", "agent.repeat", "nobody's")
        await asyncio.gather(*(call(method) for method in methods * 5))


async def raw_packets(room: rtc.Room, _: str) -> None:
    for number in range(FLOOD):
        data = bytes([number % 256]) * (number % 15_000)
        await room.local_participant.publish_data(data, topic="lk.chat", reliable=number % 2 == 0)


ATTACKS: dict[str, Attack] = {
    "a deflated text of 80 MB": text_bomb,
    "the same for nobody": text_bomb_of_no_topic,
    "a remote call with 80 MB": call_bomb,
    "13 MB of bytes as a text": endless_bytes,
    "sound at 1 Hz": pre_connect({"trackId": "x", "sampleRate": "1", "channels": "1"}),
    "sound at -8 kHz": pre_connect({"trackId": "x", "sampleRate": "-8000", "channels": "1"}),
    "sound without channels": pre_connect({"trackId": "x", "sampleRate": "16000", "channels": "0"}),
    "sound that never ends": unfinished_sound,
    "texts of 2,000 topics": many_topics,
    "texts that never end": unfinished_text,
    "500 texts at once": many_texts,
    "400 remote calls": many_calls,
    "2,000 raw packets": raw_packets,
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def talking(
    worker_process: AgentProcess, livekit: LiveKitCredentials
) -> AsyncIterator[Caller]:
    """Somebody in a room of their own, where nobody attacks."""
    async with call_the_worker(livekit, "talking") as caller:
        yield caller


@pytest.mark.parametrize("kind", ATTACKS)
async def test_what_a_visitor_sends_costs_no_memory_no_thread_and_no_other_room(
    worker_process: AgentProcess, livekit: LiveKitCredentials, talking: Caller, kind: str
) -> None:
    process = psutil.Process(worker_process.process_id)
    access = access_to(livekit, "attacking-" + re.sub(r"\W+", "-", kind))
    async with Caller() as attacking:
        await attacking.join(livekit.url, access)
        agent = await attacking.wait_for_agent()
        memory, threads = most_memory(worker_process), process.num_threads()
        logged = log_bytes(worker_process)
        attack = asyncio.create_task(ATTACKS[kind](attacking.room, agent.identity))
        assert await answered(talking)
        await asyncio.wait_for(attack, SEND_SECONDS)
        assert await answered(talking)
        assert most_memory(worker_process) - memory < MOST_GROWTH_BYTES
        assert process.num_threads() - threads < UNFINISHED_STREAMS / 2
    # Leaving breaks off whatever was not finished.
    assert await answered(talking)
    assert log_bytes(worker_process) - logged < MOST_LOG_BYTES


async def test_a_room_answers_again_after_a_flood_of_its_own(
    worker_process: AgentProcess, livekit: LiveKitCredentials
) -> None:
    async with call_the_worker(livekit, "flooded") as caller:
        await many_texts(caller.room, "")
        async with asyncio.timeout(SEND_SECONDS):
            # What is too much in a minute is dropped.
            while not await answered_soon(caller):
                pass


async def test_a_guest_who_ends_no_text_keeps_nobody_from_typing(
    worker_process: AgentProcess, livekit: LiveKitCredentials
) -> None:
    async with call_the_worker(livekit, "shared-room") as caller, Caller("guest") as guest:
        await guest.join(
            livekit.url,
            room_token(
                livekit.api_key, livekit.api_secret, "shared-room", "guest", agent_name=None
            ),
        )
        await unfinished_text(guest.room, "")
        assert await answered(caller)


async def answered_soon(caller: Caller) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(5):
            return await answered(caller)
    return False


def log_bytes(agent: AgentProcess) -> int:
    """What the worker has logged so far."""
    return sum(len(line) + 1 for line in agent.log)

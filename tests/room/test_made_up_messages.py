"""Whatever a participant may send, made up: the room answers afterwards, as does another."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from hypothesis import strategies as st
from livekit import rtc

from services.livekit_server.credentials import LiveKitCredentials
from tests.fuzz.inputs import JSON, changed, made_up
from tests.room.processes import AgentProcess
from tests.room.workers import call_the_worker
from tests.support.caller import Caller

TOPICS = ("lk.chat", "lk.transcription", "lk.agent.session", "agent.notice", "agent.turn", "x")
METHODS = ("agent.ping", "agent.stop", "agent.repeat", "conversation.history", "x")
# What is no Unicode does not leave the client's library.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
ATTRIBUTES = st.dictionaries(
    st.sampled_from(["trackId", "sampleRate", "channels", "lk.segment_id", "x"]), TEXT, max_size=3
)
NOTICE = {"kind": "call_ended", "text": "Goodbye."}
PAYLOADS = st.one_of(TEXT, changed(NOTICE).map(json.dumps), JSON.map(json.dumps))
DTMF = st.tuples(st.just("dtmf"), st.integers(0, 2**32 - 1), TEXT)
MESSAGES = st.one_of(
    st.tuples(st.just("text"), st.sampled_from(TOPICS), PAYLOADS, ATTRIBUTES),
    st.tuples(st.just("bytes"), st.sampled_from(TOPICS), st.binary(max_size=300), ATTRIBUTES),
    st.tuples(st.just("call"), st.sampled_from(METHODS), PAYLOADS),
    st.tuples(st.just("packet"), st.sampled_from(TOPICS), st.binary(max_size=300)),
    DTMF,
)
ANSWER_SECONDS = 2.0


async def send(room: rtc.Room, agent: str, message: tuple[Any, ...]) -> None:
    me = room.local_participant
    match message:
        case ("text", topic, text, attributes):
            await me.send_text(text, topic=topic, attributes=attributes)
        case ("bytes", topic, data, attributes):
            writer = await me.stream_bytes("x", topic=topic, attributes=attributes)
            await writer.write(data)
            await writer.aclose()
        case ("call", method, payload):
            with contextlib.suppress(rtc.RpcError):
                await me.perform_rpc(
                    destination_identity=agent,
                    method=method,
                    payload=payload,
                    response_timeout=ANSWER_SECONDS,
                )
        case ("packet", topic, data):
            await me.publish_data(data, topic=topic)
        case ("dtmf", code, digit):
            await me.publish_dtmf(code=code, digit=digit)


async def answered(caller: Caller) -> bool:
    """Whether a question is answered, whatever was said meanwhile."""
    for _ in range(5):
        before = len(caller.transcripts(of_agent=True))
        await caller.send_text("what is two plus three")
        with contextlib.suppress(TimeoutError):
            said = await caller.wait_for_transcript(before + 1, of_agent=True, timeout_seconds=8.0)
            if any("five" in text for text in said[before:]):
                return True
    return False


async def test_made_up_messages_cost_no_room_its_answer(
    worker_process: AgentProcess, livekit: LiveKitCredentials
) -> None:
    async with (
        call_the_worker(livekit, "made-up") as sender,
        call_the_worker(livekit, "made-up-other") as other,
    ):
        agent = await sender.wait_for_agent()
        for message in made_up(MESSAGES):
            await send(sender.room, agent.identity, message)
        assert await answered(other)
        assert await answered(sender)
    # At its end the fixture looks for tracebacks in the worker's log.

"""Who never says anything does not keep a place from others."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Literal

import pytest_asyncio
from livekit import rtc

from agent.languages import ENGLISH
from tests.room.conftest import serving
from tests.support.caller import Caller, room_token

if TYPE_CHECKING:
    from agent.runtime.worker import Worker
    from agent.settings import Settings
    from services.livekit_server.credentials import LiveKitCredentials
    from services.shared.engines import SharedEngines

AGENT = "impatient-agent"
ENOUGH_SECONDS = 30.0

Kind = Literal["standard", "sip"]
_rooms = itertools.count(1)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def impatient(
    livekit: LiveKitCredentials, shared: SharedEngines, settings: Settings
) -> AsyncIterator[Worker]:
    """A worker that asks soon, and leaves soon after."""
    limits = settings.limits.model_copy(
        update={
            "first_word_seconds": 1.0,
            "silence_seconds": 600.0,
            "silence_answer_seconds": 3.0,
        }
    )
    agent = settings.agent.model_copy(update={"name": AGENT})
    changed = settings.model_copy(update={"limits": limits, "agent": agent})
    async with serving(changed, livekit, shared) as worker:
        yield worker


@pytest_asyncio.fixture(loop_scope="session")
async def caller(livekit: LiveKitCredentials, impatient: Worker) -> AsyncIterator[Caller]:
    """Somebody who is not in the room yet."""
    async with Caller() as caller:
        yield caller


async def join(
    livekit: LiveKitCredentials,
    caller: Caller,
    microphone: rtc.TrackSource.ValueType | None = rtc.TrackSource.SOURCE_MICROPHONE,
    kind: Kind = "standard",
) -> None:
    token = room_token(
        livekit.api_key,
        livekit.api_secret,
        f"silent-{next(_rooms)}",
        caller.identity,
        agent_name=AGENT,
        kind=kind,
    )
    await caller.join(livekit.url, token, microphone=microphone)
    await caller.wait_for_agent()


async def test_who_says_nothing_is_asked_and_then_let_go(
    livekit: LiveKitCredentials, impatient: Worker
) -> None:
    async def be_silent(microphone: rtc.TrackSource.ValueType | None, kind: Kind) -> None:
        async with Caller() as caller:
            await join(livekit, caller, microphone, kind)
            await caller.wait_for_words(ENGLISH.still_there)
            await caller.wait_for_words(ENGLISH.nobody_answers)
            async with asyncio.timeout(ENOUGH_SECONDS):
                # Who calls by telephone is hung up on by that alone.
                while caller.room.isconnected():
                    await asyncio.sleep(0.02)
            assert "call_ended" in [notice["kind"] for notice in caller.notices]

    async with asyncio.TaskGroup() as group:
        group.create_task(be_silent(rtc.TrackSource.SOURCE_MICROPHONE, "standard"))
        group.create_task(be_silent(None, "standard"))
        group.create_task(be_silent(rtc.TrackSource.SOURCE_UNKNOWN, "sip"))
    async with asyncio.timeout(ENOUGH_SECONDS):
        while impatient.rooms:
            await asyncio.sleep(0.02)


async def test_who_answers_is_kept(
    livekit: LiveKitCredentials, impatient: Worker, caller: Caller
) -> None:
    await join(livekit, caller)
    await caller.wait_for_words(ENGLISH.still_there)
    await caller.send_text("what is two plus three")
    await caller.wait_for_words("five")
    await caller.wait_for_silence()
    # Twice as long as it would wait for the answer to its question.
    await asyncio.sleep(6.0)
    assert impatient.rooms == 1
    await caller.send_text("what is three plus three")
    await caller.wait_for_words("six")


async def test_who_speaks_up_during_the_goodbye_is_kept(
    livekit: LiveKitCredentials, impatient: Worker, caller: Caller
) -> None:
    await join(livekit, caller)
    await caller.wait_for_words(ENGLISH.still_there)
    await caller.wait_for_words(ENGLISH.nobody_answers.split(",")[0])
    await caller.send_text("what is two plus three")
    await caller.wait_for_words("five")
    await caller.wait_for_silence()
    assert impatient.rooms == 1
    assert "call_ended" not in [notice["kind"] for notice in caller.notices]

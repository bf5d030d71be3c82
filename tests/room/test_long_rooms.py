"""A room that stays open for long: a turn leaves nothing that lasts but what the settings keep."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest_asyncio

from tests.room.conftest import serving
from tests.support.caller import Caller, room_token

if TYPE_CHECKING:
    from agent.settings import Settings
    from services.livekit_server.credentials import LiveKitCredentials
    from services.shared.engines import SharedEngines

AGENT = "patient-agent"
KEPT_ITEMS = 4
KEPT_TURNS = 2
TURNS_BEFORE = 4
"""By then whatever is kept is full."""
TURNS = 8
_OURS = ("agent.", "services.", "livekit.")


@pytest_asyncio.fixture(loop_scope="session")
async def caller(
    livekit: LiveKitCredentials, shared: SharedEngines, settings: Settings
) -> AsyncIterator[Caller]:
    """In a room whose agent keeps little of the conversation and speaks fast."""
    limits = settings.limits.model_copy(
        update={"chat_history_items": KEPT_ITEMS, "turn_records": KEPT_TURNS}
    )
    named = settings.agent.model_copy(update={"name": AGENT})
    brief = settings.model_copy(update={"limits": limits, "agent": named})
    async with serving(brief, livekit, shared), Caller() as caller:
        room = "long-room"
        await caller.join(
            livekit.url,
            room_token(
                livekit.api_key, livekit.api_secret, room, caller.identity, agent_name=AGENT
            ),
        )
        await caller.wait_for_agent()
        await caller.wait_for_greeting()
        yield caller


async def talk(caller: Caller, turns: int) -> None:
    """So many requests, each answered to the end."""
    said = len(caller.transcripts(of_agent=True))
    for count in range(1, turns + 1):
        await caller.send_text("hello")
        await caller.wait_for_transcript(said + count, of_agent=True)
    await caller.wait_for_silence()


def objects() -> Counter[str]:
    """How many objects there are of each class of ours and of the framework."""
    gc.collect()
    kinds = (f"{type(o).__module__}.{type(o).__qualname__}" for o in gc.get_objects())
    return Counter(kind for kind in kinds if kind.startswith(_OURS))


async def test_turns_leave_nothing_beyond_what_the_settings_keep(caller: Caller) -> None:
    await talk(caller, TURNS_BEFORE)
    before = objects()
    await talk(caller, TURNS)
    grown: dict[str, int] = {}
    for _ in range(100):
        # What ends with a turn may take a moment longer.
        grown = {kind: more for kind, more in (objects() - before).items() if more >= TURNS}
        if not grown:
            break
        await asyncio.sleep(0.1)
    assert grown == {}

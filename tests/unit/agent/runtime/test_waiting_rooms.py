"""How rooms that wait for an agent are looked after, with what LiveKit says given by the test."""

from __future__ import annotations

import asyncio

import pytest

from agent.runtime.waiting_rooms import WaitingRooms
from services.admission import Admission, AdmissionLimits, Conditions
from services.livekit_server.credentials import LiveKitCredentials
from services.livekit_server.rooms import LiveKitRooms, People

pytestmark = pytest.mark.unit


class SlowRooms(LiveKitRooms):
    """A LiveKit that answers about no room before it was asked about `together` of them."""

    def __init__(self, together: int) -> None:
        super().__init__(LiveKitCredentials("ws://127.0.0.1:9", "key", "s" * 40))
        self._asked = asyncio.Barrier(together)
        self.answered = 0

    async def people(self, room: str) -> People:
        await self._asked.wait()
        self.answered += 1
        return People()


async def test_livekit_is_asked_about_as_many_rooms_at_once_as_there_are_places() -> None:
    rooms = SlowRooms(together=3)
    admission = Admission(AdmissionLimits(max_rooms=3), Conditions)
    waiting = WaitingRooms(rooms, admission, "agent")
    for number in range(6):
        waiting.refused(f"room-{number}")
    running = asyncio.create_task(waiting.run())
    async with asyncio.timeout(10):
        while rooms.answered < 6:
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await waiting.aclose()

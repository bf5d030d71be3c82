"""Somebody in a caller's room who is not on the page, and sends what no page would."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from livekit import rtc
from playwright.sync_api import Page

from services.protocol import Method, Topic
from tests.browser.deployment import LoopThread


class Guest:
    """A participant with a token of the page's own server; runs on the tests' loop."""

    def __init__(self, loop: LoopThread, grant: dict[str, Any]) -> None:
        self._loop = loop
        self._grant = grant
        self.room = loop.run(self._make())

    @classmethod
    def of(cls, page: Page, loop: LoopThread, address: str, room: str, name: str) -> Guest:
        """One who has got a token for that room, and is not in it yet."""
        response = page.request.post(f"{address}/api/token", data={"room": room, "name": name})
        return cls(loop, response.json())

    def join(self) -> None:
        """Join the room; sends no sound."""
        self._loop.run(self.room.connect(self._grant["url"], self._grant["token"]))

    def send(self, topic: Topic, text: str, attributes: Mapping[str, str] | None = None) -> None:
        """Send a text stream to everybody."""
        sending = self.room.local_participant.send_text
        self._loop.run(_sent(sending(text, topic=topic, attributes=dict(attributes or {}))))

    def send_and_leave(self, topic: Topic, text: str, pause_seconds: float) -> None:
        """Leave while what was sent is still on its way."""

        async def run() -> None:
            sending = asyncio.create_task(
                _sent(self.room.local_participant.send_text(text, topic=topic))
            )
            await asyncio.sleep(pause_seconds)
            await self.room.disconnect()
            sending.cancel()
            with contextlib.suppress(BaseException):
                await sending

        self._loop.run(run())

    def others(self) -> list[str]:
        """Names of those in the room who are no agents."""
        agent = rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
        return [p.name for p in self.room.remote_participants.values() if p.kind != agent]

    def call(self, *, agent: bool, method: Method) -> int:
        """Call the agent, or the one other caller; returns the code of the refusal, 0 for none."""
        kind = rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
        [callee] = [
            participant.identity
            for participant in self.room.remote_participants.values()
            if (participant.kind == kind) == agent
        ]

        async def run() -> int:
            try:
                await self.room.local_participant.perform_rpc(
                    destination_identity=callee, method=method, payload=""
                )
            except rtc.RpcError as error:
                return error.code
            return 0

        return self._loop.run(run())

    def leave(self) -> None:
        """Leave the room."""
        self._loop.run(self.room.disconnect())

    @staticmethod
    async def _make() -> rtc.Room:
        return rtc.Room()


async def _sent(sending: Any) -> None:
    await sending

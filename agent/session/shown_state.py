"""Keeps the state that callers are shown the one the agent is in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from livekit import rtc

from services.livekit_local.sending import is_sent
from services.protocol import ParticipantAttribute

_STATE: Final = ParticipantAttribute.STATE


class ShownState:
    """Compares what LiveKit announces of the agent's state with the truth, and corrects it.

    The framework sends each change without waiting for the one before, and the native library may
    send two that follow each other closely in the other order: on two busy cores it did so with
    1 in 75 of those within two milliseconds. Callers would be shown an agent that speaks, or could
    not stop one that does, until the next change.

    Belongs to the event loop of its room.
    """

    def __init__(self, room: rtc.Room, actual: Callable[[], str]) -> None:
        """`actual` returns the state that the agent is in."""
        self._room = room
        self._actual = actual
        self._corrections: set[asyncio.Task[None]] = set()
        self._watching = False

    def watch(self) -> None:
        """Correct from now on, until closed."""
        self._room.on("participant_attributes_changed", self._on_changed)
        self._watching = True

    def close(self) -> None:
        """Correct no more. Idempotent."""
        if self._watching:
            self._room.off("participant_attributes_changed", self._on_changed)
            self._watching = False
        for correction in self._corrections:
            correction.cancel()

    def _on_changed(self, changed: Mapping[str, str], participant: rtc.Participant) -> None:
        if participant.identity != self._room.local_participant.identity or _STATE not in changed:
            return
        # A change that is still on its way is sent twice, which costs a message and harms nobody.
        if changed[_STATE] != self._actual():
            correction = asyncio.create_task(self._correct(), name="correct-state")
            self._corrections.add(correction)
            correction.add_done_callback(self._corrections.discard)

    async def _correct(self) -> None:
        me = self._room.local_participant
        await is_sent("state", me.set_attributes({_STATE: self._actual()}))

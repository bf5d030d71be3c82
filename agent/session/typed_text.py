"""Text that callers type, answered as turns of its own, within bounds of size and number."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

from livekit import rtc
from livekit.agents import AgentSession
from livekit.agents.types import TOPIC_CHAT
from livekit.agents.voice.room_io import TextInputEvent

from agent.session.framework import take_typed_turn
from services import protocol
from services.livekit_server.callers import is_caller
from services.web.http.ratelimit import RateLimit

logger = logging.getLogger("agent.session.typed_text")

LONGEST_TYPED_CHARACTERS: Final = 2 * protocol.LONGEST_TYPED_CHARACTERS
"""Twice what the page lets a caller type."""
MOST_TYPED_AT_ONCE: Final = 8
"""Messages of a room that are being received or wait for their turn; more are dropped."""
MOST_TYPED_AT_ONCE_BY_ONE: Final = 4
"""The same for one caller, so that nobody can keep the others from typing."""
MOST_TYPED_PER_MINUTE: Final = 120.0
"""From one caller; more than anybody can type."""
TYPED_SECONDS: Final = 10.0
"""Longest time in which a message may arrive."""

_TYPED_BURST = 20


class TypedText:
    """Takes the text that any caller of a room types. Belongs to the room's event loop.

    Create it before the room is joined, so that nothing typed to an agent that is already visible
    is lost, and call `begin` once the session has started: text waits until then.

    The framework takes text only from the participant that it is linked to, and leaves the streams
    of the others open for as long as the room lasts, where each of them slows every event down.
    """

    def __init__(
        self,
        room: rtc.Room,
        *,
        on_typed: Callable[[], None],
        on_turn: Callable[[str, str], None] | None = None,
    ) -> None:
        """Take text in a room that is not joined yet.

        Args:
            room: the room.
            on_typed: called for each message.
            on_turn: called with identity and text of each that is about to be a turn.
        """
        self._room = room
        self._session: AgentSession[Any] | None = None
        self._begun = asyncio.Event()
        self._on_typed = on_typed
        self._on_turn = on_turn
        self._tasks: dict[asyncio.Task[None], str] = {}
        """By the identity of the caller whose message they take."""
        self._turn = asyncio.Lock()
        self._limit = RateLimit(MOST_TYPED_PER_MINUTE, burst=_TYPED_BURST)
        room.register_text_stream_handler(TOPIC_CHAT, self._on_stream)

    def begin(self, session: AgentSession[Any]) -> None:
        """Pass text to the session, which has started, beginning with what waits."""
        self._session = session
        self._begun.set()

    async def aclose(self) -> None:
        """Stop taking text and drop what waits. Idempotent."""
        self._room.unregister_text_stream_handler(TOPIC_CHAT)
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _on_stream(self, reader: rtc.TextStreamReader, identity: str) -> None:
        participant = self._room.remote_participants.get(identity)
        if participant is None or not is_caller(participant.kind, participant.attributes):
            reader.close()
            return
        if self._is_too_much(identity):
            reader.close()
            logger.info("typed text dropped", extra={"at_once": len(self._tasks)})
            return
        task = asyncio.create_task(self._take(reader, participant), name="typed-text")
        self._tasks[task] = identity
        task.add_done_callback(self._tasks.pop)

    def _is_too_much(self, identity: str) -> bool:
        of_one = sum(whose == identity for whose in self._tasks.values())
        return (
            len(self._tasks) >= MOST_TYPED_AT_ONCE
            or of_one >= MOST_TYPED_AT_ONCE_BY_ONE
            or self._limit.take(identity) > 0
        )

    async def _take(self, reader: rtc.TextStreamReader, participant: rtc.RemoteParticipant) -> None:
        try:
            async with asyncio.timeout(TYPED_SECONDS):
                text = await reader.read_all()
        except TimeoutError:
            logger.info("typed text broken off", extra={"error": "it did not end in time"})
            return
        except rtc.data_stream.StreamError as error:
            logger.info("typed text broken off", extra={"error": error.description})
            return
        finally:
            reader.close()
        if not text.strip():
            return
        self._on_typed()
        if len(text) > LONGEST_TYPED_CHARACTERS:
            logger.info("typed text shortened", extra={"characters": len(text)})
            text = text[:LONGEST_TYPED_CHARACTERS]
        event = TextInputEvent(text=text, info=reader.info, participant=participant)
        try:
            async with self._turn:
                await self._begun.wait()
                assert self._session is not None
                if self._on_turn is not None:
                    self._on_turn(participant.identity, text)
                await take_typed_turn(self._session, event)
        except Exception:
            logger.warning("typed text not taken", exc_info=True)

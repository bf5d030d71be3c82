"""The end of one call: for everybody, because nobody is there, or because it was cut off."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from livekit.agents import AgentSession, JobContext

from agent.session.attendant import END_OF_CALL_SECONDS
from agent.session.framework import ActivityClosedError
from agent.session.remote import Remote
from agent.session.shown_state import ShownState
from services.protocol import Pong

logger = logging.getLogger("agent.session")

_FAREWELL_SECONDS = 0.7
"""From the notice that the call is over to its end."""


class CallEnd:
    """Ends a call once, whatever asks for it first; belongs to the room's event loop."""

    def __init__(
        self,
        ctx: JobContext,
        remote: Remote,
        shown_state: ShownState,
        *,
        delete_room: Callable[[str], Awaitable[None]],
        on_farewell: Callable[[str], None],
    ) -> None:
        """Prepare the end of a call.

        Args:
            ctx: of the job, which is shut down at the end.
            remote: tells the callers.
            shown_state: closed when the agent leaves.
            delete_room: ends a room, by its name, for everybody in it.
            on_farewell: called with the sentence that callers read when they are hung up on.
        """
        self._ctx = ctx
        self._remote = remote
        self._shown_state = shown_state
        self._delete_room = delete_room
        self._on_farewell = on_farewell
        self._tasks: list[asyncio.Task[None]] = []
        self._hung_up = False
        self.begun = False
        """Whether the call is ending, or over."""
        self.reason = "the worker ended it"
        """Why, for the record of the call."""

    @property
    def presence(self) -> Pong:
        """What callers are told who ask whether the agent is there."""
        if self._hung_up:
            return Pong.ENDED
        return Pong.LEAVES if self.begun else Pong.SERVES

    def hang_up(self, farewell: str, reason: str) -> None:
        """End the call for everybody; callers read `farewell`, and `reason` is logged.

        If the agent only left, callers who are still there would get another one.
        """
        if self._begin(reason):
            self._hung_up = True
            self._start(self._hang_up(farewell, reason), "hang-up")

    def leave(self, reason: str) -> None:
        """Leave a room in which nobody is."""
        if self._begin(reason):
            self._start(self._leave(reason), "leave")

    def cut_off(self, reason: str) -> None:
        """End the job of a session that is closed."""
        if self._begin(reason):
            self._ctx.shutdown(reason)

    def refuse(self, session: AgentSession[Any], sentence: str, reason: str) -> None:
        """Hang up once the sentence, which is being spoken, has been heard."""
        self._start(self._refuse(session, sentence, reason), "refuse")

    async def aclose(self) -> None:
        """End nothing any more: the job ends. Idempotent."""
        self.begun = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, reason: str) -> bool:
        if self.begun:
            return False
        self.begun, self.reason = True, reason
        return True

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._tasks.append(asyncio.create_task(work, name=name))

    async def _hang_up(self, farewell: str, reason: str) -> None:
        self._on_farewell(farewell)
        await self._remote.say_farewell(farewell)
        # The last words travel separately and may still be on their way.
        await asyncio.sleep(_FAREWELL_SECONDS)
        try:
            await self._delete_room(self._ctx.room.name)
        except Exception as error:
            logger.warning("room not ended", extra={"error": repr(error)})
        self._ctx.shutdown(f"call ended: {reason}")

    async def _leave(self, reason: str) -> None:
        # A page that joins meanwhile would otherwise show an agent that listens.
        self._shown_state.close()
        await self._remote.publish_leaving()
        self._ctx.shutdown(reason)

    async def _refuse(self, session: AgentSession[Any], sentence: str, reason: str) -> None:
        with contextlib.suppress(TimeoutError, ActivityClosedError):
            async with asyncio.timeout(END_OF_CALL_SECONDS):
                await session.wait_for_idle()
        self.hang_up(sentence, reason)

"""What callers ask of the agent over the room, and what the agent tells them beside its words."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Final

from livekit import rtc

from services.livekit_local.callers import callers, carries_voice
from services.protocol import (
    DONE,
    NOT_ALLOWED,
    AgentInfo,
    Message,
    Method,
    Notice,
    NoticeKind,
    ParticipantAttribute,
    Pong,
    Topic,
    Turn,
)

logger = logging.getLogger("agent.session.remote")

_SENDING_SECONDS: Final = 2.0
"""How long a farewell may take to leave."""


@dataclass(frozen=True, slots=True)
class Commands:
    """What the agent does when it is told to."""

    stop: Callable[[], Awaitable[None]]
    """Fall silent."""
    repeat: Callable[[], Awaitable[None]]
    """Say the last reply again."""
    presence: Callable[[], Pong]
    """Whether the agent is still there for its callers."""


class Remote:
    """Our side of the wire (`services.protocol`) in one room; belongs to its event loop."""

    def __init__(
        self, room: rtc.Room, commands: Commands, *, on_notice: Callable[[NoticeKind], object]
    ) -> None:
        """`on_notice` is told of each problem that callers are told of."""
        self._room = room
        self._commands = commands
        self._on_notice = on_notice
        self._methods: list[Method] = []
        """What is registered for remote calls."""
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self, info: AgentInfo) -> None:
        """Take remote calls from now on, and show what the agent is made of."""
        handlers = {Method.PING: self._ping, Method.STOP: self._stop, Method.REPEAT: self._repeat}
        for method, handler in handlers.items():
            self._room.local_participant.register_rpc_method(method, handler)
            self._methods.append(method)
        await self._room.local_participant.set_attributes(
            {ParticipantAttribute.INFO: info.encode()}
        )

    def close(self) -> None:
        """Take no more calls.

        Left registered they keep the room, half a MB of it, in the native library for ever.
        """
        while self._methods:
            self._room.local_participant.unregister_rpc_method(self._methods.pop())

    async def aclose(self) -> None:
        """Give up what is still to be sent."""
        self.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def notify(self, kind: NoticeKind, text: str) -> None:
        """Have the page show a sentence about a problem."""
        self._on_notice(kind)
        self._start(self._publish(Topic.NOTICE, Notice(kind, text)), "publish-notice")

    def tell_turn(self, turn: Turn) -> None:
        """Have the page show where the time of a turn went."""
        self._start(self._publish(Topic.TURN, turn), "publish-turn")

    async def say_farewell(self, text: str) -> None:
        """Tell everybody that the call is over; returns once that is on its way."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SENDING_SECONDS):
                await self._publish(Topic.NOTICE, Notice(NoticeKind.CALL_ENDED, text))

    async def _ping(self, _: rtc.RpcInvocationData) -> str:
        return self._commands.presence()

    async def _stop(self, call: rtc.RpcInvocationData) -> str:
        self._check(call)
        await self._commands.stop()
        return DONE

    async def _repeat(self, call: rtc.RpcInvocationData) -> str:
        self._check(call)
        await self._commands.repeat()
        return DONE

    def _check(self, call: rtc.RpcInvocationData) -> None:
        """Raise RpcError where the one who calls may not command the agent."""
        if not may_command(self._room, call.caller_identity):
            raise rtc.RpcError(NOT_ALLOWED, "Only who speaks with the agent may command it.")

    async def _publish(self, topic: Topic, message: Message) -> None:
        try:
            await self._room.local_participant.send_text(message.encode(), topic=topic)
        except Exception as error:
            logger.debug("not published", extra={"topic": topic, "error": str(error)})

    def _start(self, work: Coroutine[object, object, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def may_command(room: rtc.Room, identity: str) -> bool:
    """Whether that participant may stop the agent or have it repeat itself.

    Whoever sends sound may: who can silence it by speaking gains nothing here. A listener may not,
    unless the conversation is a written one, in which nobody has a microphone.
    """
    present = {caller.identity: caller for caller in callers(room)}
    if identity not in present:
        return False
    if _speaks(present[identity]):
        return True
    return not any(_speaks(caller) for caller in present.values())


def _speaks(participant: rtc.RemoteParticipant) -> bool:
    return any(carries_voice(track) for track in participant.track_publications.values())

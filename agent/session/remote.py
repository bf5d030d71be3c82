"""Remote calls from callers to the agent, and what it publishes to them beside its words."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final

from livekit import rtc
from livekit.agents import AgentSession, llm

from services.livekit_local.callers import callers, carries_voice
from services.livekit_local.sending import is_sent
from services.protocol import (
    DONE,
    LONGEST_NAME_CHARACTERS,
    LONGEST_SENTENCE_CHARACTERS,
    MOST_SENTENCES,
    NOT_ALLOWED,
    AgentInfo,
    AgentState,
    Message,
    Method,
    ModelInfo,
    Notice,
    NoticeKind,
    ParticipantAttribute,
    Pong,
    Topic,
    Turn,
    shortened,
)
from services.shared.config import LoadedModel

_SENDING_SECONDS: Final = 2.0
"""How long a farewell may take to leave."""


@dataclass(frozen=True, slots=True)
class Commands:
    """What the agent does when it is called remotely."""

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
        """`on_notice` is called for each notice that is published."""
        self._room = room
        self._commands = commands
        self._on_notice = on_notice
        self._methods: list[Method] = []
        """What is registered for remote calls."""
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self, info: AgentInfo, *, language: str) -> None:
        """Register for remote calls, and publish what the agent consists of and speaks."""
        handlers = {Method.PING: self._ping, Method.STOP: self._stop, Method.REPEAT: self._repeat}
        for method, handler in handlers.items():
            self._room.local_participant.register_rpc_method(method, handler)
            self._methods.append(method)
        # Without these the page shows less, and the call goes on.
        await self._set_attributes(
            {ParticipantAttribute.INFO: info.encode(), ParticipantAttribute.LANGUAGE: language}
        )

    def close(self) -> None:
        """Take no more calls. Idempotent.

        Registered methods keep the native room alive, which is about 0.5 MB.
        """
        while self._methods:
            self._room.local_participant.unregister_rpc_method(self._methods.pop())

    async def aclose(self) -> None:
        """Take no more calls and drop what is still to be sent."""
        self.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def notify(self, kind: NoticeKind, text: str) -> None:
        """Publish a sentence about a problem."""
        self._on_notice(kind)
        self._start(self._publish(Topic.NOTICE, Notice(kind, text)), "publish-notice")

    def publish_language(self, language: str) -> None:
        """Publish the code of the language that the agent speaks from now on."""
        self._start(
            self._set_attributes({ParticipantAttribute.LANGUAGE: language}), "publish-language"
        )

    def publish_turn(self, turn: Turn) -> asyncio.Task[None]:
        """Publish where the time of a turn went; the task is done once that is sent."""
        return self._start(self._publish(Topic.TURN, turn), "publish-turn")

    async def publish_leaving(self) -> None:
        """Publish that the agent does not listen any more; return once that is known, or soon."""
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_SENDING_SECONDS):
                await self._room.local_participant.set_attributes(
                    {ParticipantAttribute.STATE: AgentState.INITIALIZING}
                )

    async def say_farewell(self, text: str) -> None:
        """Publish that the call is over; return once that is on its way."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SENDING_SECONDS):
                await self._publish(Topic.NOTICE, Notice(NoticeKind.CALL_ENDED, text))

    async def _set_attributes(self, attributes: dict[str, str]) -> None:
        await is_sent("attributes", self._room.local_participant.set_attributes(attributes))

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
        """Raise RpcError where that participant may not command the agent."""
        if not may_command(self._room, call.caller_identity):
            raise rtc.RpcError(NOT_ALLOWED, "Only a speaker may command the agent.")

    async def _publish(self, topic: Topic, message: Message) -> None:
        me = self._room.local_participant
        await is_sent(topic, me.send_text(message.encode(), topic=topic))

    def _start(self, work: Coroutine[object, object, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def may_command(room: rtc.Room, identity: str) -> bool:
    """Whether that participant may stop the agent or have it repeat itself.

    Anybody with a microphone may, since speaking silences the agent too. A listener may not, unless
    nobody has a microphone and the conversation is a written one.
    """
    present = {caller.identity: caller for caller in callers(room)}
    if identity not in present:
        return False
    if _speaks(present[identity]):
        return True
    return not any(_speaks(caller) for caller in present.values())


def session_commands(session: AgentSession[Any], presence: Callable[[], Pong]) -> Commands:
    """The commands of callers, carried out by a session."""

    async def stop() -> None:
        with contextlib.suppress(RuntimeError):
            await session.interrupt(force=True)

    async def repeat() -> None:
        said = [
            item.text_content
            for item in session.history.items
            if isinstance(item, llm.ChatMessage) and item.role == "assistant" and item.text_content
        ]
        if said:
            await stop()
            session.say(said[-1], add_to_chat_ctx=False)

    return Commands(stop, repeat, presence)


def agent_info(models: Mapping[str, LoadedModel], llm_name: str, notices: list[str]) -> AgentInfo:
    """What callers are shown about an agent with these models, within the bounds of the wire."""
    shown = {
        role: ModelInfo(shortened(model.name, LONGEST_NAME_CHARACTERS), model.demo)
        for role, model in models.items()
    }
    return AgentInfo(
        asr=shown.get("asr"),
        voice=shown.get("voice"),
        llm=shortened(llm_name, LONGEST_NAME_CHARACTERS),
        notices=tuple(
            shortened(text, LONGEST_SENTENCE_CHARACTERS) for text in notices[:MOST_SENTENCES]
        ),
    )


def _speaks(participant: rtc.RemoteParticipant) -> bool:
    return any(carries_voice(track) for track in participant.track_publications.values())

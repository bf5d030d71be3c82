"""Tools that take their time: the caller is told, and may go on talking meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from livekit.agents import (
    AgentSession,
    ConversationItemAddedEvent,
    SpeechCreatedEvent,
    ToolCallEnded,
    ToolCallStarted,
    ToolCallUpdated,
    ToolExecutionUpdatedEvent,
    llm,
)
from livekit.agents.voice import SpeechHandle

from agent.session.framework import ActivityClosedError

logger = logging.getLogger("agent.session.slow_tools")

_LOOK_SECONDS: Final = 0.05
"""Between two looks at whether the words before a tool call have been spoken; there is no event."""


@dataclass(frozen=True, slots=True)
class ToolLimits:
    """What holds for every tool of a conversation."""

    most_characters: int = 8_000
    """Of a result, as the language model is given it."""
    announced_after_seconds: float = 2.0
    """How long tools run before the caller is told; 0: never told."""


class SlowTools:
    """Follows the tools of one session, whoever wrote them; belongs to its event loop.

    The framework's own announcement, `RunContext.with_filler`, has to be written into each tool.

    The framework interrupts a reply whose tool still runs once the caller says something else, and
    has that wait for the tool, up to five seconds. Here such a reply is kept out of interruptions
    while it only waits: the caller is answered at once, and hears of the result when it is there.
    """

    def __init__(
        self, session: AgentSession[Any], *, seconds: float, phrase: Callable[[], str]
    ) -> None:
        """Follow the session.

        Args:
            session: the one whose tools are followed.
            seconds: how long tools run before that is said; 0: it never is.
            phrase: returns what is said, once a turn.
        """
        self._session = session
        self._seconds = seconds
        self._phrase = phrase
        self._replies: set[SpeechHandle] = set()
        """Those that have not ended."""
        self._running: dict[str, SpeechHandle | None] = {}
        """The replies that wait for tools, by the id of the call."""
        self._held: set[SpeechHandle] = set()
        self._slow: set[str] = set()
        """Ids of the calls of this turn that still run."""
        self._said = False
        self._announcing: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        session.on("speech_created", self._on_speech)
        session.on("tool_execution_updated", self._on_tool)
        session.on("conversation_item_added", self._on_item)

    async def aclose(self) -> None:
        """Follow it no more."""
        self._session.off("speech_created", self._on_speech)
        self._session.off("tool_execution_updated", self._on_tool)
        self._session.off("conversation_item_added", self._on_item)
        while self._held:
            self._held.pop().allow_interruptions = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _on_speech(self, event: SpeechCreatedEvent) -> None:
        self._replies.add(event.speech_handle)
        event.speech_handle.add_done_callback(self._replies.discard)

    def _on_tool(self, event: ToolExecutionUpdatedEvent) -> None:
        update = event.update
        if isinstance(update, ToolCallStarted):
            call_id = update.function_call.call_id
            reply = self._reply_of(call_id)
            self._running[call_id] = reply
            self._slow.add(call_id)
            if reply is not None:
                self._start(self._hold_once_spoken(call_id, reply), "hold-reply")
            if self._announcing is None and self._seconds and not self._said:
                self._announcing = self._start(self._announce(), "announce-slow-tool")
        elif isinstance(update, ToolCallEnded | ToolCallUpdated):
            # One that reports its progress is spoken of by the language model from here on.
            self._ended(update.call_id)

    def _on_item(self, event: ConversationItemAddedEvent) -> None:
        if isinstance(event.item, llm.ChatMessage) and event.item.role == "user":
            # What still runs belongs to an earlier turn.
            self._slow.clear()
            self._stop_announcing()
            self._said = False

    def _ended(self, call_id: str) -> None:
        reply = self._running.pop(call_id, None)
        if reply in self._held and reply not in self._running.values():
            self._held.discard(reply)
            reply.allow_interruptions = True
        self._slow.discard(call_id)
        if not self._slow:
            self._stop_announcing()

    def _stop_announcing(self) -> None:
        if self._announcing is not None:
            self._announcing.cancel()
            self._announcing = None

    def _reply_of(self, call_id: str) -> SpeechHandle | None:
        for reply in self._replies:
            for item in reply.chat_items:
                if isinstance(item, llm.FunctionCall) and item.call_id == call_id:
                    return reply
        return None

    async def _hold_once_spoken(self, call_id: str, reply: SpeechHandle) -> None:
        while True:
            if self._session.current_speech is not reply:
                break
            await asyncio.sleep(_LOOK_SECONDS)
        if call_id in self._running and reply.allow_interruptions and not reply.interrupted:
            reply.allow_interruptions = False
            self._held.add(reply)

    async def _announce(self) -> None:
        await asyncio.sleep(self._seconds)
        with contextlib.suppress(ActivityClosedError, RuntimeError):
            # The model may be saying so itself, and a caller who speaks is not interrupted.
            await self._session.wait_for_idle()
            self._said = True
            logger.info("tool takes long", extra={"calls": len(self._slow)})
            self._session.say(self._phrase(), allow_interruptions=True, add_to_chat_ctx=False)

    def _start(self, work: Any, name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

"""What every agent of a conversation gets from here, whoever wrote it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Coroutine
from typing import Any

from livekit.agents import (
    Agent,
    AgentSession,
    ConversationItemAddedEvent,
    FlushSentinel,
    ModelSettings,
    llm,
)

from agent.llm.builtin.conversation import said_name
from agent.session.conversation_language import ConversationLanguage
from agent.session.framework import ActivityClosedError
from agent.session.guarded_reply import guarded_reply
from agent.session.slow_tools import SlowTools, ToolLimits
from agent.tools import RoomState
from agent.tools.bounds import cut

logger = logging.getLogger("agent.session.attendant")

LONGEST_WAIT_FOR_SILENCE_SECONDS = 30.0
"""A timer that is due is announced after this, even if somebody is still speaking."""
_ANNOUNCED_AT_MOST = 3
"""Times; after that the caller's own turns have been going before it for too long."""
END_OF_CALL_SECONDS = 10.0
"""A call ends at most this long after the caller asked for it, even if the goodbye goes unheard."""

Reply = llm.ChatChunk | str | FlushSentinel


class Attendant:
    """Attends one conversation: announcements, history, apologies, its end.

    Lives on the conversation's event loop.
    """

    def __init__(
        self,
        state: RoomState,
        language: ConversationLanguage,
        *,
        max_history_items: int,
        tools: ToolLimits | None = None,
        before_greeting: Callable[[], None] | None = None,
        on_llm_failure: Callable[[str], None] | None = None,
        on_end_call: Callable[[], None] | None = None,
    ) -> None:
        """Attend nothing yet.

        Args:
            state: of the tools; closed with the attendant.
            language: what the caller speaks, and the agent.
            max_history_items: how many messages and tool results the conversation keeps.
            tools: what holds for every tool of the conversation.
            before_greeting: called once the session has its outputs, before the greeting.
            on_llm_failure: called with the apology that replaces a failed reply of the LLM.
            on_end_call: called once, when the caller has asked to end the call and heard the
                goodbye.
        """
        self.state = state
        state.announce = self.announce
        state.end_call = self._end_call_after_goodbye
        state.language = lambda: language.spoken
        self._language = language
        self._max_history_items = max_history_items
        self._tool_limits = tools or ToolLimits()
        self._slow_tools: SlowTools | None = None
        self._before_greeting = before_greeting
        self._on_llm_failure = on_llm_failure
        self._on_end_call = on_end_call
        self._session: AgentSession[Any] | None = None
        self._announcements: asyncio.Queue[str] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()

    def announce(self, sentence: str) -> None:
        """Say a sentence as soon as nobody is speaking."""
        self._announcements.put_nowait(sentence)

    def begin(self, session: AgentSession[Any]) -> None:
        """Attend the session, which has its outputs; more than once is once."""
        if self._session is not None:
            return
        self._session = session
        if self._before_greeting is not None:
            self._before_greeting()
        session.on("conversation_item_added", self._on_item_added)
        self._slow_tools = SlowTools(
            session,
            seconds=self._tool_limits.announced_after_seconds,
            phrase=lambda: self._language.phrases.one_moment,
        )
        self._start(self._announce_in_silence(session), name="attendant-announcements")

    async def aclose(self) -> None:
        """End the tools' timers, and what is still to be said. Idempotent."""
        if self._session is not None:
            self._session.off("conversation_item_added", self._on_item_added)
            self._session = None
        if self._slow_tools is not None:
            await self._slow_tools.aclose()
        await self.state.aclose()
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def reply(
        self,
        answer: AsyncGenerator[Any, None],
        chat_ctx: llm.ChatContext,
        model_settings: ModelSettings,
    ) -> AsyncGenerator[Reply, None]:
        """Pass the LLM's reply on, or an apology where it fails."""
        return guarded_reply(
            answer,
            chat_ctx,
            model_settings,
            phrases=self._language.phrases,
            on_failure=self._on_llm_failure,
        )

    def bound_results(self, chat_ctx: llm.ChatContext) -> None:
        """Cut what tools have returned, in place, so that the history keeps no more either."""
        most = self._tool_limits.most_characters
        for item in chat_ctx.items:
            if isinstance(item, llm.FunctionCallOutput) and len(item.output) > most:
                logger.info(
                    "result of a tool cut",
                    extra={"tool": item.name, "characters": len(item.output)},
                )
                item.output = cut(item.output, most)

    def with_language(self, chat_ctx: llm.ChatContext) -> llm.ChatContext:
        """Tell the LLM which language the caller speaks, unless that needs no words."""
        if not self._language.instruction:
            return chat_ctx
        told = chat_ctx.copy()
        told.add_message(role="system", content=self._language.instruction)
        return told

    def equip(self, agent: Agent, *, instead_of_entering: str = "") -> None:
        """Attend what an owner's agent does, when it takes the conversation.

        Args:
            agent: any agent but those that attend themselves.
            instead_of_entering: said in place of its `on_enter`; empty for that.
        """
        if "on_enter" in vars(agent):
            return
        enter, answer = agent.on_enter, agent.llm_node

        async def on_enter() -> None:
            self.begin(agent.session)
            if instead_of_entering:
                agent.session.say(instead_of_entering, allow_interruptions=True)
            else:
                await enter()

        async def llm_node(
            chat_ctx: llm.ChatContext, tools: list[llm.Tool], model_settings: ModelSettings
        ) -> AsyncGenerator[Reply, None]:
            self.bound_results(chat_ctx)
            chat_ctx = self.with_language(chat_ctx)
            given = _pieces(answer(chat_ctx, tools, model_settings))
            reply = self.reply(given, chat_ctx, model_settings)
            async with contextlib.aclosing(reply):
                async for piece in reply:
                    yield piece

        # The framework calls both through the agent, whose class the owner wrote.
        vars(agent).update(on_enter=on_enter, llm_node=llm_node)

    async def _announce_in_silence(self, session: AgentSession[Any]) -> None:
        while True:
            sentence = await self._announcements.get()
            for _ in range(_ANNOUNCED_AT_MOST):
                try:
                    async with asyncio.timeout(LONGEST_WAIT_FOR_SILENCE_SECONDS):
                        await session.wait_for_idle()
                except TimeoutError:
                    logger.info("announcement no longer waits for silence")
                except ActivityClosedError:
                    return
                speech = await session.say(sentence, allow_interruptions=True)
                # The reply to a turn that ends just now interrupts it before its first word.
                if speech.chat_items or not speech.interrupted:
                    break

    def _on_item_added(self, event: ConversationItemAddedEvent) -> None:
        item, session = event.item, self._session
        if isinstance(item, llm.ChatMessage) and item.role == "user":
            self.state.caller_name = said_name(item.text_content or "") or self.state.caller_name
        if session is not None and len(_agent(session).chat_ctx.items) > self._max_history_items:
            self._start(self._trim_history(session), name="attendant-trim-history")

    async def _trim_history(self, session: AgentSession[Any]) -> None:
        """Drop the oldest items of the agent's and the session's history."""
        agent = _agent(session)
        kept = agent.chat_ctx.copy()
        kept.truncate(max_items=self._max_history_items)
        await agent.update_chat_ctx(kept)
        session.history.truncate(max_items=self._max_history_items)

    def _end_call_after_goodbye(self) -> None:
        on_end_call, self._on_end_call = self._on_end_call, None
        if on_end_call is not None and self._session is not None:
            self._start(self._say_goodbye(self._session, on_end_call), name="attendant-end-call")

    async def _say_goodbye(
        self, session: AgentSession[Any], on_end_call: Callable[[], None]
    ) -> None:
        """Wait for the speech in which the tool was called; it ends with the goodbye."""
        speech = session.current_speech
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_OF_CALL_SECONDS):
                if speech is not None:
                    await speech.wait_for_playout()
        on_end_call()

    def _start(self, work: Coroutine[Any, Any, None], *, name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _agent(session: AgentSession[Any]) -> Agent:
    agent: Agent = session.current_agent
    return agent


async def _pieces(
    answer: AsyncIterable[Any] | Awaitable[Any],
) -> AsyncGenerator[Any, None]:
    """Yield what an `llm_node` gives, in any of the forms that the framework allows."""
    given = answer if isinstance(answer, AsyncIterable) else await answer
    if isinstance(given, AsyncIterable):
        async for piece in given:
            yield piece
        if isinstance(given, AsyncGenerator):
            await given.aclose()
    elif given is not None:
        yield given

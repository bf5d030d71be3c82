"""The agent of a conversation: instructions, greeting, announcements and apologies."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any

from livekit.agents import (
    Agent,
    APIError,
    APIStatusError,
    APITimeoutError,
    ConversationItemAddedEvent,
    FlushSentinel,
    ModelSettings,
    llm,
)

from agent.languages import Phrases
from agent.llm.builtin.conversation import said_name
from agent.llm.waking import WAKING_CHUNK
from agent.session.conversation_language import ConversationLanguage
from agent.session.framework import ActivityClosedError
from agent.tools import RoomState, Toolbox
from services.tts.text.normalization import is_speakable

logger = logging.getLogger("agent.session.assistant")

INSTRUCTIONS = """\
You are {who} that runs on the caller's own machine. Everything you write is \
spoken aloud, so answer in one to three short plain sentences, without markdown, lists, headings, \
links, emoji or symbols. Say numbers, times and dates the way people say them. Answer first, and \
explain only if asked. Use the tools for the time, dates, arithmetic, timers, reminders, the list, \
coins, dice and the end of the call instead of guessing, and never claim to have done something \
that no tool has confirmed. You cannot place calls, send messages, see the weather or search the \
web. The caller's words come from speech recognition and may be wrong: where they make no sense, \
briefly ask again. Answer in the caller's language."""

LONGEST_WAIT_FOR_SILENCE_SECONDS = 30.0
"""A timer that is due is announced after this, even if somebody is still speaking."""
END_OF_CALL_SECONDS = 10.0
"""A call ends at most this long after the caller asked for it, even if the goodbye goes unheard."""
MOST_TOOL_STEPS = 6
"""Consecutive LLM requests that only call tools; then the turn ends with an apology. The
framework's own limit is lower, but does not count steps in which a tool call fails."""


def instructions_for(name: str, instructions: str | None, language: ConversationLanguage) -> str:
    """Return the given system prompt, or else the default one for an agent of that name.

    It says what language the caller speaks, unless that may change.
    """
    who = f"{name}, a voice assistant" if name else "a voice assistant"
    prompt = instructions or INSTRUCTIONS.format(who=who)
    return prompt if language.follows else f"{prompt} {language.instruction}".rstrip()


class Assistant(Agent):
    """The agent of one conversation. Lives on its event loop.

    Args:
        toolbox: the tools of the conversation; their state is closed with the agent.
        language: what the caller speaks, and the agent; None for English.
        name: what the agent calls itself; empty for no name.
        instructions: the system prompt for an LLM, or None for `INSTRUCTIONS`.
        greeting: said at the start; empty for none.
        earlier: the conversation so far, where this agent continues one.
        max_history_items: how many messages and tool results the conversation keeps.
        before_greeting: called once the session has its outputs, before the greeting.
        on_llm_failure: called with the apology that replaces a failed reply of the LLM.
        on_end_call: called once, when the caller has asked to end the call and heard the goodbye.
    """

    def __init__(
        self,
        *,
        toolbox: Toolbox,
        language: ConversationLanguage | None = None,
        max_history_items: int,
        name: str = "",
        instructions: str | None = None,
        greeting: str = "",
        earlier: llm.ChatContext | None = None,
        before_greeting: Callable[[], None] | None = None,
        on_llm_failure: Callable[[str], None] | None = None,
        on_end_call: Callable[[], None] | None = None,
    ) -> None:
        language = language or ConversationLanguage("en")
        super().__init__(
            instructions=instructions_for(name, instructions, language),
            chat_ctx=earlier,
            tools=list(toolbox.function_tools),
        )
        self._state: RoomState = toolbox.state
        self._state.agent_name = name
        self._state.announce = self.announce
        self._state.end_call = self._end_call_after_goodbye
        self._state.language = lambda: language.spoken
        self._language = language
        self._greeting = greeting
        self._max_history_items = max_history_items
        self._before_greeting = before_greeting
        self._on_llm_failure = on_llm_failure
        self._on_end_call = on_end_call
        self._announcements: asyncio.Queue[str] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def state(self) -> RoomState:
        """State that the tools share."""
        return self._state

    def announce(self, sentence: str) -> None:
        """Say a sentence as soon as nobody is speaking."""
        self._announcements.put_nowait(sentence)

    async def on_enter(self) -> None:
        if self._before_greeting is not None:
            self._before_greeting()
        self.session.on("conversation_item_added", self._on_item_added)
        self._start(self._announce_in_silence(), name="assistant-announcements")
        if self._greeting:
            self.session.say(self._greeting, allow_interruptions=True)

    async def on_exit(self) -> None:
        self.session.off("conversation_item_added", self._on_item_added)
        await self._state.aclose()
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def llm_node(
        self,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool],
        model_settings: ModelSettings,
    ) -> AsyncGenerator[llm.ChatChunk | str | FlushSentinel, None]:
        """Yield the LLM's reply, or an apology where it fails or has nothing that can be spoken."""
        phrases = self._language.phrases
        if self._language.follows and self._language.instruction:
            chat_ctx = chat_ctx.copy()
            chat_ctx.add_message(role="system", content=self._language.instruction)
        if _tool_steps(chat_ctx) >= MOST_TOOL_STEPS:
            logger.warning("LLM calls tools without end", extra={"steps": MOST_TOOL_STEPS})
            yield phrases.tools_without_end
            return
        spoken = ""
        called = False
        dropped = False
        answer = Agent.default.llm_node(self, chat_ctx, tools, model_settings)
        try:
            async with contextlib.aclosing(answer):
                async for chunk in answer:
                    if isinstance(chunk, llm.ChatChunk) and chunk.delta is not None:
                        if chunk.delta.tool_calls and model_settings.tool_choice == "none":
                            # The calls would not run, and nothing would be said.
                            chunk.delta.tool_calls = []
                            dropped = True
                        called = called or bool(chunk.delta.tool_calls)
                        if chunk.id != WAKING_CHUNK:
                            spoken += chunk.delta.content or ""
                    yield chunk
        except Exception as error:
            apology = _apology(phrases, error, begun=bool(spoken.strip()))
            logger.warning(
                "LLM failed",
                extra={**_described(error), "begun": bool(spoken.strip())},
                exc_info=None if isinstance(error, APIError) else error,
            )
            if self._on_llm_failure is not None:
                self._on_llm_failure(apology)
            if not called:
                yield _after(spoken, apology)
        else:
            if not called and not is_speakable(spoken):
                apology = phrases.tools_without_end if dropped else phrases.llm_silent
                yield f"\n{phrases.llm_unspeakable}" if spoken.strip() else apology

    async def _announce_in_silence(self) -> None:
        while True:
            sentence = await self._announcements.get()
            try:
                async with asyncio.timeout(LONGEST_WAIT_FOR_SILENCE_SECONDS):
                    await self.session.wait_for_idle()
            except TimeoutError:
                logger.info("announcement no longer waits for silence")
            except ActivityClosedError:
                return
            await self.session.say(sentence, allow_interruptions=True)

    def _on_item_added(self, event: ConversationItemAddedEvent) -> None:
        item = event.item
        if isinstance(item, llm.ChatMessage) and item.role == "user":
            self._state.caller_name = said_name(item.text_content or "") or self._state.caller_name
        if len(self.chat_ctx.items) > self._max_history_items:
            self._start(self._trim_history(), name="assistant-trim-history")

    async def _trim_history(self) -> None:
        """Drop the oldest items of the agent's and the session's history."""
        kept = self.chat_ctx.copy()
        kept.truncate(max_items=self._max_history_items)
        await self.update_chat_ctx(kept)
        self.session.history.truncate(max_items=self._max_history_items)

    def _end_call_after_goodbye(self) -> None:
        on_end_call, self._on_end_call = self._on_end_call, None
        if on_end_call is not None:
            self._start(self._say_goodbye(on_end_call), name="assistant-end-call")

    async def _say_goodbye(self, on_end_call: Callable[[], None]) -> None:
        """Wait for the speech in which the tool was called; it ends with the goodbye."""
        speech = self.session.current_speech
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_OF_CALL_SECONDS):
                if speech is not None:
                    await speech.wait_for_playout()
        on_end_call()

    def _start(self, work: Coroutine[Any, Any, None], *, name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _apology(phrases: Phrases, error: Exception, *, begun: bool) -> str:
    if begun:
        return phrases.llm_cut_off
    return phrases.llm_slow if isinstance(error, APITimeoutError) else phrases.llm_down


def _described(error: Exception) -> dict[str, Any]:
    """Describe a failure for the log in our own words, never in the endpoint's."""
    # The framework wraps the error of the last attempt.
    cause = error.__cause__ if isinstance(error.__cause__, APIError) else error
    described: dict[str, Any] = {"kind": type(cause).__name__}
    if isinstance(cause, APIStatusError):
        described["status"] = cause.status_code
    if isinstance(cause, APIError):
        described["reason"] = cause.message
    return described


def _tool_steps(chat_ctx: llm.ChatContext) -> int:
    """Count the replies since the caller's last message that only called tools."""
    steps = set()
    for item in reversed(chat_ctx.items):
        if isinstance(item, llm.ChatMessage) and item.role == "user":
            break
        if isinstance(item, llm.FunctionCall):
            steps.add(item.group_id or item.id.partition("/")[0])
    return len(steps)


def _after(spoken: str, apology: str) -> str:
    """Return the apology as a sentence of its own after what was already said."""
    if not spoken.strip():
        return apology
    return f" {apology}" if spoken.rstrip()[-1] in ".?!" else f". {apology}"

"""Who the agent is in a room: its instructions, its tools, and what it says by itself."""

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
from livekit.agents.voice.agent_activity import ActivityClosedError

from agent import phrases
from agent.llm.builtin.conversation import said_name
from agent.llm.waking import WAKING_CHUNK
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
"""A timer that is due is announced after this, even if one side is still speaking."""
END_OF_CALL_SECONDS = 10.0
"""The call ends this long after it was asked for, whether the goodbye was heard or not."""
MOST_TOOL_STEPS = 6
"""Requests in a row that only call tools, after which the LLM is not asked any more. The
framework's own limit is lower, but lost where a call fails within it."""


def instructions_for(name: str, instructions: str | None) -> str:
    """The system prompt: the given one, or else ours for an agent of that name."""
    who = f"{name}, a voice assistant" if name else "a voice assistant"
    return instructions or INSTRUCTIONS.format(who=who)


class Assistant(Agent):
    """The agent of one room. Lives on the room's event loop.

    Args:
        toolbox: the room's tools; their state is owned from here on and closed with the room.
        name: how the agent calls itself; empty for no name.
        instructions: the system prompt for an LLM, or None for `INSTRUCTIONS`.
        greeting: said when the caller joins; empty for none.
        earlier: what was said before this agent came, to go on with.
        max_history_items: how many messages and tool results the conversation keeps.
        on_llm_failure: told what the caller is told when the LLM failed.
        on_end_call: called once, when the caller has asked to end the call and heard the goodbye.
    """

    def __init__(
        self,
        *,
        toolbox: Toolbox,
        max_history_items: int,
        name: str = "",
        instructions: str | None = None,
        greeting: str = "",
        earlier: llm.ChatContext | None = None,
        on_llm_failure: Callable[[str], None] | None = None,
        on_end_call: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(
            instructions=instructions_for(name, instructions),
            chat_ctx=earlier,
            tools=list(toolbox.function_tools),
        )
        self._state: RoomState = toolbox.state
        self._state.agent_name = name
        self._state.announce = self.announce
        self._state.end_call = self._end_call_after_goodbye
        self._greeting = greeting
        self._max_history_items = max_history_items
        self._on_llm_failure = on_llm_failure
        self._on_end_call = on_end_call
        self._announcements: asyncio.Queue[str] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def state(self) -> RoomState:
        """What the room's tools remember."""
        return self._state

    def announce(self, sentence: str) -> None:
        """Say a sentence of the agent's own as soon as neither side is speaking."""
        self._announcements.put_nowait(sentence)

    async def on_enter(self) -> None:
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
        """The LLM's answer; where that fails or cannot be heard, an apology takes its place."""
        if _tool_steps(chat_ctx) >= MOST_TOOL_STEPS:
            logger.warning("LLM calls tools without end", extra={"steps": MOST_TOOL_STEPS})
            yield phrases.TOOLS_WITHOUT_END
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
                            # They would not be run, and nothing would be said.
                            chunk.delta.tool_calls = []
                            dropped = True
                        called = called or bool(chunk.delta.tool_calls)
                        if chunk.id != WAKING_CHUNK:
                            spoken += chunk.delta.content or ""
                    yield chunk
        except Exception as error:
            apology = _apology(error, begun=bool(spoken.strip()))
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
                apology = phrases.TOOLS_WITHOUT_END if dropped else phrases.LLM_SILENT
                yield f"\n{phrases.LLM_UNSPEAKABLE}" if spoken.strip() else apology

    async def _announce_in_silence(self) -> None:
        while True:
            sentence = await self._announcements.get()
            try:
                async with asyncio.timeout(LONGEST_WAIT_FOR_SILENCE_SECONDS):
                    await self.session.wait_for_idle()
            except TimeoutError:
                logger.info("announcement does not wait for silence any longer")
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
        """Wait for the speech that the tool was called in, whose last words are the goodbye."""
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


def _apology(error: Exception, *, begun: bool) -> str:
    if begun:
        return phrases.LLM_CUT_OFF
    return phrases.LLM_SLOW if isinstance(error, APITimeoutError) else phrases.LLM_DOWN


def _described(error: Exception) -> dict[str, Any]:
    """What the log says of a failure: our own words, never the endpoint's."""
    # The framework wraps the error of the last try.
    cause = error.__cause__ if isinstance(error.__cause__, APIError) else error
    described: dict[str, Any] = {"kind": type(cause).__name__}
    if isinstance(cause, APIStatusError):
        described["status"] = cause.status_code
    if isinstance(cause, APIError):
        described["reason"] = cause.message
    return described


def _tool_steps(chat_ctx: llm.ChatContext) -> int:
    """How many answers since the caller's last words only called tools."""
    steps = set()
    for item in reversed(chat_ctx.items):
        if isinstance(item, llm.ChatMessage) and item.role == "user":
            break
        if isinstance(item, llm.FunctionCall):
            steps.add(item.group_id or item.id.partition("/")[0])
    return len(steps)


def _after(spoken: str, apology: str) -> str:
    """The apology as a sentence of its own after what was said already."""
    if not spoken.strip():
        return apology
    return f" {apology}" if spoken.rstrip()[-1] in ".?!" else f". {apology}"

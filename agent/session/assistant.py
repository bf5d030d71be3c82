"""The agent of a conversation that is described by settings or a TOML file."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable

from livekit.agents import Agent, FlushSentinel, ModelSettings, llm

from agent.session.attendant import Attendant
from agent.session.conversation_language import ConversationLanguage
from agent.session.slow_tools import ToolLimits
from agent.tools import RoomState, Toolbox

INSTRUCTIONS = """\
You are {who} that runs on the caller's own machine. Everything you write is \
spoken aloud, so answer in one to three short plain sentences, without markdown, lists, headings, \
links, emoji or symbols. Say numbers, times and dates the way people say them. Answer first, and \
explain only if asked. Use the tools for the time, dates, arithmetic, timers, reminders, the list, \
coins, dice and the end of the call instead of guessing, and never claim to have done something \
that no tool has confirmed. You cannot place calls, send messages, see the weather or search the \
web. The caller's words come from speech recognition and may be wrong: where they make no sense, \
briefly ask again. Answer in the caller's language."""


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
        limits: what holds for every tool.
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
        limits: ToolLimits | None = None,
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
        toolbox.state.agent_name = name
        self._attendant = Attendant(
            toolbox.state,
            language,
            max_history_items=max_history_items,
            tools=limits,
            before_greeting=before_greeting,
            on_llm_failure=on_llm_failure,
            on_end_call=on_end_call,
        )
        self._language = language
        self._greeting = greeting

    @property
    def state(self) -> RoomState:
        """State that the tools share."""
        return self._attendant.state

    def announce(self, sentence: str) -> None:
        """Say a sentence as soon as nobody is speaking."""
        self._attendant.announce(sentence)

    async def on_enter(self) -> None:
        self._attendant.begin(self.session)
        if self._greeting:
            self.session.say(self._greeting, allow_interruptions=True)

    async def on_exit(self) -> None:
        await self._attendant.aclose()

    async def llm_node(
        self,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool],
        model_settings: ModelSettings,
    ) -> AsyncGenerator[llm.ChatChunk | str | FlushSentinel, None]:
        """Yield the LLM's reply, or an apology where it fails or has nothing that can be spoken."""
        self._attendant.bound_results(chat_ctx)
        if self._language.follows:
            # Otherwise the instructions say so from the start.
            chat_ctx = self._attendant.with_language(chat_ctx)
        answer = Agent.default.llm_node(self, chat_ctx, tools, model_settings)
        reply = self._attendant.reply(answer, chat_ctx, model_settings)
        async with contextlib.aclosing(reply):
            async for piece in reply:
                yield piece

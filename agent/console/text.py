"""A typed conversation on a terminal or in a pipe: assistant, LLM and tools of a room, no audio."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TextIO

from livekit.agents import FunctionToolsExecutedEvent
from livekit.agents.voice import AgentSession, io
from livekit.agents.voice.turn import TurnHandlingOptions

from agent.console.lines import LineReader
from agent.definitions.definition import BUILT_IN, AgentDefinition
from agent.session.conversation_agent import ConversationAgent, make_agent
from agent.session.conversation_language import written_language
from agent.session.framework import LongLivedSession
from agent.session.pipeline import BuildLLM, connect_options
from agent.settings import Settings
from agent.tools import RoomState, Toolbox

_CLEAR_LINE = "\r\x1b[K"


async def converse_in_text(
    settings: Settings,
    build_llm: BuildLLM,
    source: TextIO,
    output: TextIO,
    definition: AgentDefinition = BUILT_IN,
) -> None:
    """Answer each line of `source`, a file with a descriptor, until it or the call ends.

    `settings` are those of the conversation, `definition` says whose agent it is. On a terminal the
    lines of both sides are labelled. Elsewhere only the agent's replies are written, one line each.
    """
    toolbox = Toolbox(RoomState(), definition.tools)
    model = build_llm(toolbox)
    ended = asyncio.Event()
    replies = Replies(output, on_closed=ended.set, marked=source.isatty() and output.isatty())
    session = LongLivedSession(
        llm=model,
        turn_handling=TurnHandlingOptions(
            turn_detection="manual",
            interruption={"mode": "vad"},
            preemptive_generation={"enabled": False},
        ),
        user_away_timeout=None,
        conn_options=connect_options(settings),
    )
    session.output.transcription = replies
    made: ConversationAgent | None = None
    try:
        made = await make_agent(
            definition,
            settings,
            toolbox,
            session,
            written_language(settings),
            on_end_call=ended.set,
        )
        await session.start(made.agent, record=False)
        await made.tools_tried()
        await session.wait_for_idle()
        answering = asyncio.create_task(_answer(session, LineReader(source), replies, ended))
        ending = asyncio.create_task(ended.wait())
        try:
            await asyncio.wait([answering, ending], return_when=asyncio.FIRST_COMPLETED)
        finally:
            answering.cancel()
            ending.cancel()
            results = await asyncio.gather(answering, ending, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result
    finally:
        replies.end()
        if made is not None:
            await made.stop_tools()
        with suppress(RuntimeError):
            await session.aclose()
        if made is not None:
            await made.aclose()
        await model.aclose()


async def _answer(
    session: AgentSession[Any], lines: LineReader, replies: Replies, ended: asyncio.Event
) -> None:
    """Answer line after line to the end of the input; once the call ends, wait to be cancelled."""
    called: set[str] = set()

    def on_tools(event: FunctionToolsExecutedEvent) -> None:
        called.update(call.name for call in event.function_calls)

    session.on("function_tools_executed", on_tools)
    while True:
        replies.ask()
        line = await lines.next()
        if line is None:
            return
        if line.strip():
            replies.asked()
            # Also waits for an agent that takes over, to which `wait_for_idle` pays no heed.
            await session.run(user_input=line.strip())
            await session.wait_for_idle()
        if "end_call" in called:
            await ended.wait()


class Replies(io.TextOutput):
    """Writes the agent's replies as they arrive."""

    def __init__(self, output: TextIO, *, on_closed: Callable[[], None], marked: bool) -> None:
        """`on_closed` is called when the reader is gone; `marked` labels the lines."""
        super().__init__(label="console", next_in_chain=None)
        self._output = output
        self._on_closed = on_closed
        self._marked = marked
        self._asking = False
        self._replying = False

    def ask(self) -> None:
        """Prompt the person to type."""
        self._asking = True
        if self._marked:
            self._write("You:   ")

    def asked(self) -> None:
        """End the prompt: the person has finished the line."""
        self._asking = False

    def heard(self, text: str) -> None:
        """Write what the person said aloud."""
        self._write(f"You:   {text}\n")

    async def capture_text(self, text: str) -> None:
        """Write a piece of a reply."""
        if not self._replying and self._marked:
            # A reminder may arrive while the person is about to type.
            self._write(f"{_CLEAR_LINE if self._asking else ''}Agent: ")
        self._replying = True
        self._write(text)

    def flush(self) -> None:
        """End the reply."""
        if self._replying:
            self._replying = False
            self._write("\n")
            if self._asking:
                self.ask()

    def end(self) -> None:
        """Leave the cursor at the start of a line."""
        if self._replying or (self._asking and self._marked):
            self._write("\n")

    def _write(self, text: str) -> None:
        try:
            self._output.write(text)
            self._output.flush()
        except BrokenPipeError:
            self._on_closed()

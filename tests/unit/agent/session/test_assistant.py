"""The assistant in a real session, spoken to by text or by a scripted ear."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from livekit import rtc
from livekit.agents import (
    AgentSession,
    APIConnectionError,
    APITimeoutError,
    LanguageCode,
    ModelSettings,
    RunResult,
    llm,
    stt,
)
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, APIConnectOptions

from agent.languages import ENGLISH, phrases_in
from agent.llm.builtin import BuiltinLLM
from agent.session.assistant import Assistant
from agent.session.conversation_language import ConversationLanguage
from agent.tools import RoomState, Toolbox
from services.asr.events import ASREvent, ASREventKind
from tests.support.manual_clock import ManualClock

Heard = stt.SpeechEventType


class NoEars(stt.STT[Any]):
    """Stands for a recogniser; `ScriptedAssistant` hears by itself."""

    def __init__(self) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=True))

    async def _recognize_impl(self, *args: Any, **options: Any) -> stt.SpeechEvent:
        raise NotImplementedError


class ScriptedAssistant(Assistant):
    """Hears what the test says it hears, and keeps each drafted piece of a reply."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._heard: asyncio.Queue[stt.SpeechEvent] = asyncio.Queue()
        self.drafted: asyncio.Queue[str] = asyncio.Queue()

    def hear(self, kind: Heard, text: str = "") -> None:
        alternatives = [stt.SpeechData(language=LanguageCode("en"), text=text)] if text else []
        self._heard.put_nowait(stt.SpeechEvent(type=kind, alternatives=alternatives))

    async def stt_node(
        self, audio: AsyncIterable[rtc.AudioFrame], model_settings: ModelSettings
    ) -> AsyncGenerator[stt.SpeechEvent | str, None]:
        while True:
            yield await self._heard.get()

    async def llm_node(self, *arguments: Any) -> AsyncGenerator[Any, None]:
        async for chunk in super().llm_node(*arguments):
            yield chunk
            if isinstance(chunk, llm.ChatChunk) and chunk.delta:
                drafted = [call.name for call in chunk.delta.tool_calls]
                self.drafted.put_nowait(chunk.delta.content or "".join(drafted))


class FailingLLM(llm.LLM[Any]):
    """Says `words` and then raises `error`, as long as there is one."""

    def __init__(self, words: str, *, error: Exception | None) -> None:
        super().__init__()
        self.words = words
        self.error = error
        self.system = ""
        """What the last request told it apart from the conversation."""

    def chat(
        self,
        *,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool] | None = None,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
        **options: Any,
    ) -> llm.LLMStream:
        told = [m.text_content or "" for m in chat_ctx.messages() if m.role == "system"]
        self.system = "\n".join(told)
        once = APIConnectOptions(max_retry=0)
        return FailingStream(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=once)


class FailingStream(llm.LLMStream):
    async def _run(self) -> None:
        failing = self._llm
        assert isinstance(failing, FailingLLM)
        delta = llm.ChoiceDelta(role="assistant", content=failing.words)
        self._event_ch.send_nowait(llm.ChatChunk(id="1", delta=delta))
        if failing.error is not None:
            raise failing.error


class Call:
    """A running session and what belongs to it."""

    def __init__(self, session: AgentSession[None], assistant: Assistant, clock: ManualClock):
        self.session = session
        self.assistant = assistant
        self.clock = clock

    async def say(self, text: str) -> str:
        """Have the caller write `text`; the agent's reply."""
        result: RunResult[None] = await self.session.run(user_input=text)
        said = [e.item.text_content for e in result.events if e.type == "message"]
        return said[-1] or ""

    @property
    def said(self) -> list[str]:
        """All that the agent has said."""
        messages = self.assistant.chat_ctx.messages()
        return [m.text_content or "" for m in messages if m.role == "assistant"]

    async def until_said(self, text: str) -> None:
        async with asyncio.timeout(10):
            while text not in self.said:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def call(
    language_model: llm.LLM[Any] | None = None,
    assistant_class: type[Assistant] = Assistant,
    **options: Any,
) -> AsyncIterator[Call]:
    clock = ManualClock()
    toolbox = Toolbox(RoomState(clock=clock))
    assistant = assistant_class(toolbox=toolbox, **{"max_history_items": 80, **options})
    session = AgentSession[None](
        stt=NoEars() if assistant_class is ScriptedAssistant else NOT_GIVEN,
        llm=language_model or BuiltinLLM(toolbox),
        vad=None,
        turn_handling={
            "turn_detection": "stt" if assistant_class is ScriptedAssistant else None,
            "endpointing": {"min_delay": 0.0, "max_delay": 0.0},
            "interruption": {"mode": "vad"},
            "preemptive_generation": {"enabled": True},
        },
    )
    await session.start(assistant)
    try:
        yield Call(session, assistant, clock)
    finally:
        await session.aclose()


async def test_it_greets() -> None:
    async with call(greeting="Good day.") as room:
        await room.until_said("Good day.")
    async with call(greeting="") as room:
        assert await room.say("hello") == "Hello, how can I help you?"
        assert room.said == ["Hello, how can I help you?"]


async def test_it_answers_and_acts() -> None:
    async with call() as room:
        assert await room.say("what is two plus three") == "Two plus three is five."
        assert await room.say("add milk to my list") == "Added milk to your list."
        assert room.assistant.state.items == ["milk"]


async def test_its_instructions_name_it_and_can_be_replaced() -> None:
    toolbox = Toolbox(RoomState())
    assert "You are Robin, a voice assistant" in str(
        Assistant(toolbox=toolbox, max_history_items=9, name="Robin").instructions
    )
    replaced = Assistant(toolbox=toolbox, max_history_items=9, instructions="Be {brief}.")
    assert str(replaced.instructions) == "Be {brief}."


async def test_its_instructions_say_the_language_that_is_configured() -> None:
    toolbox = Toolbox(RoomState())
    german = ConversationLanguage("de", voice="de-DE")
    for instructions in (None, "Be brief."):
        agent = Assistant(
            toolbox=toolbox, language=german, max_history_items=9, instructions=instructions
        )
        assert str(agent.instructions).endswith(" The caller speaks German. Answer in German.")


async def test_the_llm_is_told_in_which_language_the_caller_speaks_now() -> None:
    language = ConversationLanguage(None, voice="en-US", others=["de"])
    listening = FailingLLM("Ja.", error=None)
    async with call(listening, language=language) as room:
        await room.say("hello")
        assert "German" not in listening.system
        language.observe(
            ASREvent(ASREventKind.FINAL, "wie spät ist es", language="de", end_seconds=2.0)
        )
        await room.say("wie spät ist es")
        assert listening.system.endswith("The caller speaks German. Answer in German.")
        assert "German" not in str(room.session.history.to_dict())


async def test_a_german_caller_hears_of_a_failure_in_german() -> None:
    german = ConversationLanguage("de", voice="de-DE")
    failing = FailingLLM("", error=APITimeoutError("late"))
    async with call(failing, language=german) as room:
        assert await room.say("wie spät ist es") == phrases_in("de").llm_slow


async def test_built_in_replies_say_in_the_caller_s_language_that_they_are_english() -> None:
    german = ConversationLanguage("de", voice="de-DE")
    async with call(language=german) as room:
        assert await room.say("wie wird das Wetter morgen") == phrases_in("de").builtin_only
        assert await room.say("what is two plus three") == "Two plus three is five."


async def test_a_timer_speaks_in_the_call() -> None:
    async with call() as room:
        await room.say("set a timer for five minutes")
        await room.clock.advance(300)
        await room.until_said("Your five minute timer is done.")


async def test_announcements_wait_for_the_agent_to_finish() -> None:
    async with call() as room:
        first = room.session.say("One thing.")
        room.assistant.announce("Another thing.")
        room.assistant.announce("A third thing.")
        assert not first.done()
        await room.until_said("A third thing.")
        assert room.said == ["One thing.", "Another thing.", "A third thing."]


async def test_nothing_is_left_of_the_call() -> None:
    async with call() as room:
        await room.say("set a timer for five minutes")
        room.assistant.announce("Not yet.")
    left = {task.get_name() for task in asyncio.all_tasks()}
    assert not {name for name in left if name.startswith(("timer-", "assistant-"))}
    assert room.assistant.state.timers.entries() == []


async def test_a_prepared_reply_that_is_discarded_sets_no_timer() -> None:
    async with call(assistant_class=ScriptedAssistant) as room:
        ears = room.assistant
        assert isinstance(ears, ScriptedAssistant)
        ears.hear(Heard.START_OF_SPEECH)
        ears.hear(Heard.PREFLIGHT_TRANSCRIPT, "set a timer for five minutes")
        assert await asyncio.wait_for(ears.drafted.get(), 10) == "set_timer"
        ears.hear(Heard.FINAL_TRANSCRIPT, "what is two plus three")
        ears.hear(Heard.END_OF_SPEECH)
        await room.until_said("Two plus three is five.")
        assert room.assistant.state.timers.entries() == []


async def test_a_prepared_effect_happens_once_the_turn_is_confirmed() -> None:
    async with call(assistant_class=ScriptedAssistant) as room:
        ears = room.assistant
        assert isinstance(ears, ScriptedAssistant)
        ears.hear(Heard.START_OF_SPEECH)
        ears.hear(Heard.PREFLIGHT_TRANSCRIPT, "set a timer for five minutes")
        assert await asyncio.wait_for(ears.drafted.get(), 10) == "set_timer"
        assert room.assistant.state.timers.entries() == []
        ears.hear(Heard.FINAL_TRANSCRIPT, "set a timer for five minutes")
        ears.hear(Heard.END_OF_SPEECH)
        await room.until_said("Timer set for five minutes.")
        assert len(room.assistant.state.timers.entries()) == 1


async def test_the_history_is_bounded_and_keeps_the_instructions() -> None:
    async with call(max_history_items=12) as room:
        await room.say("my name is ada")
        for _ in range(15):
            await room.say("add milk to my list")
        await room.say("hello")
        await asyncio.sleep(0)
        history = room.assistant.chat_ctx.items
        assert len(history) <= 13
        assert isinstance(history[0], llm.ChatMessage)
        assert history[0].role == "system"
        assert len(room.session.history.items) <= 13
        assert await room.say("what is my name") == "Your name is Ada."


async def test_trimming_does_not_discard_a_prepared_reply(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with call(assistant_class=ScriptedAssistant, max_history_items=4) as room:
        ears = room.assistant
        assert isinstance(ears, ScriptedAssistant)
        with caplog.at_level(logging.WARNING, "livekit.agents"):
            for number in ("one", "two", "three", "four"):
                ears.hear(Heard.START_OF_SPEECH)
                ears.hear(Heard.PREFLIGHT_TRANSCRIPT, f"what is ten plus {number}")
                await asyncio.wait_for(ears.drafted.get(), 10)
                ears.hear(Heard.FINAL_TRANSCRIPT, f"what is ten plus {number}")
                ears.hear(Heard.END_OF_SPEECH)
                total = {"one": "eleven", "two": "twelve", "three": "thirteen", "four": "fourteen"}
                await room.until_said(f"Ten plus {number} is {total[number]}.")
        assert not [r for r in caplog.records if "invalidated" in r.message]


async def test_the_call_ends_after_the_goodbye() -> None:
    ended = asyncio.Event()
    async with call(on_end_call=ended.set) as room:
        assert await room.say("hang up") == "Goodbye, talk to you soon."
        await asyncio.wait_for(ended.wait(), 10)
        assert "Goodbye, talk to you soon." in room.said


@pytest.mark.parametrize(
    ("words", "error", "reply", "apology"),
    [
        ("", APIConnectionError("refused"), ENGLISH.llm_down, ENGLISH.llm_down),
        ("", RuntimeError("a bug"), ENGLISH.llm_down, ENGLISH.llm_down),
        ("", APITimeoutError("late"), ENGLISH.llm_slow, ENGLISH.llm_slow),
        (
            "It is",
            APIConnectionError("cut"),
            f"It is. {ENGLISH.llm_cut_off}",
            ENGLISH.llm_cut_off,
        ),
        (
            "It is late.",
            APITimeoutError("cut"),
            f"It is late. {ENGLISH.llm_cut_off}",
            ENGLISH.llm_cut_off,
        ),
        ("", None, ENGLISH.llm_silent, None),
    ],
)
async def test_a_failing_llm_is_apologised_for_and_the_next_turn_is_answered(
    words: str, error: Exception | None, reply: str, apology: str | None
) -> None:
    told: list[str] = []
    failing = FailingLLM(words, error=error)
    async with call(failing, on_llm_failure=told.append) as room:
        assert await room.say("how late is it") == reply
        assert told == ([apology] if apology else [])
        failing.words, failing.error = "It is six.", None
        assert await room.say("how late is it") == "It is six."

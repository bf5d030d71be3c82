"""Spoken turns for an owner's tests of an agent: a caller whose words the voice speaks.

    async with spoken_call() as call:
        await call.session.start(Shop())
        turn = await call.say("Three rolls please.")
        assert [made.name for made in turn.calls] == ["add_to_order"]

Hearing, turn taking and language model are those of the settings, as in a room. There is no room,
and what the agent says is not spoken.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from livekit import rtc
from livekit.agents import (
    AgentSession,
    ConversationItemAddedEvent,
    FunctionToolsExecutedEvent,
    llm,
)
from livekit.agents.voice import io

from agent.runtime.engines import engine_config
from agent.runtime.language_models import language_models
from agent.session.pipeline import Pipeline, PipelineModels, prewarm
from agent.session.turn_handling import load_end_of_turn_model
from agent.settings import Settings, read_settings
from services.audio.samples import SAMPLE_RATE
from services.livekit_local import LocalTTS
from services.livekit_local.frames import FrameConverter
from services.shared.engines import SharedEngines

_FRAME_SAMPLES = SAMPLE_RATE // 50
_TURN_SECONDS = 120.0
"""From the first word of the caller to the last one of the reply."""


@dataclass
class SpokenTurn:
    """What came of the words of a caller."""

    heard: str = ""
    """As the recogniser understood them."""
    calls: list[llm.FunctionCall] = field(default_factory=list)
    """Tools that were called, the first one first."""
    said: list[str] = field(default_factory=list)
    """By the agent."""


class SpokenCall:
    """A call without a room; belongs to one event loop. Made by `spoken_call`."""

    def __init__(self, session: AgentSession[Any], voice: LocalTTS) -> None:
        self.session = session
        """Start it with the agent to test."""
        self._voice = voice
        self._microphone = _Microphone()
        self._turn = SpokenTurn()
        self._answered = asyncio.Event()
        session.input.audio = self._microphone
        session.on("conversation_item_added", self._on_item)
        session.on("function_tools_executed", self._on_tools)

    async def say(self, words: str) -> SpokenTurn:
        """Speak to the agent, and return what came of it once it has answered.

        Raises TimeoutError with what was heard, if anything.
        """
        await self.session.wait_for_idle()
        turn = self._turn = SpokenTurn()
        self._answered.clear()
        try:
            async with asyncio.timeout(_TURN_SECONDS):
                await self._microphone.play(self._voice, words)
                await self._answered.wait()
                await self.session.wait_for_idle()
        except TimeoutError:
            raise TimeoutError(f"no answer to {words!r}, heard as {turn.heard!r}") from None
        return turn

    def _on_item(self, event: ConversationItemAddedEvent) -> None:
        if not isinstance(event.item, llm.ChatMessage):
            return
        text = event.item.text_content or ""
        if event.item.role == "user":
            self._turn.heard = f"{self._turn.heard} {text}".strip()
        elif event.item.role == "assistant":
            self._turn.said.append(text)
            self._answered.set()

    def _on_tools(self, event: FunctionToolsExecutedEvent) -> None:
        self._turn.calls += event.function_calls


class _Microphone(io.AudioInput):
    """Silence, or the words of the caller, in real time."""

    def __init__(self) -> None:
        super().__init__(label="SpokenCall")
        self._waiting: deque[bytes] = deque()
        self._next_at = time.monotonic()

    async def play(self, voice: LocalTTS, words: str) -> None:
        """Have the voice speak; returns before the words are heard."""
        converter = FrameConverter()
        async with voice.synthesize(words) as stream:
            parts = [converter.convert(event.frame) async for event in stream]
        samples = np.concatenate([*parts, converter.flush()])
        padded = np.pad(samples, (0, -len(samples) % _FRAME_SAMPLES))
        pcm = (padded * 32767.0).astype(np.int16).reshape(-1, _FRAME_SAMPLES)
        self._waiting.extend(frame.tobytes() for frame in pcm)

    async def __anext__(self) -> rtc.AudioFrame:
        now = time.monotonic()
        # A machine that was busy for long is not made to catch up.
        self._next_at = max(self._next_at + _FRAME_SAMPLES / SAMPLE_RATE, now - 0.1)
        await asyncio.sleep(max(0.0, self._next_at - now))
        data = self._waiting.popleft() if self._waiting else bytes(2 * _FRAME_SAMPLES)
        return rtc.AudioFrame(data, SAMPLE_RATE, 1, _FRAME_SAMPLES)


@asynccontextmanager
async def spoken_call(settings: Settings | None = None) -> AsyncIterator[SpokenCall]:
    """Load the models and connect them; all of it ends with the block.

    Without `settings` they are read from the environment and `.env`. Raises what a load raises.
    """
    settings = settings or read_settings()
    engines = SharedEngines(engine_config(settings))
    thinking = language_models(settings)
    try:
        await prewarm(settings, engines)
        models = PipelineModels(
            engines=engines,
            voice_activity=await engines.voice_activity.get(),
            end_of_turn_model=await load_end_of_turn_model(settings),
            build_llm=thinking.build,
        )
        pipeline = Pipeline(settings, models, room="test")
        voice = LocalTTS(engines=engines, room="caller")
        try:
            yield SpokenCall(pipeline.session, voice)
        finally:
            with suppress(RuntimeError):
                await pipeline.session.aclose()
            await voice.aclose()
            await pipeline.aclose()
    finally:
        await thinking.aclose()
        await asyncio.to_thread(engines.close)

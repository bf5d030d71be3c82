"""A spoken conversation without a room, through any audio input and output."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from livekit.agents import ConversationItemAddedEvent, llm
from livekit.agents.voice import io

from agent.console.text import Replies
from agent.definitions.definition import BUILT_IN, AgentDefinition
from agent.session.conversation_agent import ConversationAgent, make_agent
from agent.session.pipeline import BuildLLM, Pipeline, PipelineModels, prewarm
from agent.session.turn_handling import load_end_of_turn_model
from agent.settings import Settings
from services.livekit_local import SpokenTranscript
from services.shared.engines import SharedEngines

_ECHO_CANCELLER_ADAPTS_SECONDS = 3.0
"""The agent's first speech is not interrupted, since the agent may still hear itself."""


async def converse_aloud(
    settings: Settings,
    speech: SharedEngines,
    build_llm: BuildLLM,
    *,
    microphone: io.AudioInput,
    speaker: io.AudioOutput,
    replies: Replies,
    definition: AgentDefinition = BUILT_IN,
    echo: bool = True,
) -> None:
    """Converse until the caller ends the call or the task is cancelled.

    Args:
        settings: of the conversation.
        speech: the process's models, loaded here unless they are.
        build_llm: makes the language model.
        microphone: what the caller says.
        speaker: plays what the agent says.
        replies: receives the words of both sides, the agent's as they are spoken.
        definition: whose agent it is.
        echo: whether the microphone can hear the speaker.
    """
    await prewarm(settings, speech, definition)
    models = PipelineModels(
        engines=speech,
        voice_activity=await speech.voice_activity.get(),
        end_of_turn_model=await load_end_of_turn_model(settings),
        build_llm=build_llm,
    )
    pipeline = Pipeline(
        settings,
        models,
        room="console",
        definition=definition,
        echo_warmup_seconds=_ECHO_CANCELLER_ADAPTS_SECONDS if echo else None,
    )
    session = pipeline.session
    spoken = SpokenTranscript(speaker, replies)
    pipeline.follow_speech(spoken)
    session.input.audio = microphone
    session.output.audio = spoken.audio
    session.output.transcription = spoken.text
    ended = asyncio.Event()

    def on_item(event: ConversationItemAddedEvent) -> None:
        if isinstance(event.item, llm.ChatMessage) and event.item.role == "user":
            replies.heard(event.item.text_content or "")

    session.on("conversation_item_added", on_item)
    pipeline.language.on_unvoiced = lambda sentence: pipeline.toolbox.state.announce(sentence)
    session.on("close", lambda _: ended.set())
    made: ConversationAgent | None = None
    try:
        made = await make_agent(
            definition,
            settings,
            pipeline.toolbox,
            session,
            pipeline.language,
            on_end_call=ended.set,
        )
        await session.start(made.agent, record=False)
        await ended.wait()
    finally:
        if made is not None:
            await made.stop_tools()
        with suppress(RuntimeError):
            await session.aclose()
        if made is not None:
            await made.aclose()
        await spoken.aclose()
        await pipeline.aclose()
        replies.end()

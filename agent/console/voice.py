"""A spoken conversation with the agent without a room, through any input and output of sound."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from livekit.agents import APIConnectOptions, ConversationItemAddedEvent, llm
from livekit.agents.voice import io
from livekit.agents.voice.agent_session import SessionConnectOptions

from agent.console.text import Replies
from agent.session.assistant import Assistant
from agent.session.lasting_session import LastingSession
from agent.session.turn_handling import load_end_of_turn_model, turn_handling
from agent.settings import Settings
from agent.tools import RoomState, Toolbox
from services.asr.recognizer import RecognizerTiming
from services.livekit_local import LocalSTT, LocalTTS, LocalVAD, SpokenTranscript
from services.shared.engines import SharedEngines
from services.vad.silero import VoiceActivityOptions

_ROOM = "console"
_NO_LIMIT = 2**31
_ECHO_CANCELLER_LEARNS_SECONDS = 3.0
"""Speech of the agent during which it is not interrupted: it may still hear itself."""


async def converse_aloud(
    settings: Settings,
    speech: SharedEngines,
    build_llm: Callable[[Toolbox], llm.LLM[Any]],
    *,
    microphone: io.AudioInput,
    speaker: io.AudioOutput,
    replies: Replies,
    echo: bool = True,
) -> None:
    """Hear and answer until the caller ends the call or the task is cancelled.

    Both sides are written to `replies` too, the agent's words as they are spoken. `echo` says
    whether the microphone can hear the speaker. Loads what of the models is not loaded yet.
    """
    vad = LocalVAD(
        await speech.voice_activity.get(),
        VoiceActivityOptions(
            min_silence_seconds=settings.turn.vad_silence_seconds,
            activation_threshold=settings.turn.vad_threshold,
        ),
    )
    stt = LocalSTT(
        asr_instance=await speech.asr.get(),
        vad=vad,
        room=_ROOM,
        keyterms=list(settings.asr.hotwords),
        prompt=settings.asr.prompt,
        interim_results=settings.asr.interim_share > 0,
        timing=RecognizerTiming(
            interim_share=settings.asr.interim_share,
            deadline_seconds=settings.asr.timeout_seconds,
        ),
    )
    tts = LocalTTS(
        tts_instance=await speech.tts.get(),
        room=_ROOM,
        timeout_seconds=settings.voice.timeout_seconds,
        ahead_seconds=settings.voice.ahead_seconds,
    )
    toolbox = Toolbox(RoomState())
    model = build_llm(toolbox)
    session = LastingSession(
        stt=stt,
        vad=vad,
        tts=tts,
        llm=model,
        turn_handling=turn_handling(
            settings,
            stt,
            room=_ROOM,
            end_of_turn_model=await load_end_of_turn_model(settings),
            scheduler=speech.scheduler,
        ),
        use_tts_aligned_transcript=True,
        tts_text_transforms=None,
        aec_warmup_duration=_ECHO_CANCELLER_LEARNS_SECONDS if echo else None,
        user_away_timeout=None,
        conn_options=SessionConnectOptions(
            tts_conn_options=APIConnectOptions(max_retry=1, retry_interval=0.1),
            llm_conn_options=APIConnectOptions(max_retry=0, timeout=settings.llm.timeout_seconds),
            max_unrecoverable_errors=_NO_LIMIT,
        ),
    )
    spoken = SpokenTranscript(speaker, replies)
    session.input.audio = microphone
    session.output.audio = spoken.audio
    session.output.transcription = spoken.text
    ended = asyncio.Event()

    def on_item(event: ConversationItemAddedEvent) -> None:
        if isinstance(event.item, llm.ChatMessage) and event.item.role == "user":
            replies.heard(event.item.text_content or "")

    session.on("conversation_item_added", on_item)
    session.on("close", lambda _: ended.set())
    assistant = Assistant(
        toolbox=toolbox,
        instructions=settings.agent.instructions or None,
        greeting=settings.agent.spoken_greeting or "",
        max_history_items=settings.limits.chat_history_items,
        on_end_call=ended.set,
    )
    try:
        await session.start(assistant, record=False)
        await ended.wait()
    finally:
        with suppress(RuntimeError):
            await session.aclose()
        await spoken.aclose()
        await stt.aclose()
        await tts.aclose()
        await model.aclose()
        replies.end()

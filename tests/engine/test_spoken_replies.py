"""What the agent says is what a listener hears: voice and recogniser, without a room between."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random

import numpy as np
import pytest
from livekit import rtc
from livekit.agents import llm

from agent.builtin_llm import BuiltinLLM
from agent.tools import RoomState, Toolbox
from services.asr import StreamingASR
from services.audio import SAMPLE_RATE, Samples
from services.inference import Priority
from services.livekit_local import LocalTTS
from services.tts import StreamingTTS
from tests.recordings import word_errors

_REQUESTS = Path(__file__).parents[1] / "unit" / "data" / "requests.txt"

_BEYOND_THE_DEMO = re.compile(r"spelled|point|machine|language|Sorry|local")
"""Spelled letters, decimals and talk about itself are outside the demo recogniser's world."""

_EXACT = (
    "Okay, how can I help?",
    "Hello, how can I help you?",
    "Good morning, how can I help you?",
    "You are welcome.",
    "Goodbye, talk to you soon.",
    "Nice to meet you, Carol.",
    "I do not know your name yet.",
    "I cannot see the weather from here.",
    "You rolled a one.",
    "One, two, three, four, five.",
    "It is three forty three in the afternoon.",
    "The answer is eighty one.",
    "Fourteen plus twelve is twenty six.",
    "Ninety minus sixty eight is twenty two.",
    "Eleven times eleven is one hundred and twenty one.",
)


async def _listen_to(text: str, voice: LocalTTS, asr: StreamingASR) -> str:
    frame = await voice.synthesize(text).collect()
    heard = await asr.transcribe(
        _at_16_khz(frame), room="listener", priority=Priority.FINAL, deadline_seconds=10
    )
    return heard.text


def _at_16_khz(frame: rtc.AudioFrame) -> Samples:
    resampler = rtc.AudioResampler(
        frame.sample_rate, SAMPLE_RATE, quality=rtc.AudioResamplerQuality.HIGH
    )
    frames = [*resampler.push(frame), *resampler.flush()]
    pcm = np.concatenate([np.frombuffer(f.data, dtype=np.int16) for f in frames])
    return pcm.astype(np.float32) / 32768.0


async def _replies(count: int) -> list[str]:
    """What the built-in language model answers to the first requests of the list."""
    toolbox = Toolbox(RoomState(random=Random(1)))
    model = BuiltinLLM(toolbox)
    replies: list[str] = []
    for request in _REQUESTS.read_text().splitlines():
        chat = llm.ChatContext()
        chat.add_message(role="user", content=request)
        reply = ""
        async with model.chat(chat_ctx=chat, tools=list(toolbox.function_tools)) as stream:
            async for chunk in stream:
                reply += (chunk.delta and chunk.delta.content) or ""
        if reply and reply not in replies and not _BEYOND_THE_DEMO.search(reply):
            replies.append(reply)
        if len(replies) == count:
            break
    return replies


@pytest.mark.parametrize("reply", _EXACT)
async def test_a_reply_is_heard_word_for_word(
    reply: str, asr: StreamingASR, tts: StreamingTTS
) -> None:
    heard = await _listen_to(reply, LocalTTS(tts_instance=tts), asr)
    assert word_errors(heard, reply) == 0


async def test_most_words_of_sixty_replies_are_heard(asr: StreamingASR, tts: StreamingTTS) -> None:
    voice = LocalTTS(tts_instance=tts)
    replies = await _replies(60)
    assert len(replies) == 60
    wrong = [word_errors(await _listen_to(reply, voice, asr), reply) for reply in replies]
    words = sum(len(reply.split()) for reply in replies)
    assert sum(wrong) / words <= 0.15

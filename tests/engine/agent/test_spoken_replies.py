"""What the demo voice says is what the demo recogniser hears, without a room between."""

from __future__ import annotations

import pytest

from services.asr.engine import StreamingASR
from services.inference import Priority
from services.livekit_local import LocalTTS
from services.tts.engine import StreamingTTS
from tests.support.frames import samples_of
from tests.support.provided_engines import ProvidedEngines
from tests.support.word_errors import word_errors

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
        samples_of(frame), owner="listener", priority=Priority.FINAL, deadline_seconds=10
    )
    return heard.text


@pytest.mark.parametrize("reply", _EXACT)
async def test_a_reply_is_heard_word_for_word(
    reply: str, asr: StreamingASR, tts: StreamingTTS
) -> None:
    heard = await _listen_to(reply, LocalTTS(engines=ProvidedEngines(tts=tts)), asr)
    assert word_errors(heard, reply) == 0

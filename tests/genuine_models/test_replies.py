"""Replies of all lengths, spoken by the genuine voice, as a listener hears them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from random import Random

from livekit.agents import llm

from agent.llm.builtin import BuiltinLLM
from agent.tools import RoomState, Toolbox
from services.asr.engine import StreamingASR
from services.inference import Priority
from services.livekit_local import LocalTTS
from services.tts.engine import StreamingTTS
from tests.support.frames import samples_of
from tests.support.manual_clock import ManualClock
from tests.support.provided_engines import ProvidedEngines
from tests.support.word_errors import normal_words, word_error_rate, word_errors

_REQUESTS = Path(__file__).parents[1] / "support" / "data" / "requests.txt"
_DEADLINE_SECONDS = 60.0

OF_EVERY_LENGTH = (
    "Okay.",
    "Certainly.",
    "Goodbye!",
    "Of course.",
    "Good morning!",
    "Thank you.",
    "You are welcome.",
    "How are you?",
    "I am sorry.",
    "I will do that now.",
    "What would you like to drink?",
    "The train to the city leaves in the morning.",
    "Please tell me the name of the street.",
    "Your table is booked for tomorrow evening, and we look forward to seeing you.",
    "If the rain stops before lunch, we could walk along the river together.",
    "I found a small hotel near the station that has a garden, a quiet breakfast room and "
    "free parking for guests.",
    "The doctor is on holiday until next week, but her colleague can see you on Friday "
    "afternoon if that is early enough.",
    "First heat the oil in a large pan, then add the onions and let them cook slowly until "
    "they are soft. After that, stir in the tomatoes, a little salt and some fresh basil.",
    "The museum opens in the morning and closes in the evening every day except Monday. "
    "There is a new exhibition about the history of the harbor, with old maps, photographs "
    "and the letters of a captain. Children get in for free, and guided tours leave from the "
    "main entrance.",
    "Once upon a time there was a farmer who had a very stubborn donkey. Every morning the "
    "donkey refused to leave the barn, and every morning the farmer pushed, pulled and "
    "begged. One day his daughter opened the door, walked away and sang a cheerful song. The "
    "donkey listened for a moment, and then it followed her down the hill, as happy as it "
    "could be.",
)
"""Of one word to sixty, without numbers."""

WRONG_WORDS = 0.05
"""Of all replies together. The voice speaks a little differently each time: 1 to 3 % were found."""
REPLIES_OF_THE_AGENT = 30
_WRITTEN_OTHERWISE = re.compile(r"\b(?:spelled|minus|plus|times|divided|point)\b")
"""Letters that no listener tells apart, and signs that a listener writes as such."""
_SAYS_AFTER = re.compile(r"repeat|after me|\b(?:read|say|write)\b")
"""Requests to say words without sense, of which no listener can make any."""


async def _listen(replies: Sequence[str], voice: StreamingTTS, ears: StreamingASR) -> list[str]:
    """What a listener makes of each; as many at once as the recogniser has workers."""
    speaker = LocalTTS(engines=ProvidedEngines(tts=voice))
    places = asyncio.Semaphore(ears.config.workers)

    async def one(reply: str) -> str:
        async with places:
            frame = await speaker.synthesize(reply).collect()
            heard = await ears.transcribe(
                samples_of(frame),
                owner="listener",
                priority=Priority.FINAL,
                deadline_seconds=_DEADLINE_SECONDS,
            )
            return heard.text

    return await asyncio.gather(*map(one, replies))


async def _replies(count: int) -> list[str]:
    """What the built-in language model answers to requests from all over the list."""
    toolbox = Toolbox(RoomState(clock=ManualClock(), random=Random(1)))
    model = BuiltinLLM(toolbox)
    requests = [r for r in _REQUESTS.read_text().splitlines() if not _SAYS_AFTER.search(r)]
    replies: list[str] = []
    for request in Random(1).sample(requests, len(requests)):
        chat = llm.ChatContext()
        chat.add_message(role="user", content=request)
        reply = ""
        async with model.chat(chat_ctx=chat, tools=list(toolbox.function_tools)) as stream:
            async for chunk in stream:
                reply += (chunk.delta and chunk.delta.content) or ""
        if reply and reply not in replies and not _WRITTEN_OTHERWISE.search(reply):
            replies.append(reply)
        if len(replies) == count:
            break
    return replies


def _too_wrong(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those in which more than two words are wrong, or of long ones more than a seventh."""
    return [
        (heard, said)
        for heard, said in pairs
        if word_errors(heard, said) > max(2, len(normal_words(said)) // 7)
    ]


async def test_replies_of_every_length_are_heard_as_they_are_written(
    genuine_asr: StreamingASR, genuine_tts: StreamingTTS
) -> None:
    replies = OF_EVERY_LENGTH
    lengths = [len(reply.split()) for reply in replies]
    assert min(lengths) == 1
    assert max(lengths) >= 60
    heard = await _listen(replies, genuine_tts, genuine_asr)
    pairs = list(zip(heard, replies, strict=True))
    assert not _too_wrong(pairs)
    assert word_error_rate(pairs) <= WRONG_WORDS, pairs


async def test_what_the_agent_answers_is_heard_as_it_is_written(
    genuine_asr: StreamingASR, genuine_tts: StreamingTTS
) -> None:
    replies = await _replies(REPLIES_OF_THE_AGENT)
    assert len(replies) == REPLIES_OF_THE_AGENT
    heard = await _listen(replies, genuine_tts, genuine_asr)
    pairs = list(zip(heard, replies, strict=True))
    assert not _too_wrong(pairs)
    assert word_error_rate(pairs) <= WRONG_WORDS, pairs

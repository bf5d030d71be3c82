"""`console` converses aloud: what the microphone hears is answered through the speaker."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

from agent.console.audio import BLOCK_SAMPLES, SAMPLE_RATE, Microphone, Speaker
from agent.console.text import Replies
from agent.console.voice import converse_aloud
from agent.runtime.language_models import language_models
from agent.settings import Settings
from services.asr.config import DecodeOptions
from services.asr.engine import StreamingASR
from services.audio.files import resample
from services.endpointing.acoustic import AcousticModel
from services.inference import Outcome, Priority, Run
from services.models import DEFAULT_TURN, fitted_turn, resolve_turn
from services.shared.engines import SharedEngines
from tests.support.recordings import Recording, recording

# The acoustic end-of-turn model takes 250 MB that nothing gives back.
pytestmark = pytest.mark.own_process

GREETING = "Hello, how can I help you?"
LONG_GREETING = (
    f"{GREETING} {'I can tell the time and the date, set a timer, or tell a joke. ' * 4}"
)
LONGEST_SECONDS = 60.0
_BLOCK_BYTES = 2 * BLOCK_SAMPLES


class Person:
    """Someone at a machine with a microphone and a speaker: time runs as sound does."""

    def __init__(self) -> None:
        self.microphone = Microphone()
        self.speaker = Speaker()
        self.output = io.StringIO()
        self._to_say = b""
        self._heard = bytearray()

    async def live(self) -> None:
        """What the threads of sound devices do, block after block."""
        seconds = BLOCK_SAMPLES / SAMPLE_RATE
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            block, self._to_say = (
                self._to_say[: 2 * BLOCK_SAMPLES],
                self._to_say[2 * BLOCK_SAMPLES :],
            )
            self.microphone.push(block.ljust(2 * BLOCK_SAMPLES, b"\0"))
            self._heard += self.speaker.render(BLOCK_SAMPLES)
            due += seconds
            await asyncio.sleep(max(0.0, due - loop.time()))

    def say(self, turn: Recording) -> None:
        samples = resample(turn.pcm, 16_000, SAMPLE_RATE)
        self._to_say += np.asarray(32_767 * samples, dtype=np.int16).tobytes()

    async def wait_for(self, text: str) -> None:
        """Until the console shows it."""
        async with asyncio.timeout(LONGEST_SECONDS):
            while text not in self.output.getvalue():
                await asyncio.sleep(0.05)

    async def wait_for_silence(self) -> None:
        """Until the speaker was silent for half a second."""
        async with asyncio.timeout(LONGEST_SECONDS):
            while any(self._heard[-SAMPLE_RATE:]):
                await asyncio.sleep(0.05)

    def heard(self, asr: StreamingASR) -> str:
        """What came out of the speaker since the last look, as the recogniser understands it."""
        sound, self._heard = self._heard, bytearray()
        pcm = np.trim_zeros(np.frombuffer(sound, dtype=np.int16))
        return asr.decode(resample(pcm, SAMPLE_RATE, 16_000), DecodeOptions(), Run()).text


@asynccontextmanager
async def conversation(
    shared: SharedEngines, greeting: str, *, turn_detection: str = "fast"
) -> AsyncIterator[Person]:
    """A person in conversation with the agent."""
    found = Person()
    settings = Settings.model_validate(
        {"agent": {"greeting": greeting}, "turn": {"detection": turn_detection}}
    )
    living = asyncio.create_task(found.live())
    conversing = asyncio.create_task(
        converse_aloud(
            settings,
            shared,
            language_models(settings).build,
            microphone=found.microphone,
            speaker=found.speaker,
            replies=Replies(found.output, on_closed=lambda: None, marked=True),
            echo=False,
        )
    )
    try:
        yield found
    finally:
        for task in (conversing, living):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def test_spoken_request_is_answered_aloud(shared: SharedEngines, asr: StreamingASR) -> None:
    async with conversation(shared, GREETING) as person:
        await person.wait_for(GREETING)
        await person.wait_for_silence()
        assert person.heard(asr) == "hello how can i help you"
        person.say(recording("turn_05"))
        await person.wait_for("You:   what time is it\nAgent: It is ")
        await person.wait_for_silence()
        assert person.heard(asr).startswith("it is ")


@pytest.mark.parametrize("detection", ["acoustic", "model"])
async def test_the_acoustic_end_of_turn_model_is_asked_where_it_is_set(
    shared: SharedEngines, genuine_cache: Path, detection: str
) -> None:
    file = resolve_turn(DEFAULT_TURN, cache=genuine_cache).file
    shared.acoustic.put(AcousticModel.load(fitted_turn(file, genuine_cache)))
    asked: tuple[str, Priority, Outcome] = ("end of turn", Priority.FINAL, "done")
    before = shared.scheduler.stats().outcomes.get(asked, 0)
    async with conversation(shared, GREETING, turn_detection=detection) as person:
        await person.wait_for(GREETING)
        await person.wait_for_silence()
        person.say(recording("turn_05"))
        await person.wait_for("You:   what time is it\nAgent: It is ")
    shared.acoustic.put(None)
    assert shared.scheduler.stats().outcomes[asked] > before


async def test_interruption_ends_what_the_agent_says(shared: SharedEngines) -> None:
    async with conversation(shared, LONG_GREETING) as person:
        await person.wait_for("Hello,")
        person.say(recording("turn_05"))
        await person.wait_for("You:   what time is it\nAgent: It is ")
        assert person.output.getvalue().count("tell a joke") < 4

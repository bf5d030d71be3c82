"""The agents that are held to the contract of the wire, and how each is made to do things."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from livekit.agents import APIConnectionError

from agent.llm.builtin import BuiltinLLM
from agent.settings import Settings
from services.asr.config import ASRError
from services.asr.engine import StreamingASR
from services.livekit_server.credentials import LiveKitCredentials
from services.protocol import NoticeKind
from services.tts.piper.voice import PiperVoice
from services.tts.types import TTSError
from tests.room.conftest import serving
from tests.support.caller import Caller

if TYPE_CHECKING:
    from services.shared.engines import SharedEngines
    from tests.browser.deployment import AgentNursery

SPEECH = Path(__file__).parents[1] / "speech"
HEARD = "turn_05_en-us-f2.wav"
HEARD_WORDS = "what time is it"
FAREWELL = "Until next time."


class Subject(ABC):
    """One agent under its own name, so that rooms can ask for it."""

    def __init__(self, name: str, quit: Callable[[Caller], Awaitable[None]]) -> None:
        self.name = name
        self.quit = quit
        """Leave the caller's room as an agent does whose worker is stopped."""

    @abstractmethod
    async def talk_long(self, caller: Caller) -> None:
        """Begin a reply that goes on for as long as a test looks at it."""

    @abstractmethod
    async def answer(self, caller: Caller) -> None:
        """Give a short reply."""

    @abstractmethod
    async def listen(self, caller: Caller) -> None:
        """Have the caller speak `HEARD_WORDS`, write them down and reply."""

    @abstractmethod
    async def complain(
        self, caller: Caller, kind: NoticeKind, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Run into a problem of that kind."""

    @abstractmethod
    async def hang_up(self, caller: Caller) -> None:
        """End the call, as the caller asks."""


class RealAgent(Subject):
    """The product: its worker with the demo models and the built-in language model."""

    async def talk_long(self, caller: Caller) -> None:
        await caller.send_text("count to one hundred")

    async def answer(self, caller: Caller) -> None:
        await caller.send_text("what is two plus three")

    async def listen(self, caller: Caller) -> None:
        await caller.say_file(SPEECH / HEARD)

    async def complain(
        self, caller: Caller, kind: NoticeKind, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail_to_hear(*_: object) -> None:
            raise ASRError("broken for the test")

        def fail_to_think(*_: object, **__: object) -> None:
            raise APIConnectionError("broken for the test")

        def fail_to_speak(*_: object) -> None:
            raise TTSError("broken for the test")

        if kind is NoticeKind.HEARING_FAILED:
            monkeypatch.setattr(StreamingASR, "decode", fail_to_hear)
            await self.listen(caller)
            return
        if kind is NoticeKind.LLM_UNAVAILABLE:
            monkeypatch.setattr(BuiltinLLM, "chat", fail_to_think)
        else:
            monkeypatch.setattr(PiperVoice, "speak", fail_to_speak)
        await self.answer(caller)

    async def hang_up(self, caller: Caller) -> None:
        await caller.send_text("hang up")


class StandInAgent(Subject):
    """The agent of the page's tests, which does what is typed to it."""

    async def talk_long(self, caller: Caller) -> None:
        await caller.send_text("say " + "on " * 500)

    async def answer(self, caller: Caller) -> None:
        await caller.send_text("say good day")

    async def listen(self, caller: Caller) -> None:
        await caller.send_text(f"hear what time | {HEARD_WORDS}")
        await caller.send_text("say teatime")

    async def complain(
        self, caller: Caller, kind: NoticeKind, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await caller.send_text(f"complain {kind} Something is wrong.")

    async def hang_up(self, caller: Caller) -> None:
        await caller.send_text(f"bye {FAREWELL}")


@asynccontextmanager
async def real_agent(
    livekit: LiveKitCredentials, speech: SharedEngines, settings: Settings
) -> AsyncIterator[Subject]:
    """A worker of the product that is stopped with the block, or by `quit`."""
    name = "contract-real"
    agent = settings.agent.model_copy(update={"name": name})
    async with serving(settings.model_copy(update={"agent": agent}), livekit, speech) as worker:

        async def stop(_: Caller) -> None:
            await worker.aclose()

        yield RealAgent(name, stop)


@asynccontextmanager
async def stand_in_agent(
    livekit: LiveKitCredentials, nursery: AgentNursery
) -> AsyncIterator[Subject]:
    """A stand-in that is killed with the block."""
    name = "contract-stand-in"
    agent = await asyncio.to_thread(nursery.start_agent, livekit, name, empty_seconds=0.2)

    async def stop(caller: Caller) -> None:
        await caller.send_text("quit")

    yield StandInAgent(name, stop)
    agent.kill()

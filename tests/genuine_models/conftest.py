"""The product with the models that it has by default, and people who talk to it."""

from __future__ import annotations

import asyncio
import inspect
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from services.inference import Priority
from services.protocol import Turn
from tests.room.processes import AgentProcess, running, status, token
from tests.support.caller import Caller, Segment
from tests.support.recordings import Samples

if TYPE_CHECKING:
    from services.asr.engine import StreamingASR

_REPLY_SECONDS = 40.0
_QUIET_SECONDS = 1.5
"""Longer than the agent waits before it goes on with what it was saying."""
_TAIL_SECONDS = 0.2
"""Kept before the first loud sample of a reply, whose first sound may be soft."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests that talk run on one loop, that of the product's process."""
    for item in items:
        here = item.path.parent == Path(__file__).parent
        if here and inspect.iscoroutinefunction(getattr(item, "function", None)):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One thing said to the agent, and what came of it."""

    heard: str
    """What the agent wrote down of it; empty where it was typed."""
    written: str
    """Its reply, as it is shown."""
    spoken: str
    """Its reply, as a listener hears it."""


class Talk:
    """One caller in a room with the agent, and somebody who writes down what the agent says."""

    def __init__(self, caller: Caller, listener: StreamingASR) -> None:
        self.caller = caller
        self._listener = listener

    async def say(self, samples: Samples) -> Exchange:
        """Speak, and hear the reply to its end, or what comes of it where one is cut in two."""
        before = self._done()
        said = await self.caller.say(samples)
        await self._until(lambda: bool(self._heard(before)))
        written, spoken = await self._reply(before, said.ended)
        return Exchange(" ".join(self._heard(before)), written, spoken)

    async def type(self, text: str) -> Exchange:
        """The same for typed words."""
        before = self._done()
        sent = time.monotonic()
        await self.caller.send_text(text)
        return Exchange("", *await self._reply(before, sent))

    async def turns(self, count: int) -> list[Turn]:
        """What the agent tells of its turns, once there are so many."""
        await self._until(lambda: len(self.caller.turns) >= count)
        return [Turn.decode(json.dumps(turn)) for turn in self.caller.turns]

    async def _reply(self, before: frozenset[str], ended: float) -> tuple[str, str]:
        """As it is written and as it is heard."""
        caller = self.caller
        began = await caller.wait_for_sound(ended, _REPLY_SECONDS)
        assert began is not None, f"no sound: {[*caller.segments.values()]}"
        await caller.wait_for_silence(_QUIET_SECONDS)
        await self._until(lambda: bool(self._written(before)))
        heard = await self._listener.transcribe(
            caller.heard_since(began - _TAIL_SECONDS),
            owner="listener",
            priority=Priority.FINAL,
            deadline_seconds=_REPLY_SECONDS,
        )
        return " ".join(self._written(before)), heard.text

    async def _until(self, true: Callable[[], bool]) -> None:
        end = time.monotonic() + _REPLY_SECONDS
        while not true():
            assert time.monotonic() < end, f"no reply: {[*self.caller.segments.values()]}"
            await asyncio.sleep(0.02)

    def _done(self) -> frozenset[str]:
        """What was said so far; the caller's last words may not be final yet."""
        return frozenset(
            key
            for key, segment in self.caller.segments.items()
            if segment.final or segment.identity != self.caller.identity
        )

    def _heard(self, before: frozenset[str]) -> list[str]:
        """What the agent has written down since, for good."""
        return [s.text.strip() for s in self._since(before, of_agent=False) if s.final]

    def _written(self, before: frozenset[str]) -> list[str]:
        """What the agent has said since, cut off or not."""
        return [s.text.strip() for s in self._since(before, of_agent=True)]

    def _since(self, before: frozenset[str], *, of_agent: bool) -> list[Segment]:
        return [
            segment
            for key, segment in self.caller.segments.items()
            if key not in before
            and segment.text.strip()
            and (segment.identity != self.caller.identity) == of_agent
        ]


Join = Callable[[], Awaitable[Talk]]


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def product(
    genuine_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[AgentProcess]:
    """`python -m agent dev` with the models of its own choice from the cache."""
    variables = {
        "MODELS": "auto",
        "WHISPER_MODEL_PATH": str(genuine_cache),
        # A busy machine makes loops late, and that is not what these tests are about.
        "LOOP_LAG_LIMIT_SECONDS": "60",
        # Else callers who make noise alone are asked whether they are there.
        "FIRST_WORD_SECONDS": "0",
    }
    async with running("dev", tmp_path_factory.mktemp("product"), variables) as process:
        await process.wait_until_ready()
        # Where a model cannot be had the demo one takes its place, and this says so.
        assert (await status(process.address))["notices"] == []
        yield process


@pytest_asyncio.fixture(loop_scope="session")
async def join(product: AgentProcess, genuine_asr: StreamingASR) -> AsyncIterator[Join]:
    """`await join()` joins a new room, as the page does, and hears the agent greet."""
    async with AsyncExitStack() as stack:

        async def enter() -> Talk:
            product.assert_running()
            issued = await token(product.address)
            caller = await stack.enter_async_context(Caller())
            await caller.join(issued.url, issued.token)
            caller.identity = caller.room.local_participant.identity
            await caller.wait_for_agent()
            await caller.wait_for_greeting()
            return Talk(caller, genuine_asr)

        yield enter

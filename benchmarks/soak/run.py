"""One worker through a soak: callers come in phases, and it is looked at all the while."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.remote import Remote
from benchmarks.soak.callers import Door, Manners
from benchmarks.soak.judge import Sample
from benchmarks.soak.worker import AGENT_NAME, Progress, SoakedWorker
from services.livekit_server.credentials import LiveKitCredentials

_TAB_TURNS = 5
"""Turns of each caller before the cost of several is looked at."""
_TAB_SECONDS = 180.0
_TAB_LOOKS = 9
_END_SECONDS = 120.0

VISITORS = Manners(turns=(1, 2), pause_seconds=(0.1, 0.6), longest_seconds=6.0)
"""Callers of the joins: they come and go quickly."""
TALKERS = Manners(turns=(5, 40), leaves_speaking=0.01, leaves_answered=0.01)
"""Callers who have come to talk."""
TABS = Manners(
    turns=(1000, 1000), interrupts=0.0, leaves_speaking=0.0, leaves_answered=0.0, hears_greeting=1.0
)
"""Callers who only talk."""


@dataclass(slots=True)
class Found:
    """What one worker showed."""

    name: str
    samples: list[Sample] = field(default_factory=list)
    marks: dict[str, Sample] = field(default_factory=dict)
    """Moments that are judged: `ready`, `one caller`, `callers`, `first joins`, `joins`, `end`."""
    loads: dict[str, float] = field(default_factory=dict)
    joins: int = 0
    unanswered: int = 0
    failures: list[str] = field(default_factory=list)
    problem: str = ""
    """Why the run was broken off."""

    def as_json(self) -> dict[str, Any]:
        """For the file of results."""
        return asdict(self)

    def of_phase(self, phase: str) -> list[Sample]:
        """The samples of one phase."""
        return [sample for sample in self.samples if sample.phase == phase]


class SoakRun:
    """Drives the callers and looks at the worker; both belong to their owner."""

    def __init__(
        self,
        name: str,
        worker: SoakedWorker,
        callers: Remote,
        livekit: LiveKitCredentials,
        *,
        seed: int = 1,
        period_seconds: float = 2.0,
        patience_seconds: float = 30.0,
        say: Callable[[str], object] = lambda _: None,
    ) -> None:
        self.found = Found(name)
        self._worker = worker
        self._callers = callers
        self._door = Door(livekit.url, livekit.api_key, livekit.api_secret, AGENT_NAME)
        self._seed = seed
        self._period_seconds = period_seconds
        self._patience_seconds = patience_seconds
        self._say = say

    async def ready(self) -> None:
        """Look at the worker before the first call."""
        await self._mark("ready", await self._settled("ready"))

    async def tabs(self, callers: int) -> None:
        """One caller, then several at once, each for some turns."""
        for at_once, name in ((1, "one caller"), (callers, "callers")):
            before = (await self._progress()).turns
            await self._begin(TABS, at_once)
            wanted = before + at_once * _TAB_TURNS
            async with asyncio.timeout(_TAB_SECONDS):
                while (await self._look(name)).turns < wanted:
                    pass
            looks = [await self._look(name) for _ in range(_TAB_LOOKS)]
            looks.sort(key=lambda sample: sample.rss_mb)
            await self._mark(name, looks[_TAB_LOOKS // 2])
            await self._end()
        self.found.loads = await self._worker.loads()

    async def joins(
        self, first: int, last: int, at_once: int, manners: Manners = VISITORS
    ) -> tuple[Sample, Sample]:
        """So many calls; looks without any rooms after the first ones and after all of them."""
        await self._visits(manners, at_once, first)
        before = await self._settled("joins")
        await self._mark("first joins", before)
        await self._visits(manners, at_once, last - first)
        after = await self._settled("joins", before)
        await self._mark("joins", after)
        return before, after

    async def talk(self, minutes: float, at_once: int) -> None:
        """Callers who talk for so long; the first of them never leaves."""
        until = time.monotonic() + 60 * minutes
        await self._begin(TALKERS, at_once)
        while time.monotonic() < until:
            await self._look("talk")
        await self._end()
        await self._mark("end", await self._settled("end", self.found.marks.get("joins")))

    async def _begin(self, manners: Manners, at_once: int, calls: int | None = None) -> None:
        # What is said shall not be the same in each phase.
        self._seed += 1
        await self._callers.call(
            "begin",
            door=asdict(self._door),
            manners=asdict(manners),
            seed=self._seed,
            at_once=at_once,
            calls=calls,
        )

    async def _visits(self, manners: Manners, at_once: int, calls: int) -> None:
        await self._begin(manners, at_once, calls)
        while not (await self._callers.call("progress"))["done"]:
            await self._look("joins")

    async def _end(self) -> None:
        await self._callers.call("end", timeout_seconds=_END_SECONDS)
        await self._progress()

    async def _settled(self, phase: str, before: Sample | None = None) -> Sample:
        return await self._worker.settled(
            await self._progress(), phase, before=before, patience_seconds=self._patience_seconds
        )

    async def _look(self, phase: str) -> Sample:
        await asyncio.sleep(self._period_seconds)
        sample = await self._worker.sample(await self._progress(), phase)
        self.found.samples.append(sample)
        return sample

    async def _mark(self, name: str, sample: Sample) -> None:
        self.found.samples.append(sample)
        self.found.marks[name] = sample
        self._say(f"{self.found.name}, {name}: {describe(sample)}")

    async def _progress(self) -> Progress:
        done: Mapping[str, Any] = await self._callers.call("progress")
        self.found.joins = done["joins"]
        self.found.unanswered = done["unanswered"]
        self.found.failures = list(done["failures"])
        return Progress(done["joins"], done["turns"])


def describe(sample: Sample) -> str:
    """One line."""
    counts = ", ".join(f"{count} {name}" for name, count in sample.counts.items())
    return (
        f"{sample.seconds / 60:.1f} min, {sample.joins} joins, {sample.turns} turns: "
        f"{sample.rss_mb:.1f} MB, {counts}"
    )

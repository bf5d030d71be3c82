"""One system measured with more and more rooms: idle, talking, interrupted, in memory."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np

from benchmarks.bench.endpoint import REALISTIC, FixedReplies
from benchmarks.bench.lag import lag_seconds
from benchmarks.bench.systems import Ours, System, health_seconds
from benchmarks.bench.watch import ProcessWatch
from benchmarks.callers import REPLY_SECONDS
from benchmarks.processes import ProgramError
from benchmarks.remote import Remote
from benchmarks.speech import LONG_REPLY, Recording, interruption, people, talk
from tests.support.caller import room_token

_SETTLE_SECONDS = 1.0
_HEALTH_SECONDS = 0.2
_DISTURBED_CORES = 0.35
"""A measurement during which it used more is made again."""
_TRIES = 3
_INTERRUPT_AFTER_SECONDS = 1.5
_PROFILED_ROOMS = 5
_HOPELESS_SECONDS = 4.0
"""A system whose median answer took longer is not asked for more rooms: time is short."""

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much is measured in one climb."""

    turns: dict[str, int]
    """By the names of `STEPS`; 0 leaves a step out."""
    idle_seconds: float
    """Of silence, in which cores and memory are looked at; 0: not at all."""
    interruptions: int
    profile: bool
    """Whether to ask py-spy who holds the GIL."""


@dataclass(frozen=True, slots=True)
class Step:
    """One rung."""

    rooms: int
    """That are open."""
    talking: int
    """Of these, at once."""
    people: bool = False
    """Callers speak recordings of people: for recognisers that understand them."""
    paced: bool = False
    """The language model writes as fast as a real one, instead of at once."""
    ours_only: bool = False
    """Only to find out how many rooms we carry."""

    @property
    def recordings(self) -> Sequence[Recording]:
        """What callers say."""
        return people() if self.people else talk()


STEPS = {
    "1": Step(1, 1),
    "1, people": Step(1, 1, people=True),
    "1, people, real LLM": Step(1, 1, people=True, paced=True),
    "2": Step(2, 2),
    "2, people": Step(2, 2, people=True),
    "4": Step(4, 4),
    "4, people": Step(4, 4, people=True),
    "1 of 5": Step(5, 1),
    "8": Step(8, 8, ours_only=True),
}
"""By their names in the report."""


@dataclass(slots=True)
class Stage:
    """What a climb works with."""

    callers: Remote
    watch: ProcessWatch
    endpoint: FixedReplies
    folder: Path
    patience_seconds: float
    """The longest wait for other programs on the machine to be quiet, each time."""
    until: float
    """Monotonic time from which on nothing more is begun."""
    problems: list[str] = field(default_factory=list)


class Climb:
    """One climb of one system; everything it finds is in `result`."""

    def __init__(self, system: System, stage: Stage, *, round_number: int) -> None:
        self._system = system
        self._stage = stage
        self._round = round_number
        self._rooms: list[str] = []
        self.result: dict[str, Any] = {
            "system": system.name,
            "round": round_number,
            "joins": [],
            "batches": [],
            "idle": [],
            "memory": [],
            "interruptions": [],
        }

    async def run(self, amounts: Amounts) -> dict[str, Any]:
        """Climb; callers leave at the end, whatever happens."""
        try:
            for name, step in STEPS.items():
                if not amounts.turns.get(name) or not self._worth_trying(name, step):
                    continue
                await self._join_up_to(step.rooms)
                if self._rests_at(step) and amounts.idle_seconds:
                    await self._rest(amounts)
                await self._talk(name, step, amounts.turns[name])
                if name == "1" and amounts.interruptions:
                    await self._interrupt(amounts.interruptions)
        finally:
            await self._stage.callers.call("leave")
            await asyncio.sleep(_SETTLE_SECONDS)
        return self.result

    def _worth_trying(self, name: str, step: Step) -> bool:
        """Whether the system can do this, and answered in time when fewer rooms talked."""
        if step.people and self._system.models.demo:
            return False
        if step.ours_only and self._system.name != Ours.name:
            return False
        if time.monotonic() > self._stage.until:
            self._complain(f"no time was left for rooms: {name}")
            return False
        slowest = max(map(_median_response, self.result["batches"]), default=0.0)
        if step.talking > 1 and slowest > _HOPELESS_SECONDS:
            self._complain(f"not tried with rooms: {name}; with fewer it took {slowest:.1f} s")
            return False
        return True

    def _rests_at(self, step: Step) -> bool:
        """Whether this step is the first with a number of rooms that are looked at in silence."""
        done = {rest["rooms"] for rest in self.result["idle"]}
        return step.rooms in (1, 5, 8) and step.rooms not in done

    async def _join_up_to(self, rooms: int) -> None:
        livekit = self._system.surroundings.livekit
        while len(self._rooms) < rooms:
            room = f"{self._system.label}-{next(_numbers)}"

            def token(identity: str, agent: str | None, room: str = room) -> str:
                return room_token(
                    livekit.api_key, livekit.api_secret, room, identity, agent_name=agent
                )

            # A peer that LiveKit does not dispatch is sent for when the caller comes.
            await self._system.invite(room, token("agent", None))
            joined = await self._stage.callers.call(
                "join",
                url=livekit.url,
                token=token(f"caller-of-{room}", self._system.agent_name),
                room=room,
            )
            self._rooms.append(room)
            self.result["joins"].append(joined["greeting_seconds"])
            if joined["greeting_seconds"] is None:
                self._complain(f"no greeting in room {len(self._rooms)}")

    async def _talk(self, name: str, step: Step, turns: int) -> None:
        for left in reversed(range(_TRIES)):
            await self._quiet()
            self._stage.endpoint.pace = REALISTIC if step.paced else None
            try:
                batch = await self._talk_once(name, step, turns)
            finally:
                self._stage.endpoint.pace = None
            if self._undisturbed(batch, left):
                self.result["batches"].append(batch)
                return

    async def _talk_once(self, name: str, step: Step, turns: int) -> dict[str, Any]:
        assert self._system.program is not None
        if self._system.program.ended:
            raise ProgramError("it has ended")
        self._system.take_records()
        async with self._health() as health:
            said = await self._stage.callers.call(
                "talk",
                rooms=self._rooms[: step.talking],
                recordings=[str(r.path) for r in step.recordings],
                turns=turns,
                seed=self._round,
            )
        start, end = said["start"], said["end"]
        self._stage.watch.sample()
        return {
            "step": name,
            "turns": said["turns"],
            "records": said["records"] + self._system.take_records(),
            "seconds": end - start,
            "cpu": self._cpu(start, end),
            "lag": self._lag(start, end),
            "health": health,
        }

    async def _rest(self, amounts: Amounts) -> None:
        """Rooms with an open microphone and nobody talking."""
        await asyncio.sleep(_SETTLE_SECONDS)
        for left in reversed(range(_TRIES)):
            await self._quiet()
            start = time.monotonic()
            await asyncio.sleep(amounts.idle_seconds)
            end = time.monotonic()
            self._stage.watch.sample()
            found = {
                "rooms": len(self._rooms),
                "seconds": end - start,
                "cpu": self._cpu(start, end),
                "lag": self._lag(start, end),
                "gil_share": None,
            }
            if self._undisturbed(found, left):
                break
        if amounts.profile and len(self._rooms) == _PROFILED_ROOMS:
            found["gil_share"] = await self._gil_share(f"idle-{len(self._rooms)}")
        self.result["idle"].append(found)
        rss = self._stage.watch.rss_bytes(self._system.label, start, end)
        self.result["memory"].append({"rooms": len(self._rooms), "rss_bytes": rss})

    async def _interrupt(self, times: int) -> None:
        callers, endpoint = self._stage.callers, self._stage.endpoint
        short, room = endpoint.reply, self._rooms[0]
        questions = talk()
        for count in range(times):
            question = str(questions[count % len(questions)].path)
            endpoint.reply = LONG_REPLY
            try:
                answered = await callers.call("ask", room=room, recording=question)
            finally:
                endpoint.reply = short
            if not answered:
                self._complain("no reply to interrupt")
                continue
            found = await callers.call(
                "interrupt",
                room=room,
                recording=str(interruption().path),
                after_seconds=_INTERRUPT_AFTER_SECONDS,
            )
            self.result["interruptions"].append(found["silent_seconds"])

    @contextlib.asynccontextmanager
    async def _health(self) -> AsyncIterator[list[float]]:
        """Ask the worker for its health all the while."""
        seconds: list[float] = []
        if not isinstance(self._system, Ours):
            yield seconds
            return
        url = self._system.health_url

        async def ask() -> None:
            async with aiohttp.ClientSession() as session:
                while True:
                    seconds.append(await health_seconds(url, session))
                    await asyncio.sleep(_HEALTH_SECONDS)

        task = asyncio.create_task(ask(), name="ask-health")
        try:
            yield seconds
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _gil_share(self, name: str) -> float | None:
        """The share of time in which some thread held the GIL, by py-spy where it is installed."""
        py_spy = shutil.which("py-spy")
        if py_spy is None or self._system.program is None:
            return None
        file = self._stage.folder / f"gil-{self._system.label}-{name}.txt"
        rate, seconds = 100, 6
        process = await asyncio.create_subprocess_exec(
            *(py_spy, "record", "--gil", "--nonblocking", "--format", "raw"),
            *("--rate", str(rate), "--duration", str(seconds), "--output", str(file)),
            *("--pid", str(self._system.program.process_id)),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await process.wait()
        if not file.exists():
            return None
        lines = file.read_text().splitlines()
        return sum(int(line.rsplit(" ", 1)[1]) for line in lines) / (rate * seconds)

    async def _quiet(self) -> None:
        await self._stage.watch.wait_for_quiet(self._stage.patience_seconds)

    def _undisturbed(self, found: dict[str, Any], tries_left: int) -> bool:
        """Whether a measurement stands; it does when there is no time to make it again."""
        if found["cpu"]["others"] <= _DISTURBED_CORES or not self._stage.patience_seconds:
            return True
        if not tries_left:
            self._complain(f"other programs used {found['cpu']['others']:.1f} cores meanwhile")
        return not tries_left

    def _cpu(self, start: float, end: float) -> dict[str, float]:
        """Cores used by the system and by what surrounds it."""
        names = {"system": self._system.label, "livekit": "livekit", "callers": "callers"}
        watch = self._stage.watch
        cores = {
            role: watch.cpu_seconds(name, start, end) / (end - start)
            for role, name in names.items()
        }
        return {**cores, "others": watch.others_cores(start, end)}

    def _lag(self, start: float, end: float) -> dict[str, float] | None:
        late = lag_seconds(self._system.lag_file, start, end)
        if not len(late):
            return None
        return {
            "p50": float(np.percentile(late, 50)),
            "p99": float(np.percentile(late, 99)),
            "max": float(late.max()),
            "looks": len(late),
        }

    def _complain(self, text: str) -> None:
        self._stage.problems.append(f"{self._system.label}, round {self._round}: {text}")


def _median_response(batch: dict[str, Any]) -> float:
    """Seconds; without any answer as long as callers wait for one."""
    seconds = [
        REPLY_SECONDS if turn["answered"] is None else turn["answered"] - turn["ended"]
        for turn in batch["turns"]
        if not turn["cut_off"]
    ]
    return float(np.median(seconds)) if seconds else 0.0

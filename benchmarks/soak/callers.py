"""A process of callers who come, talk, interrupt and go as chance wants it, driven from outside."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.callers import GREETING_SECONDS, QUIET_SECONDS, take_turn
from benchmarks.remote import serve
from benchmarks.speech import FOLDER
from services.audio.samples import SAMPLE_RATE, Samples
from tests.support.caller import Caller, room_token
from tests.support.sound import read_sound

_REPLY_SECONDS = 8.0
"""Much of what is said here is cut or overheard: no reply is an answer too."""
_CUT_SECONDS = (1.0, 12.0)
"""Lengths of the pieces that are cut out of long recordings."""
_CUT_SHARE = 0.15
_ENDS_THE_CALL = "goodbye"
_INTERRUPT_SECONDS = (0.1, 1.0)
"""After the reply began."""
_STAGGER_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Manners:
    """How callers behave."""

    turns: tuple[int, int]
    """The fewest and most in one call."""
    hears_greeting: float = 0.5
    """Share of the callers who do not talk over it."""
    interrupts: float = 0.15
    """Share of the turns in which the caller talks over the reply."""
    leaves_speaking: float = 0.05
    """Share of the turns in which the caller leaves in the middle of a word of their own."""
    leaves_answered: float = 0.05
    """Share of the turns in which the caller leaves as soon as the reply is heard."""
    pause_seconds: tuple[float, float] = (0.2, 2.0)
    """Before each turn, and before the next call."""
    longest_seconds: float = 60.0
    """Of what is said at once."""


class Words:
    """What callers say: recordings as they are, and pieces of any length of the long ones."""

    def __init__(self, chance: random.Random, longest_seconds: float) -> None:
        self._chance = chance
        entries = json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))
        talk = [e for e in entries if e["text"] and _ENDS_THE_CALL not in e["text"].split()]
        self._whole = [
            read_sound(FOLDER / e["file"])
            for e in talk
            if e["kind"] != "long" and e["seconds"] <= longest_seconds
        ]
        self._long = [read_sound(FOLDER / e["file"]) for e in talk if e["kind"] == "long"]
        self._longest_cut = min(_CUT_SECONDS[1], longest_seconds)

    def next(self) -> Samples:
        """Something to say."""
        if self._longest_cut > _CUT_SECONDS[0] and self._chance.random() < _CUT_SHARE:
            whole = self._chance.choice(self._long)
            length = round(self._chance.uniform(_CUT_SECONDS[0], self._longest_cut) * SAMPLE_RATE)
            start = self._chance.randrange(len(whole) - length)
            return whole[start : start + length]
        return self._chance.choice(self._whole)


@dataclass(frozen=True, slots=True)
class Door:
    """Where callers come in."""

    url: str
    key: str
    secret: str
    agent_name: str

    def token(self, room: str) -> str:
        """For one call that begins now."""
        return room_token(
            self.key, self.secret, room, f"caller-of-{room}", agent_name=self.agent_name
        )


class Crowd:
    """The callers of this process, and what they have done so far."""

    def __init__(self) -> None:
        self._joins = 0
        self._turns = 0
        self._unanswered = 0
        self._failures: list[str] = []
        self._rooms = itertools.count(1)
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def begin(
        self,
        door: dict[str, str],
        manners: dict[str, Any],
        seed: int,
        at_once: int,
        calls: int | None = None,
    ) -> None:
        """Have `at_once` callers in rooms of their own, and a new one for each that leaves.

        For so many `calls`, or until `end`: then the first caller stays for all of the time.
        """
        self._stop.clear()
        left = itertools.repeat(None) if calls is None else itertools.repeat(None, calls)
        lines = (
            _Line(Door(**door), Manners(**manners), random.Random(f"{seed} {place}"))
            for place in range(at_once)
        )
        work = [
            self._calls(line, left, place * _STAGGER_SECONDS, stays=calls is None and not place)
            for place, line in enumerate(lines)
        ]
        self._task = asyncio.create_task(_all(work), name="crowd")

    async def progress(self) -> dict[str, Any]:
        """What was done since the process began."""
        return {
            "joins": self._joins,
            "turns": self._turns,
            "unanswered": self._unanswered,
            "failures": self._failures,
            "done": self._task is None or self._task.done(),
        }

    async def end(self) -> None:
        """All finish their turn and leave."""
        self._stop.set()
        if self._task is not None:
            await self._task

    async def _calls(
        self, line: _Line, left: Iterator[None], delay_seconds: float, *, stays: bool
    ) -> None:
        await asyncio.sleep(delay_seconds)
        while not self._stop.is_set() and next(left, self) is None:
            room = f"soak-{next(self._rooms)}"
            try:
                await self._call(line, room, stays=stays)
            except Exception as error:
                self._failures.append(f"{room}: {error or type(error).__name__}")
            await line.pause()

    async def _call(self, line: _Line, room: str, *, stays: bool) -> None:
        manners, chance = line.manners, line.chance
        turns = chance.randint(*manners.turns)
        async with Caller(f"caller-of-{room}") as caller:
            began = time.monotonic()
            await caller.join(line.door.url, line.door.token(room))
            await caller.wait_for_agent(GREETING_SECONDS)
            self._joins += 1
            if chance.random() < manners.hears_greeting:
                await caller.wait_for_sound(began, GREETING_SECONDS)
                await caller.wait_for_silence(QUIET_SECONDS)
            while (stays or turns > 0) and not self._stop.is_set():
                await line.pause()
                if not await self._turn(line, caller, room) and not stays:
                    break
                turns -= 1

    async def _turn(self, line: _Line, caller: Caller, room: str) -> bool:
        """One thing said; False when the caller goes without hearing the end of it."""
        words, manners = line.words.next(), line.manners
        does = line.chance.random()
        if does < manners.leaves_speaking:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(line.chance.uniform(0.1, len(words) / SAMPLE_RATE)):
                    await caller.say(words)
            return False
        does -= manners.leaves_speaking
        if does < manners.leaves_answered + manners.interrupts:
            said = await caller.say(words)
            answered = await caller.wait_for_sound(said.ended, _REPLY_SECONDS)
            self._count(answered)
            if does < manners.leaves_answered:
                return False
            await asyncio.sleep(line.chance.uniform(*_INTERRUPT_SECONDS))
            words = line.words.next()
        turn = await take_turn(caller, room, "", words, reply_seconds=_REPLY_SECONDS)
        self._count(turn.answered)
        return True

    def _count(self, answered: float | None) -> None:
        if answered is None:
            self._unanswered += 1
        else:
            self._turns += 1


class _Line:
    """Callers who come one after another."""

    def __init__(self, door: Door, manners: Manners, chance: random.Random) -> None:
        self.door = door
        self.manners = manners
        self.chance = chance
        self.words = Words(chance, manners.longest_seconds)

    async def pause(self) -> None:
        """Think."""
        await asyncio.sleep(self.chance.uniform(*self.manners.pause_seconds))


async def _all(work: list[Any]) -> None:
    await asyncio.gather(*work)


async def _main() -> None:
    crowd = Crowd()
    await serve({"begin": crowd.begin, "progress": crowd.progress, "end": crowd.end})


if __name__ == "__main__":
    asyncio.run(_main())

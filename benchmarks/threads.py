"""How long people wait for the models, by how the cores are shared between calls and threads.

Rooms talk at the pace of people: each says a recorded request, has it written down and a sentence
spoken in answer, and listens to that before it says the next. There is no server and no network;
calls go through the scheduler as they do in the product. Run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import ROOT
from benchmarks.speech import WORDS
from benchmarks.statistics import Spread
from services.shared.config import EngineConfig
from services.shared.engines import SharedEngines

_CACHE = ROOT / "models"
_ANSWER = WORDS[15]
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """Calls at once and threads in each."""

    slots: int
    threads: int

    @classmethod
    def parse(cls, text: str) -> Plan:
        """From a text like 2x1."""
        try:
            slots, threads = map(int, text.split("x"))
        except ValueError:
            slots = threads = 0
        if slots < 1 or threads < 1:
            raise argparse.ArgumentTypeError(f"{text!r} is not CALLSxTHREADS, such as 2x1")
        return cls(slots, threads)


@dataclass(frozen=True, slots=True)
class Turn:
    """Seconds that one caller waited, the scheduler's queue included."""

    transcript: float
    first_sound: float


async def talk(shared: SharedEngines, room: str, turns: int, chance: random.Random) -> list[Turn]:
    """One room's turns."""
    from services.inference import Priority
    from tests.support.people import people

    asr, tts = await shared.asr.get(), await shared.tts.get()
    found = []
    for request in chance.sample(people("request"), turns):
        await asyncio.sleep(request.seconds * chance.uniform(0.8, 1.2))
        began = time.perf_counter()
        await asr.transcribe(
            request.samples, owner=room, priority=Priority.FINAL, deadline_seconds=_PATIENCE_SECONDS
        )
        heard = time.perf_counter()
        spoken = first = 0.0
        async for piece in tts.synthesize(_ANSWER, owner=room, deadline_seconds=_PATIENCE_SECONDS):
            first = first or time.perf_counter()
            spoken += len(piece.samples) / tts.sample_rate
        found.append(Turn(heard - began, first - heard))
        # The sound began to play when its first piece was there.
        await asyncio.sleep(max(0.0, first + spoken - time.perf_counter()))
    return found


async def measure(arguments: argparse.Namespace, plan: Plan, rooms: int) -> list[Turn]:
    """All turns of so many rooms."""
    shared = SharedEngines(
        EngineConfig(
            asr=arguments.asr,
            voice=arguments.voice,
            cache=arguments.cache,
            asr_threads=plan.threads,
            voice_threads=plan.threads,
            slots=plan.slots,
            phrase_cache_bytes=0,
        )
    )
    try:
        await shared.prewarm()
        for notice in shared.notices:
            print(notice, file=sys.stderr)
        turns = await asyncio.gather(
            *(
                talk(shared, f"room-{number}", arguments.turns, random.Random(number))
                for number in range(rooms)
            )
        )
        return [turn for found in turns for turn in found]
    finally:
        await asyncio.to_thread(shared.close)


def line(plan: Plan, rooms: int, turns: Sequence[Turn]) -> str:
    """One row of the table, in milliseconds."""
    columns = (
        [t.transcript for t in turns],
        [t.first_sound for t in turns],
        [t.transcript + t.first_sound for t in turns],
    )
    cells = []
    for values in columns:
        spread = Spread.of(values)
        assert spread is not None
        cells.append(f"{1e3 * spread.p50:.0f} / {1e3 * spread.p95:.0f}")
    return f"| {plan.slots} × {plan.threads} | {rooms} | {' | '.join(cells)} |"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m benchmarks.threads", description=__doc__)
    made.add_argument("--asr", default="base", help="a catalogue name or a folder")
    made.add_argument("--voice", default="en_US-joe-medium", help="the same, or an .onnx file")
    made.add_argument("--cache", type=Path, default=_CACHE, help="folder of fetched models")
    made.add_argument(
        "--plans",
        nargs="+",
        type=Plan.parse,
        default=[Plan(2, 1), Plan(1, 2), Plan(2, 2)],
        help="CALLSxTHREADS: calls at once and threads in each; default: 2x1 1x2 2x2",
    )
    made.add_argument(
        "--rooms", nargs="+", type=int, default=[1, 4], help="rooms that talk at once"
    )
    made.add_argument("--turns", type=int, default=10, help="requests of each room")
    return made


def main(words: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status."""
    arguments = parser().parse_args(words)
    print("| calls × threads | rooms | transcript p50 / p95 ms | first sound | both |")
    print("| --- | --- | --- | --- | --- |")
    for rooms in arguments.rooms:
        for plan in arguments.plans:
            turns = asyncio.run(measure(arguments, plan, rooms))
            print(line(plan, rooms, turns), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Callers who come and go leave nothing in a worker, by the judge of `benchmarks.soak`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.remote import open_remote
from benchmarks.soak.callers import Manners
from benchmarks.soak.judge import Verdict, judge_joins
from benchmarks.soak.run import SoakRun
from benchmarks.soak.worker import PRODUCT, SoakedWorker
from services.livekit_server.credentials import LiveKitCredentials

AT_ONCE = 4
GROWTH_MB = 15.0
"""What the long soak allows after 200 joins; a leak of 1 MiB a room makes twice as much."""
BRIEF = Manners(
    turns=(1, 1),
    hears_greeting=0.0,
    interrupts=0.0,
    leaves_speaking=0.0,
    leaves_answered=1.0,
    pause_seconds=(0.0, 0.1),
    longest_seconds=0.8,
)
"""Callers who say a word, hear the reply begin, and leave."""


async def verdicts_after(
    first: int,
    last: int,
    livekit: LiveKitCredentials,
    folder: Path,
    *,
    command: tuple[str, ...] = PRODUCT,
    patience_seconds: float = 30.0,
) -> list[Verdict]:
    """What the judge says of a worker from the first so many joins to the last."""
    async with open_remote("callers", "benchmarks.soak.callers", folder) as callers:
        worker = await SoakedWorker.start(
            livekit,
            folder / "worker",
            command=command,
            settings={
                "AGENT_GREETING": "off",
                # Rooms that are ending still count, and who finds none free waits for long.
                "MAX_ROOMS": str(2 * AT_ONCE + 2),
                "ROOM_EMPTY_SECONDS": "0.1",
                "MEMORY_CHECK_SECONDS": "0.5",
                # A busy machine makes loops late, and that is not what this is about.
                "LOOP_LAG_LIMIT_SECONDS": "60",
            },
        )
        try:
            soak = SoakRun("worker", worker, callers, livekit, patience_seconds=patience_seconds)
            before, after = await soak.joins(first, last, AT_ONCE, BRIEF)
        finally:
            await worker.stop()
    assert not soak.found.failures
    assert (before.joins, after.joins) == (first, last)
    return judge_joins(before, after, growth_mb=GROWTH_MB)


@pytest.mark.timeout(300)
async def test_fifty_joins_leave_nothing_in_the_worker(
    livekit: LiveKitCredentials, tmp_path: Path
) -> None:
    verdicts = await verdicts_after(20, 50, livekit, tmp_path)
    assert not [verdict for verdict in verdicts if not verdict.passed]


@pytest.mark.timeout(300)
async def test_the_judge_knows_a_worker_whose_rooms_leak(
    livekit: LiveKitCredentials, tmp_path: Path
) -> None:
    command = (sys.executable, "-m", "tests.room.leaking_agent", "start")
    verdicts = await verdicts_after(4, 24, livekit, tmp_path, command=command, patience_seconds=3.0)
    assert len(verdicts) == 5
    assert not [verdict for verdict in verdicts if verdict.passed]

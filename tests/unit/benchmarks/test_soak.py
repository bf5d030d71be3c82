"""The soak: what its judge says of samples, what its callers say, what its probe sees and does."""

from __future__ import annotations

import random
import struct
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks.processes import Program
from benchmarks.soak.callers import Words
from benchmarks.soak.judge import (
    JOINS_GROWTH_MB,
    ROOM_MB,
    Sample,
    judge_joins,
    judge_service,
    judge_tabs,
    judge_talk,
)
from benchmarks.soak.report import judge
from benchmarks.soak.run import Found
from services.audio.samples import SAMPLE_RATE

_ROOT = Path(__file__).parents[3]
BEFORE = Sample(
    seconds=60.0,
    joins=20,
    turns=40,
    rooms=0,
    rss_mb=250.0,
    threads=20,
    descriptors=50,
    tasks=60,
    temp_files=1,
)
LOADS = {"asr": 1.0, "voice": 1.0}


def talk(mb_per_turn: float) -> list[Sample]:
    """An hour in which memory grows steadily, with waves that mean nothing."""
    return [
        replace(
            BEFORE,
            seconds=float(turn),
            turns=turn,
            rss_mb=250.0 + mb_per_turn * turn + 5.0 * (turn % 2),
        )
        for turn in range(0, 1000, 5)
    ]


def test_growth_up_to_the_bound_passes_and_more_does_not() -> None:
    for grown, passes in ((JOINS_GROWTH_MB, True), (JOINS_GROWTH_MB + 0.1, False)):
        after = replace(BEFORE, joins=200, rss_mb=BEFORE.rss_mb + grown)
        memory, *counts = judge_joins(BEFORE, after)
        assert memory.passed is passes
        assert len(counts) == 4
        assert all(verdict.passed for verdict in counts)


def test_one_more_of_anything_is_a_leak() -> None:
    more = replace(BEFORE, threads=21, descriptors=51, tasks=61, temp_files=2)
    memory, *counts = judge_joins(BEFORE, more)
    assert memory.passed
    assert not any(verdict.passed for verdict in counts)
    assert all(verdict.passed for verdict in judge_joins(more, BEFORE))


def test_memory_that_grows_with_the_turns_is_told_from_waves() -> None:
    assert judge_talk(talk(0.0)).passed
    assert judge_talk(talk(0.009)).passed
    assert not judge_talk(talk(0.011)).passed


def test_silence_proves_nothing() -> None:
    assert not judge_talk([BEFORE, replace(BEFORE, seconds=3600.0)]).passed
    assert not judge_talk([]).passed


def test_each_further_caller_may_cost_so_much_and_no_load() -> None:
    one = replace(BEFORE, rooms=1)
    three = replace(BEFORE, rooms=3, rss_mb=BEFORE.rss_mb + 2 * ROOM_MB)
    assert all(verdict.passed for verdict in judge_tabs(one, three, LOADS))
    cost, _ = judge_tabs(one, replace(three, rss_mb=three.rss_mb + 0.1), LOADS)
    assert not cost.passed
    for loads in ({**LOADS, "asr": 2.0}, {}):
        cost, once = judge_tabs(one, three, loads)
        assert cost.passed
        assert not once.passed


def test_callers_without_an_agent_spoil_the_proof() -> None:
    assert judge_service(98, ["soak-3: no agent came", "soak-4: no agent came"]).passed
    assert not judge_service(97, ["no agent came"] * 3).passed
    assert not judge_service(0, []).passed


def test_a_run_that_was_broken_off_fails() -> None:
    assert all(verdict.passed for verdict in judge(Found("ours", joins=5)))
    broken = judge(Found("ours", joins=5, problem="the worker ended"))
    assert [verdict.found for verdict in broken if not verdict.passed] == ["the worker ended"]


def test_what_is_said_is_of_every_length_and_the_same_for_the_same_seed() -> None:
    words, again = Words(random.Random(1), 60.0), Words(random.Random(1), 60.0)
    said = [len(words.next()) for _ in range(100)]
    assert said == [len(again.next()) for _ in range(100)]
    assert min(said) < SAMPLE_RATE
    assert max(said) > 8 * SAMPLE_RATE
    assert len(set(said)) > 30
    short = Words(random.Random(1), 0.8)
    assert max(len(short.next()) for _ in range(100)) <= 0.8 * SAMPLE_RATE


async def test_the_probe_counts_the_tasks_of_all_loops_the_closed_ones_too(tmp_path: Path) -> None:
    source = (
        "import asyncio, time\n"
        "lost = asyncio.new_event_loop()\n"
        "kept = lost.create_task(asyncio.sleep(600))\n"
        "lost.call_soon(lost.stop)\n"
        "lost.run_forever()\n"
        "lost.close()\n"
        "async def main():\n"
        "    waiting = [asyncio.create_task(asyncio.sleep(600)) for _ in range(3)]\n"
        "    await asyncio.sleep(1.5)\n"
        "    print('counted', flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    file = tmp_path / "tasks"
    program = await _probed(tmp_path, source, {"TASK_COUNT_FILE": str(file)})
    try:
        await program.wait_for_line(lambda line: line == "counted", 30)
        # One on the closed loop, three that wait, and `main` itself.
        assert struct.unpack("d", file.read_bytes()) == (5.0,)
    finally:
        await program.stop()


async def test_the_probe_leaves_onnxruntime_its_defaults(tmp_path: Path) -> None:
    source = (
        "import onnxruntime\n"
        "options = onnxruntime.SessionOptions()\n"
        "options.enable_cpu_mem_arena = options.enable_mem_pattern = False\n"
        "options.intra_op_num_threads = 1\n"
        "print(options.enable_cpu_mem_arena, options.enable_mem_pattern,"
        " options.intra_op_num_threads, flush=True)\n"
    )
    assert await _printed(tmp_path, source, {}) == "False False 1"
    assert await _printed(tmp_path, source, {"ONNXRUNTIME_DEFAULTS": "1"}) == "True True 1"


async def _printed(folder: Path, source: str, environment: dict[str, str]) -> str:
    program = await _probed(folder, source, {"ORT_DISABLE_TELEMETRY": "1", **environment})
    try:
        return await program.wait_for_line(lambda line: line.endswith(" 1"), 60)
    finally:
        await program.stop()


async def _probed(folder: Path, source: str, environment: dict[str, str]) -> Program:
    return await Program.start(
        "probed",
        [sys.executable, "-c", source],
        log=folder / "probed.log",
        environment={"PYTHONPATH": str(_ROOT / "benchmarks" / "probe"), **environment},
    )

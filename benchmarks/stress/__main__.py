"""`python -m benchmarks.stress`: clients who vanish at any moment, and what becomes of the product.

Runs `python -m agent dev` with the demo models, the audio API, the Wyoming server and recordings of
calls; VARIABLE=VALUE sets more, such as MALLOC_PERTURB_=165, which has freed memory overwritten.
Ends with status 1 where the process crashed, did not end, left a request without an end, or kept
threads, descriptors, tasks or temporary files.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import secrets
import signal
import struct
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from benchmarks import PROBE, ROOT
from benchmarks.processes import Program, end_programs_on_sigterm
from benchmarks.stress.clients import Clients, Door, visited
from tests.room.processes import free_port
from tests.support.audio_api import write_key

_START_SECONDS = 120.0
_END_SECONDS = 20.0
_PATIENCE_SECONDS = 90.0
"""A request without an answer for so long has none."""
_SETTLE_SECONDS = 60.0
_LOOK_SECONDS = 5.0
_MORE = {"threads": 8, "descriptors": 2, "tasks": 2, "temp_files": 0}
"""How many more is nothing: the servers' pools of threads fill within their bounds, and a look may
fall on what comes and goes. Hundreds of visits would leave more."""


@dataclass(frozen=True, slots=True)
class Held:
    """What the process holds."""

    threads: int
    descriptors: int
    tasks: int
    temp_files: int
    resident_mb: int

    def more_than(self, before: Held) -> list[str]:
        """Name what there is more of than before; memory is for `benchmarks.soak` to judge."""
        return [
            name for name, few in _MORE.items() if getattr(self, name) > getattr(before, name) + few
        ]


async def main() -> int:
    """Run it; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.stress",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("variables", nargs="*", metavar="VARIABLE=VALUE")
    parser.add_argument("--seconds", type=float, default=120.0, help="how long clients come")
    parser.add_argument("--seed", type=int, default=0, help="of their choices")
    parser.add_argument("--clients", type=int, default=8, help="at once, without callers")
    parser.add_argument("--callers", type=int, default=2, help="at once")
    parser.add_argument("--suspend", action="store_true", help="stop the process now and then")
    parser.add_argument("--log", type=Path, help="where the log of the process goes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        return await _stress(options, Path(name))


async def _stress(options: argparse.Namespace, folder: Path) -> int:
    chance = random.Random(options.seed)
    ports = free_port(), free_port(), free_port()
    door = Door(f"http://127.0.0.1:{ports[0]}", ports[2], secrets.token_hex(24), "a" * 32)
    (folder / "temporary").mkdir()
    write_key(folder / "keys.json", door.api_key)
    program = await Program.start(
        "agent",
        (sys.executable, "-m", "agent", "dev"),
        log=options.log or folder / "log",
        environment={
            "HOME": str(folder),
            "PYTHONPATH": f"{PROBE}{os.pathsep}{ROOT}",
            "TASK_COUNT_FILE": str(folder / "tasks"),
            "LIVEKIT_SERVER_CONFIG": str(ROOT / "livekit.yaml"),
            "TMPDIR": str(folder / "temporary"),
            "MODELS": "demo",
            "WEB_PORT": str(ports[0]),
            "WORKER_PORT": str(ports[1]),
            "WYOMING_PORT": str(ports[2]),
            "WYOMING_MAX_CONNECTIONS": "32",
            "API_KEYS_FILE": str(folder / "keys.json"),
            "API_REQUESTS_PER_MINUTE": "100000",
            "API_REQUESTS_AT_ONCE": "64",
            "TOKENS_PER_MINUTE": "100000",
            "ROOMS_PER_ADDRESS": "50",
            "ROOM_EMPTY_SECONDS": "0.2",
            # At each check, what ended rooms leave is collected.
            "MEMORY_CHECK_SECONDS": "2",
            "ADMIN_TOKEN": door.admin_token,
            "RECORDS_FOLDER": str(folder / "records"),
            "RECORDS_SOUND": "true",
            **dict(each.split("=", 1) for each in options.variables),
        },
        folder=folder,
    )
    problems: list[str] = []
    try:
        await program.wait_for_line(lambda line: "Ready: open" in line, _START_SECONDS)
        clients = Clients(door, chance)
        # What is loaded and started for the first of each kind stays.
        for kind in (*Clients.KINDS, "call"):
            await visited(asyncio.create_task(getattr(clients, kind)()), _PATIENCE_SECONDS)
        before = await _settled(program, folder, None)
        ends: Counter[str] = Counter()
        until = time.monotonic() + options.seconds
        async with asyncio.TaskGroup() as coming:
            for _ in range(options.clients):
                coming.create_task(_come(clients, Clients.KINDS, chance, until, ends, program))
            for _ in range(options.callers):
                coming.create_task(_come(clients, ("call",), chance, until, ends, program))
            if options.suspend:
                coming.create_task(_suspend(program, chance, until))
        print(*(f"{count:6} {end}" for end, count in sorted(ends.items())), sep="\n")
        problems += [f"no end: {end}" for end in ends if end.endswith("no answer")]
        if not program.ended:
            after = await _settled(program, folder, before)
            print("before", asdict(before), "\nafter ", asdict(after))
            problems += [f"more {name}" for name in after.more_than(before)]
            os.kill(program.process_id, signal.SIGTERM)
        try:
            status = await program.wait(_END_SECONDS)
            problems += [f"it ended with {status}"] if status else []
        except TimeoutError:
            problems.append("it does not end")
    finally:
        await program.stop()
    print("\n".join(problems) or "nothing is wrong")
    return 1 if problems else 0


async def _come(
    clients: Clients,
    kinds: tuple[str, ...],
    chance: random.Random,
    until: float,
    ends: Counter[str],
    program: Program,
) -> None:
    """Visit again and again, most times with little patience."""
    while time.monotonic() < until and not program.ended:
        kind = chance.choice(kinds)
        patience = chance.choice(
            [chance.uniform(0.0, 0.02), chance.expovariate(2.5), chance.uniform(0.0, 5.0)]
            if chance.random() < 0.8
            else [_PATIENCE_SECONDS]
        )
        end = await visited(asyncio.create_task(getattr(clients, kind)()), patience)
        if end is None:
            end = "broken off" if patience < _PATIENCE_SECONDS else "no answer"
        ends[f"{kind}: {end}"] += 1


async def _suspend(program: Program, chance: random.Random, until: float) -> None:
    """Stop the process for a moment now and then, as a busy or sleeping machine does."""
    while time.monotonic() < until and not program.ended:
        await asyncio.sleep(chance.uniform(5.0, 20.0))
        with contextlib.suppress(ProcessLookupError):
            os.kill(program.process_id, signal.SIGSTOP)
            await asyncio.sleep(chance.choice([0.1, 1.0, 6.0]))
            os.kill(program.process_id, signal.SIGCONT)


async def _settled(program: Program, folder: Path, before: Held | None) -> Held:
    """A look once what ended is gone, at the latest after a while."""
    until = time.monotonic() + _SETTLE_SECONDS
    while True:
        last = _look(program, folder)
        await asyncio.sleep(_LOOK_SECONDS)
        now = _look(program, folder)
        steady = now == last if before is None else not now.more_than(before)
        if steady or time.monotonic() > until:
            return now


def _look(program: Program, folder: Path) -> Held:
    process = psutil.Process(program.process_id)
    return Held(
        threads=process.num_threads(),
        descriptors=process.num_fds(),
        tasks=round(struct.unpack("d", (folder / "tasks").read_bytes())[0]),
        temp_files=sum(path.is_file() for path in (folder / "temporary").rglob("*")),
        resident_mb=process.memory_info().rss >> 20,
    )


if __name__ == "__main__":
    end_programs_on_sigterm()
    sys.exit(asyncio.run(main()))

"""`python -m benchmarks.soak`: calls for minutes or hours, and what they leave in the memory."""

from __future__ import annotations

import argparse
import asyncio
import datetime
import json
import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from benchmarks import ROOT, machine
from benchmarks.processes import ProgramError, end_programs_on_sigterm
from benchmarks.remote import RemoteError, open_remote
from benchmarks.soak.report import draw, judge, report
from benchmarks.soak.run import Found, SoakRun
from benchmarks.soak.worker import SoakedWorker
from services.livekit_server.credentials import LiveKitCredentials
from services.livekit_server.program import LiveKitServerError
from services.livekit_server.server import LiveKitServer

_FIRST_JOINS = 20
"""What the first rooms start, threads of native libraries above all, stays for good."""
_SPARE_ROOMS = 3
"""A room may still be ending when the next caller has come, who finds no agent for long if that
was the last place."""
_PERIOD_SECONDS = 2.0
_SAMPLES = 1500
"""Of a long talk, about."""
_BROKEN_OFF = (ProgramError, RemoteError, TimeoutError, OSError, aiohttp.ClientError, psutil.Error)


@dataclass(frozen=True, slots=True)
class Options:
    """What is done, and how much of it."""

    tabs: int
    joins: int
    minutes: float
    visitors: int
    """Callers at once while rooms come and go."""
    rooms: int
    """Callers at once who talk."""
    seed: int
    settings: Mapping[str, str]
    """Of the worker, beyond the defaults."""
    livekit_program: str
    folder: Path


async def run(options: Options, name: str, *, onnxruntime_defaults: bool = False) -> Found:
    """One worker through all phases; a run that breaks off says why in what it returns."""
    folder = options.folder / name.replace(" ", "-")
    folder.mkdir(parents=True, exist_ok=True)
    async with (
        LiveKitServer(ROOT / "livekit.yaml", program=options.livekit_program) as livekit,
        open_remote("callers", "benchmarks.soak.callers", folder) as callers,
    ):
        worker = await _start(options, livekit, folder, onnxruntime_defaults)
        soak = SoakRun(
            name,
            worker,
            callers,
            livekit,
            seed=options.seed,
            period_seconds=max(_PERIOD_SECONDS, 60 * options.minutes / _SAMPLES),
            say=lambda line: print(line, file=sys.stderr, flush=True),
        )
        try:
            await soak.ready()
            if options.tabs > 1:
                await soak.tabs(options.tabs)
            if options.joins:
                first = min(_FIRST_JOINS, options.joins)
                await soak.joins(first, options.joins, options.visitors)
            if options.minutes:
                await soak.talk(options.minutes, options.rooms)
        except _BROKEN_OFF as error:
            soak.found.problem = f"{type(error).__name__}: {error}"
        finally:
            await worker.stop()
    return soak.found


async def _start(
    options: Options, livekit: LiveKitCredentials, folder: Path, onnxruntime_defaults: bool
) -> SoakedWorker:
    rooms = max(2 * options.visitors, options.rooms, options.tabs) + _SPARE_ROOMS
    return await SoakedWorker.start(
        livekit,
        folder,
        settings={
            "MAX_ROOMS": str(rooms),
            "ROOM_EMPTY_SECONDS": "0.5",
            # Beside other work a loop may be late for long, and this is not about that.
            "LOOP_LAG_LIMIT_SECONDS": "5",
            **options.settings,
        },
        onnxruntime_defaults=onnxruntime_defaults,
    )


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    made.add_argument("--tabs", type=int, default=3, help="callers at once, against one; 0: none")
    made.add_argument("--joins", type=int, default=200, help="callers who come and go; 0: none")
    made.add_argument("--minutes", type=float, default=15.0, help="of talk after that; 0: none")
    made.add_argument("--visitors", type=int, default=3, help="callers at once who come and go")
    made.add_argument("--rooms", type=int, default=2, help="callers at once who talk")
    made.add_argument("--seed", type=int, default=1, help="what chance begins from")
    made.add_argument(
        "--set",
        type=_setting,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of the worker, such as MODELS=auto; default: the demo models",
    )
    made.add_argument(
        "--onnxruntime-defaults",
        action="store_true",
        help="all of it again with onnxruntime's arena and memory pattern, to compare",
    )
    made.add_argument(
        "--out", type=Path, help="folder of results; default: bench-results/soak-DATE"
    )
    return made


async def _runs(options: Options, compare: bool) -> tuple[Found, Found | None]:
    ours = await run(options, "ours")
    if not compare:
        return ours, None
    return ours, await run(options, "onnxruntime defaults", onnxruntime_defaults=True)


def main() -> int:
    """Soak and report; the exit status is 1 where a promise does not hold."""
    end_programs_on_sigterm()
    arguments = _parser().parse_args()
    stamp = f"{datetime.datetime.now():%Y-%m-%d-%H%M%S}"
    folder = (arguments.out or ROOT / "bench-results" / f"soak-{stamp}").resolve()
    options = Options(
        tabs=arguments.tabs,
        joins=arguments.joins,
        minutes=arguments.minutes,
        visitors=arguments.visitors,
        rooms=arguments.rooms,
        seed=arguments.seed,
        settings=dict(arguments.set),
        livekit_program=os.environ.get("LIVEKIT_SERVER", ""),
        folder=folder,
    )
    results: dict[str, Any] = {
        "date": datetime.date.today().isoformat(),
        "command": shlex.join(["python", "-m", "benchmarks.soak", *sys.argv[1:]]),
        "machine": machine.describe_machine(),
        "versions": machine.our_versions(),
    }
    try:
        ours, other = asyncio.run(_runs(options, arguments.onnxruntime_defaults))
    except (LiveKitServerError, *_BROKEN_OFF) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    verdicts = judge(ours)
    results["runs"] = [found.as_json() for found in (ours, other) if found is not None]
    results["verdicts"] = [asdict(verdict) for verdict in verdicts]
    (folder / "results.json").write_text(json.dumps(results, indent=1), encoding="utf-8")
    if ours.samples:
        draw(ours, other, folder / "soak.png")
    text = report(results, ours, verdicts, other)
    (folder / "report.md").write_text(text, encoding="utf-8")
    print(text)
    return 0 if all(verdict.passed for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())

"""`python -m benchmarks`: measures this product and its peers side by side and writes a report."""

from __future__ import annotations

import argparse
import asyncio
import datetime
import json
import os
import sys
from pathlib import Path
from typing import Any

from benchmarks import ROOT
from benchmarks.bench.ladder import Amounts
from benchmarks.bench.models import ModelPair
from benchmarks.bench.report import write_report
from benchmarks.bench.run import PARTS, Options, run
from benchmarks.bench.systems import IN_ROOMS
from benchmarks.processes import end_programs_on_sigterm
from services.livekit_server.program import LiveKitServerError
from services.models import DEMO_ASR, DEMO_VOICE, ModelError

_GENUINE, _DEMO = "genuine", "demo"

_FULL = Amounts(
    turns={
        "1": 3,
        "1, people": 5,
        "1, people, real LLM": 2,
        "2": 2,
        "2, people": 2,
        "4": 2,
        "4, people": 2,
        "1 of 5": 2,
        "8": 1,
    },
    idle_seconds=5.0,
    interruptions=2,
    profile=True,
)
_AGAIN = Amounts(
    turns={"2": 2, "4": 2, "4, people": 1}, idle_seconds=0.0, interruptions=0, profile=False
)
_DEMO_FULL = Amounts(
    turns={"1": 3, "2": 2, "4": 3, "1 of 5": 2}, idle_seconds=0.0, interruptions=0, profile=False
)
_BRIEF = Amounts(
    turns={"1": 3, "1, people": 4, "2": 2, "4": 2, "4, people": 1},
    idle_seconds=3.0,
    interruptions=1,
    profile=False,
)
_QUICK = Amounts(
    turns={"1": 2, "1, people": 1, "2": 1}, idle_seconds=3.0, interruptions=1, profile=False
)
_PAGE = ROOT / "docs" / "benchmarks.md"
_NOTES = ROOT / "benchmarks" / "notes.md"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    made.add_argument(
        "--models",
        nargs="+",
        choices=(_GENUINE, _DEMO),
        default=(_GENUINE, _DEMO),
        help="pairs of models to measure",
    )
    made.add_argument(
        "--asr", default="base", help="genuine recogniser: a catalogue name or a folder"
    )
    made.add_argument(
        "--voice",
        default="en_US-joe-medium",
        help="genuine voice: a catalogue name or an .onnx file",
    )
    made.add_argument(
        "--context",
        default="auto",
        help="what the product's recogniser is given to hear, as for ASR_CONTEXT: auto, full or "
        "a number of seconds",
    )
    made.add_argument(
        "--cache", type=Path, default=ROOT / "models", help="folder that models are fetched into"
    )
    made.add_argument(
        "--only", nargs="+", choices=PARTS, default=PARTS[:3], help="parts to measure"
    )
    made.add_argument("--systems", nargs="+", choices=tuple(IN_ROOMS), default=tuple(IN_ROOMS))
    made.add_argument("--rounds", type=int, default=2, help="times that systems take turns")
    made.add_argument(
        "--minutes",
        type=float,
        default=20.0,
        help="about how long it may take; what there is no time for is left out, and said so",
    )
    made.add_argument(
        "--patience",
        type=float,
        default=60.0,
        help="seconds to wait, each time, for other programs on this machine to be quiet",
    )
    made.add_argument(
        "--brief", action="store_true", help="fewer turns and rooms, once: a third of the time"
    )
    made.add_argument("--quick", action="store_true", help="a smoke test: its figures mean little")
    made.add_argument("--out", type=Path, help="folder of results; default: bench-results/DATE")
    made.add_argument(
        "--docs",
        action="store_true",
        help="write docs/benchmarks.md with its plots as well, benchmarks/bench/notes.md on top",
    )
    made.add_argument(
        "--peers",
        type=Path,
        default=ROOT / ".venv-peers" / "bin" / "python",
        help="Python of the environment that has the peers",
    )
    return made


def pairs_of(arguments: argparse.Namespace) -> tuple[ModelPair, ...]:
    """The pairs that are asked for, fetched where they are not here yet. Raises ModelError."""
    cache = arguments.cache.resolve()
    pairs = []
    if _GENUINE in arguments.models:
        models = arguments.asr, arguments.voice, arguments.context
        pairs.append(ModelPair.find(_GENUINE, *models, cache=cache))
    if _DEMO in arguments.models:
        pairs.append(ModelPair.find(_DEMO, DEMO_ASR.name, DEMO_VOICE.name, cache=cache))
    return tuple(pairs)


def _write(file: Path, results: dict[str, Any]) -> None:
    file.write_text(json.dumps(results, indent=1), encoding="utf-8")


def main() -> int:
    """Measure and report; the exit status."""
    end_programs_on_sigterm()
    arguments = parser().parse_args()
    stamp = f"{datetime.datetime.now():%Y-%m-%d-%H%M%S}"
    folder = (arguments.out or ROOT / "bench-results" / stamp).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        options = Options(
            pairs=pairs_of(arguments),
            systems=tuple(arguments.systems),
            parts=tuple(arguments.only),
            folder=folder,
            # Not resolved: a virtual environment is known by where its link lies.
            peers_python=arguments.peers.absolute(),
            livekit_program=os.environ.get("LIVEKIT_SERVER", ""),
            rounds=1 if arguments.quick or arguments.brief else arguments.rounds,
            minutes=arguments.minutes,
            first=_QUICK if arguments.quick else _BRIEF if arguments.brief else _FULL,
            later=_AGAIN,
            first_demo=_QUICK if arguments.quick else _DEMO_FULL,
            floor_times=3 if arguments.quick else 6,
            engine_times=2 if arguments.quick else 8,
            patience_seconds=0.0 if arguments.quick else arguments.patience,
            keep=lambda found: _write(folder / "results.json", found),
            say=lambda text: print(text, file=sys.stderr, flush=True),
        )
        results = asyncio.run(run(options))
    except (ModelError, LiveKitServerError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(write_report(results, folder / "report.md"))
    if arguments.docs:
        print(write_report(results, _PAGE, _NOTES.read_text(encoding="utf-8")))
    return 0


if __name__ == "__main__":
    sys.exit(main())

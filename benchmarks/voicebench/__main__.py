"""`python -m benchmarks.voicebench`: a scripted call with the product, judged by voicebench.

The product runs as it ships, with its built-in replies. voicebench comes from PyPI as published
(`scripts/setup.sh peers`), joins the room through its own LiveKit adapter, records both sides and
derives every figure from the sound. Raises no flag where a turn fails: the report says it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import ROOT
from benchmarks.bench.models import ModelPair
from benchmarks.bench.systems import OursBuiltin, Surroundings, System
from benchmarks.processes import Program, ProgramError, end_programs_on_sigterm
from benchmarks.voicebench.sounds import write_sounds
from services.livekit_server.program import LiveKitServerError, find_program
from services.livekit_server.server import LiveKitServer
from services.models import ModelError

SCENARIO = Path(__file__).with_name("scenario.yaml")
_LONGEST_CALL_SECONDS = 300.0


def main() -> int:
    """Run the calls and print what voicebench found; the exit status."""
    end_programs_on_sigterm()
    arguments = _parser().parse_args()
    try:
        models = ModelPair.find(
            "genuine", arguments.asr, arguments.voice, cache=arguments.cache.resolve()
        )
        with tempfile.TemporaryDirectory(prefix="voicebench-") as folder:
            report = asyncio.run(measure(arguments, models, Path(folder)))
    except (ModelError, LiveKitServerError, ProgramError, TimeoutError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print("\n".join(describe(report)))
    if arguments.out:
        arguments.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0


async def measure(arguments: argparse.Namespace, models: ModelPair, folder: Path) -> dict[str, Any]:
    """voicebench's report of all calls. Raises ProgramError, TimeoutError, LiveKitServerError."""
    write_sounds(folder, models.voice)
    shutil.copy(SCENARIO, folder)
    program = find_program(os.environ.get("LIVEKIT_SERVER", ""))
    async with LiveKitServer(ROOT / "livekit.yaml", program=program) as livekit:
        surroundings = Surroundings(livekit, "", arguments.peers.absolute(), folder, rooms=1)
        system = OursBuiltin(surroundings, models)
        try:
            await system.start()
            return await _voicebench(system, folder, arguments.calls)
        finally:
            await system.stop()


async def _voicebench(system: System, folder: Path, calls: int) -> dict[str, Any]:
    surroundings = system.surroundings
    voicebench = surroundings.peers_python.with_name("voicebench")
    if not voicebench.exists():
        raise ProgramError(f"voicebench is not installed: there is no {voicebench}")
    livekit = surroundings.livekit
    program = await Program.start(
        "voicebench",
        [
            *(voicebench, "run", SCENARIO.name, "--format", "json", "--out", "found"),
            *("--url", livekit.url, "--option", f"agent_name={system.agent_name}"),
            *("--repeat", str(calls)),
        ],
        log=folder / "voicebench.log",
        environment={
            "LIVEKIT_API_KEY": livekit.api_key,
            "LIVEKIT_API_SECRET": livekit.api_secret,
        },
        folder=folder,
    )
    try:
        await program.wait(calls * _LONGEST_CALL_SECONDS)
    finally:
        await program.stop()
    found = folder / "found" / "report.json"
    if not found.exists():
        raise ProgramError(f"voicebench found nothing: {(folder / 'voicebench.log').read_text()}")
    report: dict[str, Any] = json.loads(found.read_text(encoding="utf-8"))
    return report


def describe(report: dict[str, Any]) -> list[str]:
    """The report as a table of turns and a paragraph of figures, as Markdown."""
    lines = [
        "| turn | wanted | response | silent after | began anew | passed |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for number, session in enumerate(report["sessions"], 1):
        for turn, new in zip(session["turns"], onsets(session), strict=True):
            cells = [
                f"{number}: {turn['id']}",
                turn["expect"],
                _seconds(turn["response_latency_ms"]),
                _seconds(turn["stop_latency_ms"]),
                str(new),
                "yes" if turn["passed"] else f"no: {'; '.join(turn['notes'])}",
            ]
            lines.append(f"| {' | '.join(cells)} |")
    summary = report["summary"]
    response, stop = summary["response_latency_ms"], summary["barge_in_stop_ms"]
    lines += [
        "",
        f"voicebench {report['voicebench_version']}: {summary['turns_passed']} of "
        f"{summary['turns']} turns passed; response p50 {_seconds(response['p50'])}, p90 "
        f"{_seconds(response['p90'])}; silent {_seconds(stop['p50'])} after being spoken over; "
        f"stopped by {summary['false_barge_ins']} of {summary['noise_turns']} sounds that are no "
        f"interruption; {summary['missed_responses']} questions without an answer.",
    ]
    return lines


def onsets(session: dict[str, Any]) -> list[int]:
    """How often the agent began to speak in each turn: once is an answer, or it went on again.

    voicebench itself looks no further than the first second or two after a sound.
    """
    turns = session["turns"]
    ends = [turn["start_s"] for turn in turns[1:]] + [session["duration_s"]]
    return [
        sum(turn["start_s"] < start <= end for start, _ in session["agent_segments"])
        for turn, end in zip(turns, ends, strict=True)
    ]


def _seconds(milliseconds: float | None) -> str:
    return "–" if milliseconds is None else f"{milliseconds / 1e3:.2f} s"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.voicebench", description=__doc__)
    parser.add_argument("--asr", default="base", help="a catalogue name or a folder")
    parser.add_argument(
        "--voice", default="en_US-joe-medium", help="a catalogue name or an .onnx file"
    )
    parser.add_argument(
        "--cache", type=Path, default=ROOT / "models", help="folder that models are fetched into"
    )
    parser.add_argument("--calls", type=int, default=1, help="how often the call is made")
    parser.add_argument("--out", type=Path, help="file for voicebench's own report, as JSON")
    parser.add_argument(
        "--peers",
        type=Path,
        default=ROOT / ".venv-peers" / "bin" / "python",
        help="Python of the environment that has voicebench",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())

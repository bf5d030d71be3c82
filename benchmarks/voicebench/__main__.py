"""`python -m benchmarks.voicebench`: a scripted call with the product, judged by voicebench.

The product runs as it ships, with its built-in replies; peers run as they ship too, with the same
models and an endpoint that counts when it is asked to. voicebench comes from PyPI as published
(`scripts/setup.sh peers`), joins the room through its own LiveKit adapter, records both sides and
derives every figure from the sound. A turn that fails is no error: the report says it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from benchmarks import ROOT
from benchmarks.bench.endpoint import FixedReplies
from benchmarks.bench.models import ModelPair
from benchmarks.bench.systems import Naive, OursBuiltin, Pipecat, Surroundings, System
from benchmarks.processes import Program, ProgramError, end_programs_on_sigterm
from benchmarks.speech import REPLY
from benchmarks.voicebench.sounds import COUNTED, write_sounds
from services.livekit_server.program import LiveKitServerError, find_program
from services.livekit_server.server import LiveKitServer
from services.models import ModelError
from tests.support.caller import room_token


class Counting(FixedReplies):
    """Counts to twenty when it is asked to, and has one reply to all else."""

    def answer(self, asked: dict[str, Any]) -> str:
        """By the latest message."""
        return COUNTED if "count" in str(asked["messages"][-1]).lower() else self.reply


class PipecatDefaults(Pipecat):
    """With Smart Turn, and every sound of the caller an interruption."""

    turns = "default"


class LiveKitDefaults(Naive):
    """The framework's own turn taking, as far as it runs on the machine."""

    turns = "default"


SYSTEMS: dict[str, type[System]] = {
    "ours": OursBuiltin,
    "pipecat": PipecatDefaults,
    "livekit": LiveKitDefaults,
}
SCENARIO = Path(__file__).with_name("scenario.yaml")
_LONGEST_CALL_SECONDS = 180.0


def main() -> int:
    """Run the calls and print what voicebench found; the exit status."""
    end_programs_on_sigterm()
    arguments = _parser().parse_args()
    try:
        models = ModelPair.find(
            "genuine", arguments.asr, arguments.voice, cache=arguments.cache.resolve()
        )
        with tempfile.TemporaryDirectory(prefix="voicebench-") as folder:
            reports = asyncio.run(measure(arguments, models, Path(folder)))
    except (ModelError, LiveKitServerError, ProgramError, TimeoutError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    for name, report in reports.items():
        print("\n".join((f"### {name}", "", *describe(report), "")))
    if arguments.out:
        arguments.out.write_text(json.dumps(reports, indent=1) + "\n", encoding="utf-8")
    return 0


async def measure(
    arguments: argparse.Namespace, models: ModelPair, folder: Path
) -> dict[str, dict[str, Any]]:
    """voicebench's report of each system. Raises ProgramError, TimeoutError, LiveKitServerError."""
    write_sounds(folder, models.voice)
    shutil.copy(SCENARIO, folder)
    program = find_program(os.environ.get("LIVEKIT_SERVER", ""))
    reports = {}
    async with AsyncExitStack() as stack:
        server = LiveKitServer(ROOT / "livekit.yaml", program=program)
        livekit = await stack.enter_async_context(server)
        endpoint = Counting(REPLY)
        llm_url = await endpoint.start()
        stack.push_async_callback(endpoint.stop)
        surroundings = Surroundings(livekit, llm_url, arguments.peers.absolute(), folder, rooms=1)
        for name in arguments.systems:
            system = SYSTEMS[name](surroundings, models)
            try:
                await system.start()
                reports[name] = await _voicebench(system, folder / name)
            finally:
                await system.stop()
    return reports


async def _voicebench(system: System, found: Path) -> dict[str, Any]:
    surroundings = system.surroundings
    folder = surroundings.folder
    room = f"voicebench-{system.name}"
    voicebench = surroundings.peers_python.with_name("voicebench")
    if not voicebench.exists():
        raise ProgramError(f"voicebench is not installed: there is no {voicebench}")
    livekit = surroundings.livekit
    program = await Program.start(
        "voicebench",
        [
            *(voicebench, "run", SCENARIO.name, "--format", "json", "--out", found),
            *("--url", livekit.url, "--option", f"room={room}"),
            *(("--option", f"agent_name={system.agent_name}") if system.agent_name else ()),
        ],
        log=folder / "voicebench.log",
        environment={
            "LIVEKIT_API_KEY": livekit.api_key,
            "LIVEKIT_API_SECRET": livekit.api_secret,
        },
        folder=folder,
    )
    key, secret = livekit.api_key, livekit.api_secret
    await system.invite(room, room_token(key, secret, room, system.name, agent_name=None))
    try:
        await program.wait(_LONGEST_CALL_SECONDS)
    finally:
        await program.stop()
    if not (found / "report.json").exists():
        raise ProgramError(f"voicebench found nothing: {(folder / 'voicebench.log').read_text()}")
    report: dict[str, Any] = json.loads((found / "report.json").read_text(encoding="utf-8"))
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
    parser.add_argument("--systems", nargs="+", choices=tuple(SYSTEMS), default=["ours"])
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

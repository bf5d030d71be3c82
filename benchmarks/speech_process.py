"""What a speech process costs and saves: added latency of a call, and memory, by number of workers.

Each worker is a process that has requests written down and sentences spoken, one after another,
with models of its own or with those of one speech process. The added latency is what a call takes
beyond its computing, which leaves the speed of the models out; a phrase that is kept costs nothing
else. Memory is the proportional set size, which counts shared pages once.

    python -m benchmarks.speech_process --asr base --voice en_US-joe-medium --cache models
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from benchmarks import ROOT
from services.shared.config import EngineConfig

_PHRASE = "Hello there, how can I help you?"
_DEADLINE_SECONDS = 60.0
_MB = 2**20


@dataclass(frozen=True, slots=True)
class Measured:
    """What one worker measured; milliseconds, medians over its calls."""

    recognition_ms: float
    """Of a request, from its audio to its text."""
    recognition_beyond_ms: float
    """The same without computing."""
    phrase_ms: float
    """Of a phrase that is kept, from its text to the last of its sound."""
    pss_mb: float


async def work(config: EngineConfig, socket: Path | None, turns: int) -> Measured:
    """Be one worker."""
    from services.inference import Priority
    from services.shared.engines import SharedEngines
    from services.speech_process import RemoteEngines
    from tests.support.recordings import recordings

    engines = SharedEngines(config) if socket is None else RemoteEngines(config, socket)
    asr, voice = await engines.asr.get(), await engines.tts.get()
    await voice.remember([_PHRASE])
    requests = [recording.samples for recording in recordings("turn")]
    whole: list[float] = []
    beyond: list[float] = []
    phrase: list[float] = []
    # Nobody measures while another still loads.
    print("ready", flush=True)
    sys.stdin.readline()
    for turn in range(turns):
        started = time.perf_counter()
        heard = await asr.transcribe(
            requests[turn % len(requests)],
            owner=f"room {os.getpid()}",
            priority=Priority.FINAL,
            deadline_seconds=_DEADLINE_SECONDS,
        )
        seconds = time.perf_counter() - started
        whole.append(seconds)
        beyond.append(seconds - heard.compute_seconds)
        started = time.perf_counter()
        async for _ in voice.synthesize(_PHRASE, owner=f"room {os.getpid()}"):
            pass
        phrase.append(time.perf_counter() - started)
    pss = psutil.Process().memory_full_info().pss / _MB
    engines.close()
    recognition, rest, kept = (1000.0 * median(each) for each in (whole, beyond, phrase))
    return Measured(recognition, rest, kept, pss)


def measure(arguments: argparse.Namespace, workers: int, socket: Path | None) -> list[Measured]:
    """Have that many workers work at once."""
    command = [sys.executable, "-m", "benchmarks.speech_process", "--worker"]
    command += ["--asr", arguments.asr, "--voice", arguments.voice]
    command += ["--cache", str(arguments.cache), "--turns", str(arguments.turns)]
    command += ["--socket", str(socket)] if socket is not None else []
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen(
                    command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
            )
            for _ in range(workers)
        ]
        for process in processes:
            assert process.stdout is not None
            process.stdout.readline()
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        answers = [process.communicate()[0] for process in processes]
    return [Measured(**json.loads(answer)) for answer in answers]


def compare(arguments: argparse.Namespace, config: EngineConfig) -> list[dict[str, Any]]:
    """Measure each number of workers both ways."""
    from services.speech_process import on_demand

    rows = []
    for workers in arguments.workers:
        own = measure(arguments, workers, None)
        with tempfile.TemporaryDirectory() as folder:
            socket = on_demand.start(config, folder=Path(folder), linger_seconds=5.0)
            server = next(
                process for process in psutil.process_iter() if _is_server(process, socket)
            )
            shared = measure(arguments, workers, socket)
            server_mb = server.memory_full_info().pss / _MB
            server.terminate()
            psutil.wait_procs([server], timeout=10)
        rows += [
            _row(workers, "own copies", own, 0.0),
            _row(workers, "one speech process", shared, server_mb),
        ]
    return rows


def _is_server(process: psutil.Process, socket: Path) -> bool:
    try:
        return str(socket) in process.cmdline()
    except psutil.Error:
        return False


def _row(workers: int, models: str, found: list[Measured], server_mb: float) -> dict[str, Any]:
    return {
        "workers": workers,
        "models": models,
        "memory_mb": round(sum(each.pss_mb for each in found) + server_mb),
        "recognition_ms": round(median(each.recognition_ms for each in found), 2),
        "beyond_computing_ms": round(median(each.recognition_beyond_ms for each in found), 2),
        "kept_phrase_ms": round(median(each.phrase_ms for each in found), 2),
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--asr", default="demo")
    parser.add_argument("--voice", default="demo")
    parser.add_argument("--cache", type=Path, default=ROOT / "models")
    parser.add_argument("--turns", type=int, default=40)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--socket", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    config = EngineConfig(arguments.asr, arguments.voice, cache=arguments.cache, language="en")
    if arguments.worker:
        print(json.dumps(asdict(asyncio.run(work(config, arguments.socket, arguments.turns)))))
        sys.stdout.flush()
        os._exit(0)
    for row in compare(arguments, config):
        print(json.dumps(row))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The Wyoming server beside wyoming-faster-whisper and wyoming-piper.

`python -m benchmarks.wyoming [--times N] [--asr NAME] [--voice NAME] [--cache FOLDER] [--out FILE]`

Same model files, same recordings and texts, one thread a call, greedy decoding for all, by turns.
Ours is `python -m agent start` with its defaults, which answers before it finds a LiveKit server
and needs none. Recordings of people (`tests/speech/human`) are sent at once, with their end 0.2 s
later, and in real time with 0.7 s of silence after them, at which Home Assistant ends a command.
Both leave time in which ours decodes ahead, as they do in use.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks import ROOT
from benchmarks.bench.models import ModelPair
from benchmarks.machine import describe_machine
from benchmarks.peers.wyoming import (
    Wyoming,
    faster_whisper_arguments,
    piper_arguments,
    wyoming_peer,
)
from benchmarks.processes import ProgramError
from benchmarks.speech import WORDS, people
from services.models import ModelError
from tests.room.processes import free_port
from tests.support.word_errors import word_error_rate

_SILENCE_SECONDS = 0.7
_WORD_SECONDS = 0.05
"""A language model that writes 20 words a second."""
_OURS, _PEER = "ours", "peer"
_CACHE = Path("models")
_PEERS_PYTHON = ROOT / ".venv-peers" / "bin" / "python"


@dataclass
class Figures:
    """Seconds by what was measured, then by whose they are."""

    seconds: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    said: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """What was heard and said, by whose transcripts they are."""
    memory_mib: dict[str, float] = field(default_factory=dict)

    def add(self, what: str, whose: str, seconds: float) -> None:
        """Keep a measurement."""
        self.seconds.setdefault(what, {}).setdefault(whose, []).append(seconds)

    def table(self) -> Iterator[str]:
        """Lines of Markdown, medians in milliseconds."""
        yield "| | ours, ms | peer, ms | ours / peer |"
        yield "| --- | --- | --- | --- |"
        for what, found in self.seconds.items():
            ours, peer = (1e3 * statistics.median(found[whose]) for whose in (_OURS, _PEER))
            yield f"| {what} | {ours:.0f} | {peer:.0f} | {ours / peer:.2f} |"
        wrong = {whose: 100 * word_error_rate(pairs) for whose, pairs in self.said.items()}
        yield f"| words wrong | {wrong[_OURS]:.1f} % | {wrong[_PEER]:.1f} % | |"
        memory = self.memory_mib
        share = memory[_OURS] / memory[_PEER]
        yield f"| memory, MiB | {memory[_OURS]:.0f} | {memory[_PEER]:.0f} | {share:.2f} |"


async def measure(
    models: ModelPair, *, cache: Path, peers_python: Path, folder: Path, times: int
) -> Figures:
    """Measure each thing `times` times after once for warmth. Raises ProgramError."""
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        ours = await enter(_ours(models, cache, folder))
        whisper = await enter(
            wyoming_peer(
                "wyoming-faster-whisper",
                faster_whisper_arguments(models, folder),
                peers_python,
                folder,
            )
        )
        piper = await enter(
            wyoming_peer("wyoming-piper", piper_arguments(models), peers_python, folder)
        )
        figures = Figures()
        for count in range(times + 1):
            await _hear(figures, {_OURS: ours, _PEER: whisper}, keep=bool(count))
            await _speak(figures, {_OURS: ours, _PEER: piper}, keep=bool(count))
        figures.memory_mib = {_OURS: _mib(ours), _PEER: _mib(whisper) + _mib(piper)}
        return figures


async def _hear(figures: Figures, servers: dict[str, Wyoming], *, keep: bool) -> None:
    for recording in people() if keep else people()[:2]:
        for what, silence in (
            ("sound sent at once, its end 0.2 s later: to the transcript", None),
            (
                "sound in real time, its end after 0.7 s of silence: to the transcript",
                _SILENCE_SECONDS,
            ),
        ):
            for whose, server in servers.items():
                heard = await server.hear(recording.path, silence_seconds=silence)
                if keep:
                    figures.add(what, whose, heard.seconds)
                    figures.said.setdefault(whose, []).append((heard.text, recording.text))


async def _speak(figures: Figures, servers: dict[str, Wyoming], *, keep: bool) -> None:
    for words, text in WORDS.items():
        for whose, server in servers.items():
            spoken = await server.speak(text)
            if keep:
                figures.add(f"{words} words: to the first sound", whose, spoken.first_seconds)
                figures.add(f"{words} words: to the last sound", whose, spoken.all_seconds)
    text = " ".join(WORDS.values())
    for whose, server in servers.items():
        spoken = await server.speak(text, word_seconds=_WORD_SECONDS)
        if keep:
            what = "60 words, 20 a second: the first word to the first sound"
            figures.add(what, whose, spoken.first_seconds)


@asynccontextmanager
async def _ours(models: ModelPair, cache: Path, folder: Path) -> AsyncIterator[Wyoming]:
    port = free_port()
    server = await Wyoming.start(
        "ours",
        [sys.executable, "-m", "agent", "start"],
        log=folder / "ours.log",
        port=port,
        environment={
            "PYTHONPATH": str(ROOT),
            "HOME": str(folder),
            "HF_HUB_OFFLINE": "1",
            "WYOMING_PORT": str(port),
            "WORKER_PORT": str(free_port()),
            "WHISPER_MODEL_PATH": str(cache),
            "ASR_MODEL": models.asr.name,
            "TTS_VOICE": models.voice.stem,
            # Nobody is there: the worker keeps trying, and serves Wyoming meanwhile.
            "LIVEKIT_URL": "ws://127.0.0.1:9",
            "LIVEKIT_API_KEY": "key",
            "LIVEKIT_API_SECRET": "s" * 32,
        },
    )
    try:
        yield server
    finally:
        await server.stop()


def _mib(server: Wyoming) -> float:
    process = psutil.Process(server.program.process_id)
    every = [process, *process.children(recursive=True)]
    return sum(p.memory_full_info().uss for p in every) / 2**20


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m benchmarks.wyoming", description=__doc__)
    made.formatter_class = argparse.RawDescriptionHelpFormatter
    made.add_argument("--times", type=int, default=3, help="of each measurement")
    made.add_argument("--asr", default="base", help="a recogniser of the catalogue")
    made.add_argument("--voice", default="en_US-joe-medium", help="a voice of the catalogue")
    made.add_argument("--cache", type=Path, default=_CACHE, help="folder of fetched models")
    made.add_argument("--peers", type=Path, default=_PEERS_PYTHON, help="Python of the peers")
    made.add_argument("--out", type=Path, help="also write every measurement as JSON")
    return made


def main(words: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status."""
    arguments = parser().parse_args(words)
    machine = describe_machine()
    with tempfile.TemporaryDirectory() as folder:
        try:
            models = ModelPair.find(
                "wyoming", arguments.asr, arguments.voice, cache=arguments.cache
            )
            figures = asyncio.run(
                measure(
                    models,
                    cache=arguments.cache.resolve(),
                    peers_python=arguments.peers,
                    folder=Path(folder),
                    times=arguments.times,
                )
            )
        except (ModelError, ProgramError, ConnectionError) as error:
            print(error, file=sys.stderr)
            return 1
    print(", ".join(f"{name}: {value}" for name, value in machine.items()), end="\n\n")
    print("\n".join(figures.table()))
    if arguments.out is not None:
        arguments.out.write_text(json.dumps({"machine": machine, "seconds": figures.seconds}))
    return 0


if __name__ == "__main__":
    sys.exit(main())

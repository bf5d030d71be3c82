"""The engines alone, ours and the peers' by turns."""

from __future__ import annotations

import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from benchmarks import ROOT
from benchmarks.bench.models import ModelPair
from benchmarks.bench.watch import ProcessWatch
from benchmarks.peers.wyoming import (
    Wyoming,
    faster_whisper_arguments,
    piper_arguments,
    wyoming_peer,
)
from benchmarks.processes import Program, ProgramError
from benchmarks.remote import Remote
from benchmarks.speech import WORDS, talk

_LEAST_CANCEL_SECONDS = 0.02


async def measure_engines(
    models: ModelPair,
    *,
    peers_python: Path,
    folder: Path,
    times: int,
    patience_seconds: float,
    problems: list[str],
) -> dict[str, Any]:
    """Transcription of requests, first sound of sentences, cancellation; each `times` times."""
    async with AsyncExitStack() as stack:
        engines = await stack.enter_async_context(_engines(models, folder))
        wyoming_asr = wyoming_voice = None
        try:
            wyoming_asr = await stack.enter_async_context(
                wyoming_peer(
                    "wyoming-faster-whisper",
                    faster_whisper_arguments(models, folder),
                    peers_python,
                    folder,
                )
            )
            wyoming_voice = await stack.enter_async_context(
                wyoming_peer("wyoming-piper", piper_arguments(models), peers_python, folder)
            )
        except ProgramError as error:
            problems.append(str(error))
        watch = ProcessWatch()
        stack.push_async_callback(watch.aclose)
        await watch.wait_for_quiet(patience_seconds)
        return {
            "first_sound": await _first_sound(engines, wyoming_voice, times),
            "transcribe": await _transcribe(engines, wyoming_asr, times),
            "free_core": await _free_core(engines, 2 * times),
        }


async def _first_sound(
    engines: Remote, wyoming: Wyoming | None, times: int
) -> dict[str, dict[str, list[float]]]:
    async def ours(text: str) -> float:
        return float((await engines.call("first_sound", text=text))["first_seconds"])

    async def stock(text: str) -> float:
        return float((await engines.call("first_sound_stock", text=text))["first_seconds"])

    ways: dict[str, Callable[[str], Awaitable[float]]] = {"ours": ours, "whole sentence": stock}
    if wyoming is not None:
        ways["wyoming-piper"] = wyoming.first_sound
    found: dict[str, dict[str, list[float]]] = {
        name: {str(words): [] for words in WORDS} for name in ways
    }
    for count in range(times + 1):
        for words, text in WORDS.items():
            for name, way in ways.items():
                seconds = await way(text)
                # The first pass warms all of them.
                if count:
                    found[name][str(words)].append(seconds)
    return found


async def _transcribe(
    engines: Remote, wyoming: Wyoming | None, times: int
) -> dict[str, list[float]]:
    async def ours(path: Path) -> float:
        return float(await engines.call("transcribe", path=str(path)))

    async def stock(path: Path) -> float:
        return float(await engines.call("transcribe_stock", path=str(path)))

    ways: dict[str, Callable[[Path], Awaitable[float]]] = {"ours": ours, "30 s of padding": stock}
    if wyoming is not None:
        ways["wyoming-faster-whisper"] = wyoming.transcribe
    found: dict[str, list[float]] = {name: [] for name in ways}
    recordings = talk()
    for count in range(times + 1):
        recording = recordings[count % len(recordings)]
        for name, way in ways.items():
            seconds = await way(recording.path)
            if count:
                found[name].append(seconds)
    return found


async def _free_core(engines: Remote, times: int) -> dict[str, list[float]]:
    """Cancel at moments spread over the time that the stock synthesis takes."""
    text = WORDS[40]
    whole = await engines.call("first_sound", text=text)
    longest = max(_LEAST_CANCEL_SECONDS, 0.8 * whole["all_seconds"])
    chance = random.Random(1)
    found: dict[str, list[float]] = {"ours": [], "whole sentence": []}
    for _ in range(times):
        after = chance.uniform(0.2 * longest, longest)
        for name, call in (("ours", "free_core"), ("whole sentence", "free_core_stock")):
            seconds = await engines.call(call, text=text, after_seconds=after)
            if seconds is not None:
                found[name].append(seconds)
    return found


@asynccontextmanager
async def _engines(models: ModelPair, folder: Path) -> AsyncIterator[Remote]:
    command: list[str | Path] = [sys.executable, "-m", "benchmarks.bench.engines"]
    command += ["--asr", models.asr, "--voice", models.voice, "--context", models.context]
    program = await Program.start(
        f"engines-{models.name}",
        command,
        log=folder / f"engines-{models.name}.log",
        environment={"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"},
        folder=folder,
    )
    try:
        remote = Remote(program)
        await remote.wait_until_ready()
        yield remote
    finally:
        await program.stop()

"""wyoming-faster-whisper and wyoming-piper, and timed calls of any Wyoming server."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import PROBE, ROOT
from benchmarks.bench.models import ModelPair
from benchmarks.bench.systems import python_of_peers
from benchmarks.processes import Program, ProgramError
from services.audio.samples import SAMPLE_RATE
from tests.room.processes import free_port
from tests.support.sound import read_sound

_CHUNK_SAMPLES = SAMPLE_RATE // 10
_START_SECONDS = 60.0
_ALIKE = ("-m", "benchmarks.peers.wyoming_alike")


@dataclass(frozen=True, slots=True)
class Event:
    """One message: a line of JSON, then data, then payload."""

    type: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Transcribed:
    """A transcript, and the seconds from the end of the sound to it."""

    seconds: float
    text: str


@dataclass(frozen=True, slots=True)
class Synthesized:
    """Seconds to the first sound of a text and to its end."""

    first_seconds: float
    all_seconds: float


class Wyoming:
    """One wyoming server in a process of its own."""

    def __init__(self, program: Program, port: int) -> None:
        self.program = program
        self._port = port

    @classmethod
    async def start(
        cls,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        environment: dict[str, str],
        port: int | None = None,
    ) -> Wyoming:
        """Run `command` with a port of loopback in place of `{uri}`; wait until it listens.

        Without `port` it is a free one.
        """
        port = port or free_port()
        uri = f"tcp://127.0.0.1:{port}"
        words = [uri if word == "{uri}" else word for word in command]
        program = await Program.start(name, words, log=log, environment=environment)
        wyoming = cls(program, port)
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.2)
                continue
            writer.close()
            return wyoming
        await program.stop()
        raise ProgramError(f"{name} does not listen; see {log}")

    async def stop(self) -> None:
        """End it."""
        await self.program.stop()

    async def transcribe(self, path: Path) -> float:
        """Seconds from the end of the audio to the transcript; the audio is sent at once before."""
        return (await self.hear(path)).seconds

    async def hear(self, path: Path, *, silence_seconds: float | None = None) -> Transcribed:
        """Have a recording recognised.

        It is sent at once and its end 0.2 s later, or where a silence is given in real time, with
        that silence after it.
        """
        samples = read_sound(path)
        live = silence_seconds is not None
        if silence_seconds is not None:
            silence = np.zeros(round(silence_seconds * SAMPLE_RATE), dtype=samples.dtype)
            samples = np.concatenate((samples, silence))
        pcm = (samples * 32767.0).astype("<i2").tobytes()
        form = {"rate": SAMPLE_RATE, "width": 2, "channels": 1}
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 22)
        try:
            _send(writer, "transcribe", {"language": "en"})
            _send(writer, "audio-start", form)
            due = time.monotonic()
            for start in range(0, len(pcm), 2 * _CHUNK_SAMPLES):
                due += _CHUNK_SAMPLES / SAMPLE_RATE
                if live:
                    await asyncio.sleep(due - time.monotonic())
                _send(writer, "audio-chunk", form, pcm[start : start + 2 * _CHUNK_SAMPLES])
            await writer.drain()
            if not live:
                await asyncio.sleep(0.2)
            began = time.monotonic()
            _send(writer, "audio-stop", {})
            while (event := await _receive(reader)).type != "transcript":
                pass
            return Transcribed(time.monotonic() - began, str(event.data["text"]))
        finally:
            writer.close()

    async def first_sound(self, text: str) -> float:
        """Seconds from the text to the first audio."""
        return (await self.speak(text)).first_seconds

    async def speak(self, text: str, *, word_seconds: float | None = None) -> Synthesized:
        """Have a text spoken, at once or where a time is given word by word as it is written.

        Times count from the text, or from its first word.
        """
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 22)
        writing: asyncio.Task[None] | None = None
        try:
            began = time.monotonic()
            if word_seconds is None:
                _send(writer, "synthesize", {"text": text})
            else:
                writing = asyncio.create_task(_write_words(writer, text, word_seconds))
            last = "audio-stop" if word_seconds is None else "synthesize-stopped"
            first: float | None = None
            while (event := await _receive(reader)).type != last:
                if event.type == "audio-chunk" and first is None:
                    first = time.monotonic() - began
            if first is None:
                raise ConnectionError("the wyoming server sent no sound")
            return Synthesized(first, time.monotonic() - began)
        finally:
            if writing is not None:
                writing.cancel()
            writer.close()


async def _write_words(writer: asyncio.StreamWriter, text: str, word_seconds: float) -> None:
    _send(writer, "synthesize-start", {})
    for word in text.split():
        _send(writer, "synthesize-chunk", {"text": f"{word} "})
        await asyncio.sleep(word_seconds)
    _send(writer, "synthesize", {"text": text})
    _send(writer, "synthesize-stop", {})


@asynccontextmanager
async def wyoming_peer(
    name: str, arguments: Sequence[str | Path], peers_python: Path, folder: Path
) -> AsyncIterator[Wyoming]:
    """Run a peer until the end of the block. Raises ProgramError."""
    server = await Wyoming.start(
        name,
        [python_of_peers(peers_python), *arguments],
        log=folder / f"{name}.log",
        environment={
            "PYTHONPATH": f"{PROBE}:{ROOT}",
            "OMP_NUM_THREADS": "1",
            "HF_HUB_OFFLINE": "1",
        },
    )
    try:
        yield server
    finally:
        await server.stop()


def faster_whisper_arguments(models: ModelPair, folder: Path) -> list[str | Path]:
    """How wyoming-faster-whisper serves a recogniser."""
    data = folder / "wyoming"
    data.mkdir(parents=True, exist_ok=True)
    return [
        *(*_ALIKE, "wyoming_faster_whisper", "--uri", "{uri}", "--model", models.asr),
        *("--stt-library", "faster-whisper", "--data-dir", data, "--language", "en"),
        *("--compute-type", "int8", "--beam-size", "1", "--cpu-threads", "1", "--local-files-only"),
    ]


def piper_arguments(models: ModelPair) -> list[str | Path]:
    """How wyoming-piper serves a voice."""
    return [
        *(*_ALIKE, "wyoming_piper", "--uri", "{uri}"),
        *("--voice", models.voice.stem, "--data-dir", models.voice.parent),
    ]


def _send(
    writer: asyncio.StreamWriter, kind: str, data: dict[str, Any], payload: bytes = b""
) -> None:
    head: dict[str, Any] = {"type": kind, "version": "1.5.2", "data": data}
    if payload:
        head["payload_length"] = len(payload)
    writer.write(json.dumps(head).encode() + b"\n" + payload)


async def _receive(reader: asyncio.StreamReader) -> Event:
    line = await reader.readline()
    if not line:
        raise ConnectionError("the wyoming server closed the connection")
    head = json.loads(line)
    data = dict(head.get("data") or {})
    if length := head.get("data_length"):
        data |= json.loads(await reader.readexactly(length))
    if length := head.get("payload_length"):
        await reader.readexactly(length)
    if head["type"] == "error":
        raise ConnectionError(f"the wyoming server says: {data.get('text')}")
    return Event(head["type"], data)

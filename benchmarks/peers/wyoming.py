"""Calls of wyoming-faster-whisper and wyoming-piper, timed; the protocol needs no library."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.processes import Program, ProgramError
from services.audio.samples import SAMPLE_RATE
from tests.support.sound import read_sound

_CHUNK_SAMPLES = SAMPLE_RATE // 10
_START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Event:
    """One message: a line of JSON, then data, then payload."""

    type: str
    data: dict[str, Any]


class Wyoming:
    """One wyoming server in a process of its own."""

    def __init__(self, program: Program, port: int) -> None:
        self.program = program
        self._port = port

    @classmethod
    async def start(
        cls, name: str, command: list[str | Path], *, log: Path, environment: dict[str, str]
    ) -> Wyoming:
        """Run `command` with a free port of loopback in place of `{uri}`; wait until it answers."""
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
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
        samples = read_sound(path)
        pcm = (samples * 32767.0).astype("<i2").tobytes()
        form = {"rate": SAMPLE_RATE, "width": 2, "channels": 1}
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 22)
        try:
            _send(writer, "transcribe", {"language": "en"})
            _send(writer, "audio-start", form)
            for start in range(0, len(pcm), 2 * _CHUNK_SAMPLES):
                _send(writer, "audio-chunk", form, pcm[start : start + 2 * _CHUNK_SAMPLES])
            await writer.drain()
            await asyncio.sleep(0.2)
            began = time.monotonic()
            _send(writer, "audio-stop", {})
            while (await _receive(reader)).type != "transcript":
                pass
            return time.monotonic() - began
        finally:
            writer.close()

    async def first_sound(self, text: str) -> float:
        """Seconds from the text to the first audio."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 22)
        try:
            began = time.monotonic()
            _send(writer, "synthesize", {"text": text})
            while (await _receive(reader)).type != "audio-chunk":
                pass
            seconds = time.monotonic() - began
            while (await _receive(reader)).type != "audio-stop":
                pass
            return seconds
        finally:
            writer.close()


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

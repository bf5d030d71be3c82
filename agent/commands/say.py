"""`python -m agent say`: speaks a text, into a file or aloud."""

from __future__ import annotations

import argparse
import asyncio
import sys
import wave
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from agent.commands.command_line import EXIT_USAGE, CommandError, complain, finish_async
from agent.commands.output_file import check_writable, output_file
from agent.distribution import env_example
from agent.settings import Settings
from services.program import program

if TYPE_CHECKING:
    from services.tts.interface import TTSEngine
    from services.tts.types import PCM

_ROOM = "say"
_WAITING_PIECES = 32
_LONGEST_TEXT_CHARACTERS = 10_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The text and where its sound goes."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "text", nargs="+", metavar="TEXT", help="what to say; - reads it from stdin"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE.wav",
        help="write a WAV file instead of speaking aloud",
    )
    parser.epilog = (
        "examples:\n"
        f'  {program()} say "Dinner is ready."\n'
        f"  {program()} say - -o letter.wav < letter.txt\n"
        "\n"
        f"TTS_VOICE names the voice, TTS_SPEED its pace; see {env_example()}."
    )


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Speak the text."""
    return finish_async("say", settings, lambda: _run(arguments, settings))


async def _run(arguments: argparse.Namespace, settings: Settings) -> int:
    output: Path | None = arguments.output
    if output is not None:
        check_writable(output)
    text = _text(arguments.text)

    from agent.console.devices import SoundDeviceError
    from agent.runtime.engines import engine_config
    from services.inference import InferenceError
    from services.models import ModelError
    from services.shared.engines import SharedEngines
    from services.tts.engine import TTSError

    if output is None:
        _check_speaker()
    speech = SharedEngines(engine_config(settings))
    try:
        voice = await speech.tts.get()
        for notice in speech.notices:
            complain("say", notice)
        pieces = _spoken(voice, text, deadline_seconds=settings.voice.timeout_seconds)
        async with aclosing(pieces):
            if output is None:
                await _play(pieces, voice.sample_rate)
            else:
                with output_file(output) as file:
                    await _write(pieces, voice.sample_rate, file)
    except (ModelError, TTSError, InferenceError, SoundDeviceError) as error:
        raise CommandError(str(error)) from error
    finally:
        speech.close()
    return 0


def _text(words: list[str]) -> str:
    text = " ".join(words)
    if text == "-":
        raw = sys.stdin.buffer.read(_LONGEST_TEXT_CHARACTERS)
        text = raw.decode(errors="replace")
    if not text.strip():
        raise CommandError("there is nothing to say: the text is empty", status=EXIT_USAGE)
    return text


def _check_speaker() -> None:
    """Check the output before the voice is loaded; raises CommandError."""
    from agent.console.devices import SoundDeviceError, device_name, sound_library

    try:
        library = sound_library()
    except SoundDeviceError as error:
        raise CommandError(str(error)) from error
    if device_name(library, "output") is None:
        raise CommandError("there is no sound device to speak on: write a file with -o FILE.wav")


async def _spoken(
    voice: TTSEngine, text: str, *, deadline_seconds: float
) -> AsyncGenerator[PCM, None]:
    """Yield the audio of the text by sentence; raises CommandError when there is none."""
    from services.inference import Priority
    from services.tts.text.sentences import split_sentences

    silent = True
    for sentence in split_sentences(text):
        pieces = voice.synthesize(
            sentence, owner=_ROOM, priority=Priority.FINAL, deadline_seconds=deadline_seconds
        )
        async for piece in pieces:
            if len(piece.samples):
                silent = False
                yield piece.samples
    if silent:
        raise CommandError("there is nothing in this text that can be spoken")


async def _write(pieces: AsyncGenerator[PCM, None], sample_rate: int, file: BinaryIO) -> None:
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(sample_rate)
        async for samples in pieces:
            sound.writeframes(samples.astype("<i2").tobytes())


async def _play(pieces: AsyncGenerator[PCM, None], sample_rate: int) -> None:
    """Play while the rest is being synthesised."""
    from agent.console.devices import speaker
    from services.host.cancellation import in_thread

    ready: asyncio.Queue[PCM | None] = asyncio.Queue()
    room = asyncio.Semaphore(_WAITING_PIECES)

    async def compute() -> None:
        try:
            async for samples in pieces:
                await room.acquire()
                ready.put_nowait(samples)
        finally:
            ready.put_nowait(None)

    computing = asyncio.create_task(compute(), name="say-compute")
    try:
        with speaker(sample_rate) as stream:
            while (samples := await ready.get()) is not None:
                room.release()
                # In short parts, since Ctrl-C has to wait for the one that is being written:
                # PortAudio must not close a stream that a thread writes to.
                for start in range(0, len(samples), sample_rate // 5):
                    part = samples[start : start + sample_rate // 5]
                    await in_thread(stream.write, part.tobytes())
        await computing
    finally:
        computing.cancel()
        await asyncio.gather(computing, return_exceptions=True)

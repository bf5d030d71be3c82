"""A process with both ways to run the engines, raw: no room, no network, one call at a time."""

from __future__ import annotations

import argparse
import asyncio
import os
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.remote import serve
from tests.support.sound import read_sound

_DEADLINE_SECONDS = 60.0


class Engines:
    """Our engines behind the scheduler, and the stock libraries as the naive adapter has them."""

    def __init__(self, asr: Path, voice: Path, context: str) -> None:
        from faster_whisper import WhisperModel
        from piper import PiperVoice

        from benchmarks.peers.alike import work_alike
        from services.inference import Priority
        from services.shared.config import EngineConfig
        from services.shared.engines import SharedEngines

        self._final = Priority.FINAL
        self._shared = SharedEngines(
            EngineConfig(
                asr=str(asr),
                voice=str(voice),
                context="full" if context == "full" else float(context),
                asr_threads=1,
                voice_threads=1,
            )
        )
        self._asr = self._shared.asr.get_blocking()
        self._tts = self._shared.tts.get_blocking()
        work_alike()
        self._stock_asr = WhisperModel(str(asr), device="cpu", compute_type="int8", cpu_threads=1)
        self._stock_voice = PiperVoice.load(voice)

    async def first_sound(self, text: str) -> dict[str, float]:
        """Ours: seconds to the first samples and to the last, and how much sound it was."""
        began = time.monotonic()
        first: float | None = None
        samples = 0
        async for piece in self._tts.synthesize(
            text, owner="benchmark", deadline_seconds=_DEADLINE_SECONDS
        ):
            if first is None and len(piece.samples):
                first = time.monotonic() - began
            samples += len(piece.samples)
        assert first is not None
        return {
            "first_seconds": first,
            "all_seconds": time.monotonic() - began,
            "sound_seconds": samples / self._tts.sample_rate,
        }

    async def first_sound_stock(self, text: str) -> dict[str, float]:
        """The naive adapter: the first sound comes with the last."""
        began = time.monotonic()
        samples = await asyncio.to_thread(self._speak_stock, text)
        seconds = time.monotonic() - began
        rate = self._stock_voice.config.sample_rate
        return {
            "first_seconds": seconds,
            "all_seconds": seconds,
            "sound_seconds": samples / rate,
        }

    async def transcribe(self, path: str) -> float:
        """Ours: seconds for a finished utterance."""
        samples = read_sound(Path(path))
        began = time.monotonic()
        await self._asr.transcribe(
            samples, owner="benchmark", priority=self._final, deadline_seconds=_DEADLINE_SECONDS
        )
        return time.monotonic() - began

    async def transcribe_stock(self, path: str) -> float:
        """The naive adapter: the same, padded to 30 s."""
        samples = read_sound(Path(path))
        began = time.monotonic()
        await asyncio.to_thread(self._transcribe_stock, samples)
        return time.monotonic() - began

    async def free_core(self, text: str, after_seconds: float) -> float | None:
        """Ours: cancel a synthesis that runs; seconds until its thread is free.

        None when it was over by then.
        """
        task = asyncio.create_task(self._speak(text))
        await asyncio.sleep(after_seconds)
        if task.done():
            return None
        began = time.monotonic()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        # The slot is given back by the thread itself, when it has left the engine.
        await asyncio.to_thread(self._wait_for_idle_scheduler)
        return time.monotonic() - began

    async def free_core_stock(self, text: str, after_seconds: float) -> float | None:
        """The naive adapter: the thread goes on after the cancellation."""
        over = threading.Event()

        def speak() -> None:
            try:
                self._speak_stock(text)
            finally:
                over.set()

        task = asyncio.create_task(asyncio.to_thread(speak))
        await asyncio.sleep(after_seconds)
        if over.is_set():
            return None
        began = time.monotonic()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.to_thread(over.wait)
        return time.monotonic() - began

    def close(self) -> None:
        """Free the models."""
        self._shared.close()

    def _wait_for_idle_scheduler(self) -> None:
        while self._shared.scheduler.stats().running:
            time.sleep(0.0002)

    async def _speak(self, text: str) -> None:
        async for _ in self._tts.synthesize(
            text, owner="benchmark", deadline_seconds=_DEADLINE_SECONDS
        ):
            pass

    def _speak_stock(self, text: str) -> int:
        return sum(len(chunk.audio_int16_array) for chunk in self._stock_voice.synthesize(text))

    def _transcribe_stock(self, samples: Any) -> None:
        segments, _ = self._stock_asr.transcribe(samples, language="en")
        for _ in segments:
            pass


def main() -> None:
    """Load both, then answer calls."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--asr", type=Path, required=True)
    parser.add_argument("--voice", type=Path, required=True)
    parser.add_argument("--context", required=True)
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    engines = Engines(arguments.asr, arguments.voice, arguments.context)
    asyncio.run(
        serve(
            {
                "first_sound": engines.first_sound,
                "first_sound_stock": engines.first_sound_stock,
                "transcribe": engines.transcribe,
                "transcribe_stock": engines.transcribe_stock,
                "free_core": engines.free_core,
                "free_core_stock": engines.free_core_stock,
            }
        )
    )
    engines.close()


if __name__ == "__main__":
    main()

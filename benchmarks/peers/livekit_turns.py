"""When LiveKit's defaults end a turn with what runs on the machine: their VAD and `v1-mini`.

Serves `benchmarks.remote` with a sound file, and answers with the times at which turns end. The
framework's own VAD and model hear it as `AudioRecognition` has them hear it, by the clock of the
sound, so that it takes less than its duration. A transcript is taken to be there at once:
recognition is not what is judged.
"""

from __future__ import annotations

import asyncio
import wave
from pathlib import Path

import numpy as np
from livekit import rtc
from livekit.agents import vad
from livekit.agents.inference import VAD
from livekit.agents.inference.eot.base import MIN_SILENCE_DURATION_MS
from livekit.agents.inference.eot.languages import LOCAL_LANGUAGES
from livekit.local_inference import EOT, EOT_MAX_SAMPLES
from numpy.typing import NDArray

from benchmarks.remote import serve

_SAMPLE_RATE = 16_000
_FRAME_SAMPLES = _SAMPLE_RATE // 50
_ASKED_SECONDS = MIN_SILENCE_DURATION_MS / 1000
_LIKELY_SECONDS, _UNLIKELY_SECONDS = 0.3, 2.5
"""Silence that ends a turn, above and below the model's threshold: the endpointing that
livekit-agents 1.8.9 has by default with a streaming turn detector (`voice/turn.py`)."""


class _Turns:
    """One listener from the beginning of a sound."""

    def __init__(self, model: EOT, pcm: NDArray[np.int16]) -> None:
        self._model = model
        self._pcm = pcm
        self._turn_began = 0
        """The model's sound is flushed when a turn ends."""
        self._speaking = False
        self._probability: float | None = None
        self._due: float | None = None
        self.ends: list[float] = []

    def take(self, event: vad.VADEvent) -> None:
        """Follow an event of the VAD."""
        now = event.timestamp
        if event.type is vad.VADEventType.START_OF_SPEECH:
            self._speaking, self._probability, self._due = True, None, None
        elif event.type is vad.VADEventType.END_OF_SPEECH:
            self._speaking = False
            likely = (self._probability or 0.0) >= LOCAL_LANGUAGES["en"]
            wait = _LIKELY_SECONDS if likely else _UNLIKELY_SECONDS
            self._due = max(now, now - event.silence_duration + wait)
        elif self._speaking:
            if event.raw_accumulated_speech > 0.0:
                self._probability = None
            if event.raw_accumulated_silence >= _ASKED_SECONDS and self._probability is None:
                heard = self._pcm[self._turn_began : round(now * _SAMPLE_RATE)]
                self._probability = float(self._model.predict(heard[-EOT_MAX_SAMPLES:]))
        if self._due is not None and now >= self._due:
            self.ends.append(self._due)
            self._due = None
            self._turn_began = round(now * _SAMPLE_RATE)


class LiveKitTurns:
    """The models, which all sounds share."""

    def __init__(self) -> None:
        self._vad = VAD()
        self._model = EOT()

    async def ends(self, file: str) -> list[float]:
        """Return the seconds from the start of the WAV file, mono s16le at 16 kHz, of each end."""
        with wave.open(str(Path(file))) as sound:
            pcm = np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2")
        turns = _Turns(self._model, pcm)
        stream = self._vad.stream()
        for at in range(0, len(pcm) - _FRAME_SAMPLES + 1, _FRAME_SAMPLES):
            frame = pcm[at : at + _FRAME_SAMPLES].tobytes()
            stream.push_frame(rtc.AudioFrame(frame, _SAMPLE_RATE, 1, _FRAME_SAMPLES))
        stream.end_input()
        async for event in stream:
            turns.take(event)
        await stream.aclose()
        return turns.ends


async def _main() -> None:
    await serve({"ends": LiveKitTurns().ends})


if __name__ == "__main__":
    asyncio.run(_main())

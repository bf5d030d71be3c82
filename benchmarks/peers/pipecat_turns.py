"""When pipecat's defaults end a turn: its Silero VAD and Smart Turn 3.2, as they ship.

Serves `benchmarks.remote` with a sound file, and answers with the times at which turns end. The
analysers hear it frame by frame, as the user aggregator's `TurnAnalyzerUserTurnStopStrategy` feeds
them, by the clock of the sound, so that it takes less than its duration. A transcript is taken to
be there at once: recognition is not what is judged.
"""

from __future__ import annotations

import asyncio
import time
import wave
from pathlib import Path

from pipecat.audio.turn.base_turn_analyzer import EndOfTurnState
from pipecat.audio.turn.smart_turn import base_smart_turn
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADState

from benchmarks.remote import serve

_SAMPLE_RATE = 16_000
_FRAME_SAMPLES = _SAMPLE_RATE // 50


class _SoundClock:
    """Stands for the module `time` where the analyser dates its audio."""

    perf_counter = staticmethod(time.perf_counter)

    def __init__(self) -> None:
        self.now = 1.0
        """Seconds of sound so far; not 0, which the analyser takes for "not yet"."""

    def monotonic(self) -> float:
        """What time it is in the sound."""
        return self.now


class _Turns:
    """One listener from the beginning of a sound."""

    def __init__(self, clock: _SoundClock) -> None:
        self._clock = clock
        self._vad = SileroVADAnalyzer()
        self._vad.set_sample_rate(_SAMPLE_RATE)
        self._smart_turn = LocalSmartTurnAnalyzerV3()
        self._smart_turn.set_sample_rate(_SAMPLE_RATE)
        self._speaking = False

    async def hear(self, frame: bytes) -> bool:
        """Take 20 ms of sound; whether a turn ends with it."""
        ended = False
        state = await self._vad.analyze_audio(frame)
        if state is VADState.SPEAKING and not self._speaking:
            self._smart_turn.update_vad_start_secs(self._vad.params.start_secs)
            self._speaking = True
        elif state is VADState.QUIET and self._speaking:
            self._speaking = False
            verdict, _ = await self._smart_turn.analyze_end_of_turn()
            ended = verdict is EndOfTurnState.COMPLETE
        if self._smart_turn.append_audio(frame, self._speaking) is EndOfTurnState.COMPLETE:
            ended = True
        if ended:
            self._smart_turn.clear()
        return ended

    async def aclose(self) -> None:
        """End the analysers' threads."""
        await self._smart_turn.cleanup()
        await self._vad.cleanup()


async def ends(file: str) -> list[float]:
    """Return the seconds from the start of the WAV file, mono s16le at 16 kHz, of each end."""
    with wave.open(str(Path(file))) as sound:
        pcm = sound.readframes(sound.getnframes())
    clock = _SoundClock()
    base_smart_turn.time = clock
    turns = _Turns(clock)
    start = clock.now
    found = []
    size = 2 * _FRAME_SAMPLES
    for at in range(0, len(pcm) - size + 1, size):
        clock.now = start + (at + size) / 2 / _SAMPLE_RATE
        if await turns.hear(pcm[at : at + size]):
            found.append(clock.now - start)
    await turns.aclose()
    return found


if __name__ == "__main__":
    asyncio.run(serve({"ends": ends}))

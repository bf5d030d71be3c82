"""The requests in other languages in tests/speech/languages: who says what."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.support.recordings import SAMPLE_RATE, SPEECH_FOLDER, Samples

FOLDER = SPEECH_FOLDER / "languages"


@dataclass(frozen=True, slots=True)
class Clip:
    """One request in another language."""

    file: str
    language: str
    text: str
    voice: str
    seconds: float

    @property
    def samples(self) -> Samples:
        """Mono in [-1, 1] at 16 kHz."""
        from faster_whisper.audio import decode_audio

        samples: Samples = decode_audio(str(FOLDER / self.file), sampling_rate=SAMPLE_RATE)
        return samples


@cache
def clips() -> dict[str, Clip]:
    """Every request, by the name of its file without the ending."""
    entries = json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))
    return {Path(entry["file"]).stem: Clip(**entry) for entry in entries}

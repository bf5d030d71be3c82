"""The recorded speech in tests/speech: what each file says and when."""

from __future__ import annotations

import json
import wave
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

SPEECH_FOLDER = Path(__file__).parents[1] / "speech"
SAMPLE_RATE = 16_000
"""Hz, of every recording."""

Samples = NDArray[np.float32]
Kind = Literal["turn", "pause", "nonspeech", "long"]


@dataclass(frozen=True, slots=True)
class Recording:
    """One file; times are seconds from its start."""

    file: str
    kind: Kind
    text: str
    """Lower case, without punctuation; empty where nobody speaks."""
    seconds: float
    speech_start_seconds: float = 0.0
    speech_end_seconds: float = 0.0
    form: str = ""
    silence_start_seconds: float = 0.0
    silence_seconds: float = 0.0

    @property
    def path(self) -> Path:
        """Where the file is."""
        return SPEECH_FOLDER / self.file

    @property
    def pcm(self) -> NDArray[np.int16]:
        """Mono samples."""
        return read_pcm(self.path)

    @property
    def samples(self) -> Samples:
        """Mono samples in [-1, 1]."""
        return self.pcm.astype(np.float32) / 32768.0

    def __str__(self) -> str:
        return self.file.removesuffix(".wav")


@cache
def all_recordings() -> tuple[Recording, ...]:
    """Every file that the index lists."""
    entries = json.loads((SPEECH_FOLDER / "index.json").read_text())
    fields = Recording.__dataclass_fields__
    return tuple(
        Recording(**{name: entry[name] for name in fields if name in entry}) for entry in entries
    )


def recordings(*kinds: Kind) -> list[Recording]:
    """The files of these kinds, in the order of the index."""
    return [recording for recording in all_recordings() if recording.kind in kinds]


def recording(prefix: str) -> Recording:
    """The one file whose name begins with `prefix`."""
    (found,) = [r for r in all_recordings() if r.file.startswith(prefix)]
    return found


@cache
def read_pcm(path: Path) -> NDArray[np.int16]:
    """A 16 kHz mono wav file; treat the array as read-only, it is shared."""
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (
            SAMPLE_RATE,
            1,
            2,
        )
        return np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16)


def silence(seconds: float) -> Samples:
    """Digital silence."""
    return np.zeros(round(seconds * SAMPLE_RATE), dtype=np.float32)

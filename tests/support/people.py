"""The recordings of people in tests/speech/human: who says what, and where it comes from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tests.support.recordings import SAMPLE_RATE, SPEECH_FOLDER

PEOPLE_FOLDER = SPEECH_FOLDER / "human"

Kind = Literal[
    "request",
    "pause",
    "hesitation",
    "spontaneous",
    "digits",
    "word",
    "read",
    "accent",
    "child",
    "noisy",
    "telephone",
    "long",
    "nonspeech",
]


@dataclass(frozen=True, slots=True)
class PersonRecording:
    """One file; times are seconds from its start."""

    file: str
    kind: Kind
    text: str
    """Lower case, digits as words; empty where nobody speaks to the agent."""
    speaker: str | None
    """A name for who speaks; None where the source names nobody."""
    seconds: float
    source: str
    """Repository and path."""
    licence: str
    silence_start_seconds: float = 0.0
    silence_seconds: float = 0.0

    @property
    def path(self) -> Path:
        """Where the file is."""
        return PEOPLE_FOLDER / self.file

    @property
    def samples(self) -> NDArray[np.float32]:
        """Mono in [-1, 1] at 16 kHz; treat the array as read-only, it is shared."""
        return _read(self.path)

    @property
    def pcm(self) -> NDArray[np.int16]:
        """Mono at 16 kHz."""
        return np.round(np.clip(self.samples, -1.0, 1.0) * 32767.0).astype(np.int16)

    def __str__(self) -> str:
        return self.file.removesuffix(".flac")


@cache
def all_people() -> tuple[PersonRecording, ...]:
    """Every file that the index lists."""
    entries: list[dict[str, Any]] = json.loads((PEOPLE_FOLDER / "index.json").read_text())
    fields = PersonRecording.__dataclass_fields__
    for entry in entries:
        entry["text"] = entry["text"] or ""
    return tuple(
        PersonRecording(**{name: entry[name] for name in fields if name in entry})
        for entry in entries
    )


def people(*kinds: Kind) -> list[PersonRecording]:
    """The files of these kinds, in the order of the index; all of them without a kind."""
    return [r for r in all_people() if not kinds or r.kind in kinds]


def person(prefix: str) -> PersonRecording:
    """The one file whose name begins with `prefix`."""
    (found,) = [r for r in all_people() if r.file.startswith(prefix)]
    return found


@cache
def _read(path: Path) -> NDArray[np.float32]:
    from faster_whisper.audio import decode_audio

    samples: NDArray[np.float32] = decode_audio(str(path), sampling_rate=SAMPLE_RATE)
    return samples

"""The sounds of the scripted call, as the WAV files that voicebench reads."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
from piper import PiperVoice

from services.audio.samples import SAMPLE_RATE, Samples
from tests.support.people import person
from tests.support.sound import AUDIBLE

PEOPLE = {
    "question": "weather_question",
    "order": "coffee_09_3",
    "sneeze": "nonspeech_person_sneeze",
    "over": "coffee_10_2",
}
"""What people say and do, by the beginning of the recording's name."""
SPOKEN = {"count": "Count to twenty.", "right": "Right."}
"""What nobody recorded: the voice of the agent says it."""
COUNTED = (
    "One, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve, thirteen, "
    "fourteen, fifteen, sixteen, seventeen, eighteen, nineteen, twenty."
)
"""What the agent says to the first."""
_MARGIN_SECONDS = 0.1


def write_sounds(folder: Path, voice: Path) -> None:
    """Write every sound that the scenario names; `voice` is a Piper `.onnx`."""
    for name, recording in PEOPLE.items():
        _write(folder / f"{name}.wav", person(recording).samples, SAMPLE_RATE)
    speaker = PiperVoice.load(voice)
    for name, text in SPOKEN.items():
        chunks = list(speaker.synthesize(text))
        sound = np.concatenate([chunk.audio_float_array for chunk in chunks])
        _write(folder / f"{name}.wav", sound, chunks[0].sample_rate)


def _write(path: Path, samples: Samples, sample_rate: int) -> None:
    margin = round(_MARGIN_SECONDS * sample_rate)
    audible = np.flatnonzero(np.abs(samples) > AUDIBLE)
    trimmed = samples[max(0, audible[0] - margin) : audible[-1] + margin]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes((np.clip(trimmed, -1.0, 1.0) * 32767.0).astype("<i2").tobytes())

"""What WebRTC's noise suppression does to recognition, and what it costs.

`python -m benchmarks.noise_suppression [--model NAME] [--cache FOLDER] [--every N]`

Mixes recordings of people (`tests/speech/human`) with recorded noise at several levels, and counts
the words that the recogniser gets wrong with and without the suppression of the `livekit` package.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks import ROOT
from services.asr.config import DecodeOptions
from services.asr.engine import StreamingASR
from services.audio.samples import SAMPLE_RATE, Samples
from services.inference import Run
from services.livekit_local.noise import NoiseSuppressor
from services.shared.config import EngineConfig
from services.shared.engines import SharedEngines
from tests.support.people import people, person
from tests.support.word_errors import normal_words, word_errors

_NOISES = ("nonspeech_train", "nonspeech_rain", "nonspeech_exercise", "nonspeech_babble")
_LEVELS: tuple[float | None, ...] = (None, 15.0, 10.0, 5.0)
"""Decibels of the voice above the noise; None without noise."""


def noisy(samples: Samples, noise: Samples, decibels: float) -> Samples:
    """The voice with that noise, so much softer than it."""
    loud = samples[np.abs(samples) > 0.01]
    voice = float(np.mean(np.square(loud if len(loud) else samples)))
    factor = np.sqrt(voice / float(np.mean(np.square(noise))) / 10.0 ** (decibels / 10.0))
    background = np.resize(noise, len(samples)) * factor
    mixed: Samples = np.clip(samples + background, -1.0, 1.0).astype(np.float32)
    return mixed


def suppressed(samples: Samples) -> tuple[Samples, float]:
    """The audio after the suppression, and the seconds of one core that it took."""
    suppressor = NoiseSuppressor()
    begun = time.process_time()
    parts = [suppressor.process(samples[at : at + 512]) for at in range(0, len(samples), 512)]
    return np.concatenate(parts), time.process_time() - begun


def measure(arguments: argparse.Namespace) -> Iterator[str]:
    """Yield a line for each level."""
    shared = SharedEngines(EngineConfig(asr=arguments.model, cache=arguments.cache))
    asr = shared.asr.get_blocking()
    assert isinstance(asr, StreamingASR)
    recordings = people("request", "telephone", "accent", "read")[:: arguments.every]
    noises = [person(name).samples for name in _NOISES]
    seconds = cost = 0.0
    try:
        for level in _LEVELS:
            words = plain = cleaned = 0
            for place, recording in enumerate(recordings):
                samples = recording.samples
                if level is not None:
                    samples = noisy(samples, noises[place % len(noises)], level)
                quiet, took = suppressed(samples)
                seconds, cost = seconds + len(samples) / SAMPLE_RATE, cost + took
                for audio in (samples, quiet):
                    text = asr.decode(audio, DecodeOptions(), Run()).text
                    wrong = word_errors(text, recording.text)
                    if audio is samples:
                        plain += wrong
                    else:
                        cleaned += wrong
                words += len(normal_words(recording.text))
            name = "no noise" if level is None else f"noise at -{level:g} dB"
            yield f"{name:18} {words} words, wrong: {plain} as it is, {cleaned} suppressed"
    finally:
        shared.close()
    yield f"the suppression takes {cost / seconds:.4f} of one core for each caller"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", default="base", help="a catalogue name or a folder")
    parser.add_argument("--cache", type=Path, default=ROOT / "models", help="of the models")
    parser.add_argument("--every", type=int, default=1, help="take every so many-th recording")
    for line in measure(parser.parse_args()):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""How often a pause is taken for the end, against how long the end is waited for.

`python -m benchmarks.turn_taking.synthetic [--asr NAME] [--requests N] [--out FOLDER]`

Speaks requests with a pause inside (espeak-ng and flite), listens as a room does, and asks the
judge of `services.endpointing.policy` at each pause; fixed waits are its baseline, on the same
pauses.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from faster_whisper.audio import decode_audio
from numpy.typing import NDArray

from services.asr.config import DecodeOptions
from services.asr.engine import StreamingASR
from services.asr.recognizer import RecognizerTiming
from services.audio.samples import SAMPLE_RATE
from services.endpointing.evidence import Evidence
from services.endpointing.policy import EndpointingPolicy, TurnTiming
from services.inference import Run
from services.shared.config import EngineConfig
from services.shared.engines import SharedEngines
from services.vad.silero import (
    WINDOW_SECONDS,
    VoiceActivityDetector,
    VoiceActivityModel,
    VoiceActivityOptions,
)

Samples = NDArray[np.float32]

PAUSES_SECONDS = (0.35, 0.5, 0.7, 0.9)
"""Breaks inside a request; the voices add a little silence of their own."""
_TAIL_SECONDS = 2.5
_ESPEAK = ("en-us", "en-us+m3", "en-us+f2", "en-gb", "en-us+m7")
_FLITE = ("slt", "rms", "awb", "kal16")
_NUMBERS = (
    "two three four five six seven eight nine ten eleven twelve fifteen twenty thirty forty fifty"
).split()
_THINGS = "coffee water paper book phone letter picture music car computer".split()
_PEOPLE = "alice bob carol david emma frank grace henry oliver rachel".split()
_PLACES = "london paris berlin madrid boston chicago denver seattle dublin".split()
_DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
_DEEDS = "call open close find read move check bring keep send".split()


@dataclass(frozen=True, slots=True)
class Pause:
    """One silence of a request: what was known in it, and how long it lasted."""

    text: str
    mean_log_probability: float
    seconds: float
    """As the detector saw it; infinite at the end."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One way to decide, over all requests."""

    name: str
    false_cuts: float
    """Share of the paused requests that were cut before their end."""
    wait_seconds: float
    """Median wait at the end of a complete request."""
    wait_p90_seconds: float


def main() -> int:
    """Measure, print a table, and write a plot and the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--asr", default="demo", help="catalogue name or folder")
    parser.add_argument("--cache", type=Path, default=Path("models"))
    parser.add_argument("--requests", type=int, default=240)
    parser.add_argument("--seed", type=int, default=21)
    parser.add_argument("--out", type=Path, help="folder for turn-taking.json and .png")
    arguments = parser.parse_args()
    for program in ("espeak-ng", "flite"):
        if shutil.which(program) is None:
            print(f"{program} is not installed: apt-get install {program}", file=sys.stderr)
            return 1
    speech = SharedEngines(EngineConfig(asr=arguments.asr, cache=arguments.cache))
    asr = speech.asr.get_blocking()
    assert isinstance(asr, StreamingASR)
    activity = speech.voice_activity.get_blocking()
    rng = random.Random(arguments.seed)
    requests = [
        list(listen(audio, asr, activity)) for audio in spoken_requests(rng, arguments.requests)
    ]
    outcomes = list(compare(requests))
    for outcome in outcomes:
        print(
            f"{outcome.name:32} false cuts {outcome.false_cuts:6.1%}   "
            f"wait p50 {outcome.wait_seconds:.2f} s  p90 {outcome.wait_p90_seconds:.2f} s"
        )
    speech.close()
    if arguments.out:
        write_report(outcomes, arguments.out, len(requests))
    return 0


def compare(requests: list[list[Pause]]) -> Iterator[Outcome]:
    """Fixed waits, then the judge at several settings."""
    for wait in (0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.2):
        yield _outcome(f"fixed {wait:g} s", requests, partial(_fixed, wait))
    for complete in (0.25, 0.3, 0.35, 0.4, 0.5, 0.6):
        for incomplete in (1.2, 1.5):
            judge = EndpointingPolicy(TurnTiming(complete, incomplete))
            yield _outcome(
                f"judge {complete:g}-{incomplete:g} s", requests, partial(_judged, judge)
            )


def _fixed(wait_seconds: float, _: Pause) -> float:
    return wait_seconds


def _judged(judge: EndpointingPolicy, pause: Pause) -> float:
    return judge.judge(Evidence(pause.text, pause.mean_log_probability)).wait_seconds


def _outcome(name: str, requests: list[list[Pause]], wait_for: Callable[[Pause], float]) -> Outcome:
    cut = sum(any(wait_for(p) < p.seconds for p in pauses[:-1]) for pauses in requests)
    waits = sorted(wait_for(pauses[-1]) for pauses in requests)
    return Outcome(
        name,
        cut / len(requests),
        statistics.median(waits),
        waits[round(0.9 * (len(waits) - 1))],
    )


def listen(audio: Samples, asr: StreamingASR, activity: VoiceActivityModel) -> Iterator[Pause]:
    """The pauses that a room would see, each with the transcript a room would have by then."""
    pause_seconds = RecognizerTiming().pause_seconds
    detector = VoiceActivityDetector(activity, VoiceActivityOptions())
    spoken = False
    known: tuple[str, float] | None = None
    silent = 0.0
    for step in detector.push(audio):
        if step.voiced_seconds > 0:
            if known is not None:
                yield Pause(*known, silent + WINDOW_SECONDS)
            spoken = spoken or step.speaking
            known = None
        elif spoken and step.silent_seconds >= pause_seconds:
            silent = step.silent_seconds
            if known is None:
                heard = asr.decode(audio[: step.position], DecodeOptions(), Run())
                known = (heard.text, heard.mean_log_probability)
    if known is not None:
        yield Pause(*known, float("inf"))


def spoken_requests(rng: random.Random, count: int) -> Iterator[Samples]:
    """Requests with one break inside, at 16 kHz."""
    with tempfile.TemporaryDirectory() as folder:
        for index in range(count):
            words = request(rng).split()
            cut = rng.randrange(1, len(words))
            speak = _speaker(rng, Path(folder))
            silence = np.zeros(round(PAUSES_SECONDS[index % 4] * SAMPLE_RATE), np.float32)
            yield np.concatenate(
                (
                    np.zeros(SAMPLE_RATE // 2, np.float32),
                    _trim(speak(" ".join(words[:cut]))),
                    silence,
                    _trim(speak(" ".join(words[cut:]))),
                    np.zeros(round(_TAIL_SECONDS * SAMPLE_RATE), np.float32),
                )
            )


def request(rng: random.Random) -> str:
    """A request as one says it to an assistant."""

    def number() -> str:
        return rng.choice(_NUMBERS)

    return rng.choice(
        (
            f"what is {number()} plus {number()}",
            f"what is {number()} minus {number()}",
            f"what is {number()} times {number()}",
            f"set a timer for {number()} {rng.choice(('seconds', 'minutes', 'hours'))}",
            f"remind me in {number()} minutes to {rng.choice(_DEEDS)} the {rng.choice(_THINGS)}",
            f"my name is {rng.choice(_PEOPLE)}",
            f"what is the weather in {rng.choice(_PLACES)} on {rng.choice(_DAYS)}",
            f"add {rng.choice(_THINGS)} to my list",
            f"call {rng.choice(_PEOPLE)} on {rng.choice(_DAYS)}",
            f"pick a number between {number()} and {number()}",
            "what time is it",
            "what is the date today",
            "can you repeat that",
        )
    )


def _speaker(rng: random.Random, folder: Path) -> Callable[[str], Samples]:
    if rng.random() < 0.6:
        voice, speed = rng.choice(_ESPEAK), str(rng.randint(140, 190))

        def espeak(text: str) -> Samples:
            command = ["espeak-ng", "-v", voice, "-s", speed, "--stdout", text]
            sound = subprocess.run(command, capture_output=True, check=True).stdout
            return _decode(sound)

        return espeak
    name = rng.choice(_FLITE)

    def flite(text: str) -> Samples:
        file = folder / "flite.wav"
        subprocess.run(["flite", "-voice", name, "-t", text, "-o", str(file)], check=True)
        return _decode(file.read_bytes())

    return flite


def _decode(sound: bytes) -> Samples:
    samples: Samples = decode_audio(io.BytesIO(sound), sampling_rate=SAMPLE_RATE)
    return samples


def _trim(samples: Samples) -> Samples:
    audible = np.flatnonzero(np.abs(samples) > 0.01)
    return samples[audible[0] : audible[-1] + 1] if len(audible) else samples


def write_report(outcomes: list[Outcome], folder: Path, count: int) -> None:
    """The figures as JSON, the curve as a picture."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    folder.mkdir(parents=True, exist_ok=True)
    figures = {"requests": count, "outcomes": [asdict(outcome) for outcome in outcomes]}
    (folder / "turn-taking.json").write_text(json.dumps(figures, indent=1) + "\n")
    figure, axes = pyplot.subplots(figsize=(7, 4.5))
    for kind, marker in (("fixed", "o"), ("judge", "s")):
        chosen = [o for o in outcomes if o.name.startswith(kind)]
        axes.scatter(
            [o.wait_seconds for o in chosen],
            [100 * o.false_cuts for o in chosen],
            label=f"{kind} wait" if kind == "fixed" else "words and decoder",
            marker=marker,
        )
        for outcome in chosen:
            axes.annotate(
                outcome.name.removeprefix(kind).strip(),
                (outcome.wait_seconds, 100 * outcome.false_cuts),
                fontsize=7,
            )
    axes.set_xlabel("median wait after a complete request (s)")
    axes.set_ylabel("paused requests cut off (%)")
    axes.set_title(f"{count} spoken requests with a pause inside")
    axes.legend()
    axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(folder / "turn-taking.png", dpi=120)


if __name__ == "__main__":
    sys.exit(main())

"""Collects the evidence in people's pauses into a file, for `benchmarks.turn_taking.fit`.

`python -m benchmarks.turn_taking.evidence FILE`; recordings that the file has are skipped, so that
an interrupted run goes on where it stopped. `people.jsonl` is what Whisper base, Smart Turn 3.2 and
LiveKit's v1-mini made of tests/speech/human; collecting it takes about a quarter of an hour of a
core.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import ROOT
from benchmarks.turn_taking.people import Judge, Listener, Pause
from services.audio.samples import Samples
from services.endpointing.acoustic import AcousticModel
from services.livekit_local.eou_model import EndOfTurnModel
from services.models import DEFAULT_TURN, fitted_turn, resolve_turn
from services.shared.config import EngineConfig
from services.shared.engines import SharedEngines
from tests.support.people import PersonRecording, people


def main() -> int:
    """Collect what is missing, recording by recording."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("file", type=Path, help="JSON lines, one a recording")
    parser.add_argument("--asr", default="base", help="catalogue name or folder")
    parser.add_argument("--cache", type=Path, default=ROOT / "models")
    parser.add_argument("--limit", type=int, default=10**6, help="recordings at a time")
    arguments = parser.parse_args()
    collect(arguments)
    return 0


def collect(arguments: argparse.Namespace) -> None:
    """Append a line for each recording that the file lacks."""
    file: Path = arguments.file
    done = {name for name, _ in read(file)} if file.exists() else set()
    engines = SharedEngines(EngineConfig(arguments.asr, cache=arguments.cache, language="en"))
    smart_turn = resolve_turn(DEFAULT_TURN, cache=arguments.cache)
    voice = AcousticModel.load(fitted_turn(smart_turn.file, arguments.cache))
    judges: dict[str, Judge] = {
        "smart-turn": lambda samples: own_probability(voice, samples),
        "v1-mini": EndOfTurnModel.load().probability,
    }
    listener = Listener(
        engines.asr.get_blocking(), engines.voice_activity.get_blocking(), judges, voice.activations
    )
    todo = [r for r in speech() if r.file not in done][: arguments.limit]
    with file.open("a") as out:
        for recording in todo:
            found = [_rounded(asdict(pause)) for pause in listener.pauses(recording)]
            line = {"recording": recording.file, "pauses": found}
            out.write(json.dumps(line, separators=(",", ":")) + "\n")
            out.flush()
            print(recording.file, len(found), flush=True)
    engines.close()


def own_probability(model: AcousticModel, samples: Samples) -> float:
    """Return what Smart Turn itself says, by the first of the activations."""
    return 1.0 / (1.0 + math.exp(-float(model.activations(samples)[0])))


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list) else value


def speech() -> list[PersonRecording]:
    """Everything that is to be answered."""
    return [recording for recording in people() if recording.kind != "nonspeech"]


def read(file: Path) -> Iterator[tuple[str, list[Pause]]]:
    """Yield each recording's name and pauses."""
    for line in file.read_text().splitlines():
        entry = json.loads(line)
        yield entry["recording"], [Pause(**pause) for pause in entry["pauses"]]


if __name__ == "__main__":
    sys.exit(main())

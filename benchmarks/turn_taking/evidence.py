"""Collects the evidence in people's pauses into a file, for `fit` and for the report.

`python -m benchmarks.turn_taking.evidence FILE [--part 2/8]`; recordings that the file has are
skipped, so that an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np

from benchmarks import ROOT
from benchmarks.turn_taking.people import Judge, Listener, Pause
from services.audio.samples import Samples
from services.endpointing.acoustic import AcousticModel
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
    parser.add_argument("--smart-turn", type=Path, required=True)
    arguments = parser.parse_args()
    collect(arguments)
    return 0


def collect(arguments: argparse.Namespace) -> None:
    file: Path = arguments.file
    done = {name for name, _ in read(file)} if file.exists() else set()
    engines = SharedEngines(EngineConfig(arguments.asr, cache=arguments.cache, language="en"))
    judges: dict[str, Judge] = {
        "smart-turn": AcousticModel.load(arguments.smart_turn).probability,
        "v1-mini": v1_mini(),
    }
    listener = Listener(engines.asr.get_blocking(), engines.voice_activity.get_blocking(), judges)
    todo = [r for r in speech() if r.file not in done][: arguments.limit]
    with file.open("a") as out:
        for recording in todo:
            found = [asdict(pause) for pause in listener.pauses(recording)]
            out.write(json.dumps({"recording": recording.file, "pauses": found}) + "\n")
            out.flush()
            print(recording.file, len(found), flush=True)
    engines.close()
    print("todo", len(todo))


def speech() -> list[PersonRecording]:
    """Everything that is to be answered."""
    return [recording for recording in people() if recording.kind != "nonspeech"]


def read(file: Path) -> Iterator[tuple[str, list[Pause]]]:
    """Yield each recording's name and pauses."""
    for line in file.read_text().splitlines():
        entry = json.loads(line)
        yield entry["recording"], [Pause(**pause) for pause in entry["pauses"]]


def v1_mini() -> Judge:
    """LiveKit's local end-of-turn model, which hears 1.2 s."""
    from livekit.local_inference import EOT, EOT_MAX_SAMPLES

    model = EOT()

    def judge(samples: Samples) -> float:
        heard = np.zeros(EOT_MAX_SAMPLES, dtype=np.int16)
        recent = (np.clip(samples[-EOT_MAX_SAMPLES:], -1.0, 1.0) * 32767.0).astype(np.int16)
        heard[-len(recent) :] = recent
        return float(model.predict(heard))

    return judge


if __name__ == "__main__":
    sys.exit(main())

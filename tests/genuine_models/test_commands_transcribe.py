"""Files of people and of noise, written down by `python -m agent transcribe`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.people import people
from tests.support.recordings import recordings
from tests.support.word_errors import word_error_rate

_REPOSITORY = Path(__file__).parents[2]
_WRONG_WORDS = 0.08


def transcribe(cache: Path, files: Sequence[Path]) -> list[dict[str, Any]]:
    """What the command says of each file, with the models of its own choice."""
    ran = subprocess.run(
        [sys.executable, "-m", "agent", "transcribe", "--format", "json", *map(str, files)],
        cwd=_REPOSITORY,
        env={
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", ""),
            "MODELS": "auto",
            "WHISPER_MODEL_PATH": str(cache),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    found: list[dict[str, Any]] = json.loads(ran.stdout)
    return found


def test_people_are_written_down_and_noise_is_not(genuine_cache: Path) -> None:
    noise = [r.path for r in people("nonspeech")] + [r.path for r in recordings("nonspeech")]
    spoken = [*people("long"), *people("telephone"), *people("request")[:4]]
    found = transcribe(genuine_cache, [*noise, *(r.path for r in spoken)])
    made_up = {file["file"]: file["text"] for file in found[: len(noise)] if file["segments"]}
    assert made_up == {}
    heard = [file["text"] for file in found[len(noise) :]]
    pairs = list(zip(heard, (r.text for r in spoken), strict=True))
    assert word_error_rate(pairs) <= _WRONG_WORDS, pairs

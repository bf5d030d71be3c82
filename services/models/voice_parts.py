"""The two parts of a voice, cut once and kept in the model cache."""

import json
import logging
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from .errors import ModelCorrupt, ModelError
from .manifest import sha256_of, verify_manifest, write_manifest

logger = logging.getLogger("services.models")

CUT_TIMEOUT_SECONDS = 120.0
"""A voice of 60 MB takes less than a second."""

_DESCRIPTION = "parts.json"
_PROGRAM = Path(__file__).with_name("voice_graph.py")


@dataclass(frozen=True, slots=True)
class CutVoice:
    """A voice in two files."""

    front: Path
    """Text to latent frames."""
    vocoder: Path
    """Latent frames to sound."""
    latent: str
    """The tensor that joins them."""
    carried: tuple[str, ...]
    """What else the vocoder takes: outputs of `front`, or inputs of the voice."""
    durations: str | None
    """Output of `front` with the frames that each phoneme id takes."""


@dataclass(frozen=True, slots=True)
class WholeVoice:
    """A voice in one file, which may output the frames of each phoneme id second."""

    model: Path
    reason: str
    """Why the voice was not cut."""


VoiceParts = CutVoice | WholeVoice


def voice_parts(model: Path, cache: Path) -> VoiceParts:
    """Return the parts of the voice `model`, cut now unless the cache has them.

    Cutting runs in a process of its own and blocks for about a second. A voice that cannot be
    cut, or whose parts cannot be stored, is used whole. Raises ModelCorrupt if `model` is not an
    ONNX file.
    """
    try:
        folder = cache / "parts" / sha256_of(model)
        if not _is_complete(folder):
            _make(model, folder)
        content = json.loads((folder / _DESCRIPTION).read_text(encoding="utf-8"))
    except (OSError, _NotCut) as error:
        logger.warning(
            "voice cannot be cut, so its sound begins later",
            extra={"model": model.name, "cache": str(cache), "reason": str(error)},
        )
        return WholeVoice(model, str(error))
    if "vocoder" not in content:
        return WholeVoice(
            folder / content["whole"] if content["whole"] else model, content["reason"]
        )
    return CutVoice(
        front=folder / content["front"],
        vocoder=folder / content["vocoder"],
        latent=content["latent"],
        carried=tuple(content["carried"]),
        durations=content["durations"],
    )


class _NotCut(Exception):
    """The voice was not cut; the message says why."""


def _is_complete(folder: Path) -> bool:
    try:
        verify_manifest(folder, what="The voice's parts", cure="")
    except ModelError:
        return False
    return True


def _make(model: Path, folder: Path) -> None:
    """Cut the voice beside `folder` and move its parts there, whole; replaces damaged ones."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=".unfinished-") as name:
        unfinished = Path(name, "parts")
        unfinished.mkdir()
        content = {"model": str(model.resolve()), **_cut(model, unfinished)}
        (unfinished / _DESCRIPTION).write_text(json.dumps(content), encoding="utf-8")
        write_manifest(unfinished, name=model.name, source="cut on this machine")
        if _is_complete(folder):
            # Another process was faster.
            return
        with suppress(FileNotFoundError):
            folder.rename(Path(name, "damaged"))
        unfinished.rename(folder)
    _remove_outdated(folder, content["model"])


def _remove_outdated(folder: Path, model: str) -> None:
    """Remove the parts of what the file `model` held before."""
    for other in folder.parent.iterdir():
        with suppress(OSError, ValueError):
            content = json.loads((other / _DESCRIPTION).read_text(encoding="utf-8"))
            if other != folder and content.get("model") == model:
                shutil.rmtree(other)


def _cut(model: Path, folder: Path) -> Any:
    """Run the program that cuts; returns its description of the parts."""
    try:
        done = subprocess.run(
            [sys.executable, "-P", str(_PROGRAM), str(model), str(folder)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=CUT_TIMEOUT_SECONDS,
            check=True,
        )
        outcome = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise _NotCut(f"cutting it took longer than {CUT_TIMEOUT_SECONDS:g} s") from None
    except subprocess.CalledProcessError as error:
        last = (error.stderr.splitlines() or [f"status {error.returncode}"])[-1]
        raise _NotCut(f"cutting it failed: {last}") from None
    if "no_model" in outcome:
        raise ModelCorrupt(
            f"{model} is not a readable ONNX file: {outcome['no_model']}; copy or fetch it again."
        )
    if "not_stored" in outcome:
        raise _NotCut(outcome["not_stored"])
    return outcome

"""What is made of a model once, by a program of its own, and kept beside the models."""

import json
import logging
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from .errors import ModelCorrupt, ModelError
from .manifest import verify_manifest, write_manifest

logger = logging.getLogger("services.models")

TIMEOUT_SECONDS = 120.0
"""A model of 60 MB takes less than a second."""

_DESCRIPTION = "parts.json"


class NotDerived(Exception):
    """Nothing could be made or stored; the message says why."""


def derive(model: Path, folder: Path, program: Path, *, doing: str) -> Any:
    """Return the description of what `program` makes of `model`, made now unless `folder` has it.

    The program is called with the model and a folder to write into, and prints its description as
    JSON, with the problem under `no_model` or `not_stored` if there is one; `doing` is what it
    does, in words. Blocks for about a second. Raises ModelCorrupt if `model` is not an ONNX file,
    and OSError or NotDerived.
    """
    if not _is_complete(folder):
        _make(model, folder, program, doing)
    return json.loads((folder / _DESCRIPTION).read_text(encoding="utf-8"))


def _is_complete(folder: Path) -> bool:
    try:
        verify_manifest(folder, what="What was made of the model", cure="")
    except ModelError:
        return False
    return True


def _make(model: Path, folder: Path, program: Path, doing: str) -> None:
    """Run the program beside `folder` and move what it made there, whole; replaces damaged ones."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=".unfinished-") as name:
        unfinished = Path(name, "parts")
        unfinished.mkdir()
        content = {"model": str(model.resolve()), **_run(model, unfinished, program, doing)}
        (unfinished / _DESCRIPTION).write_text(json.dumps(content), encoding="utf-8")
        write_manifest(unfinished, name=model.name, source="made on this machine")
        if _is_complete(folder):
            # Another process was faster.
            return
        with suppress(FileNotFoundError):
            folder.rename(Path(name, "damaged"))
        unfinished.rename(folder)
    _remove_outdated(folder, content["model"])


def _remove_outdated(folder: Path, model: str) -> None:
    """Remove what was made of what the file `model` held before."""
    for other in folder.parent.iterdir():
        with suppress(OSError, ValueError):
            content = json.loads((other / _DESCRIPTION).read_text(encoding="utf-8"))
            if other != folder and content.get("model") == model:
                shutil.rmtree(other)


def _run(model: Path, folder: Path, program: Path, doing: str) -> Any:
    try:
        done = subprocess.run(
            [sys.executable, "-P", str(program), str(model), str(folder)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=True,
        )
        outcome = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise NotDerived(f"{doing} took longer than {TIMEOUT_SECONDS:g} s") from None
    except subprocess.CalledProcessError as error:
        last = (error.stderr.splitlines() or [f"status {error.returncode}"])[-1]
        raise NotDerived(f"{doing} failed: {last}") from None
    if "no_model" in outcome:
        raise ModelCorrupt(
            f"{model} is not a readable ONNX file: {outcome['no_model']}; copy or fetch it again."
        )
    if "not_stored" in outcome:
        raise NotDerived(outcome["not_stored"])
    return outcome

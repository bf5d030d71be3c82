"""Where the weights of a model are, and how much memory they will take, without reading them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .catalogue import ASR_CATALOGUE, VOICE_CATALOGUE
from .resolve import DEMO_ASR_FOLDER, DEMO_VOICE_MODEL, asr_folder, voice_folder

ASR_WEIGHTS = "model.bin"
"""The largest file of an ASR model's folder."""


def asr_weights(name_or_path: str, *, cache: Path) -> Path | None:
    """Return the largest file of an ASR model; None where it is not on this machine."""
    entry = ASR_CATALOGUE.get(name_or_path)
    folder = Path(name_or_path).expanduser()
    if entry is not None:
        folder = DEMO_ASR_FOLDER if entry.demo else asr_folder(entry.name, cache)
    weights = _resolved(folder) / ASR_WEIGHTS
    return weights if _is_file(weights) else None


def voice_weights(names_or_paths: Sequence[str], *, cache: Path) -> Path | None:
    """Return the network of the first available of several voices; None if none is."""
    found = (_voice_weights(name, cache) for name in names_or_paths)
    return next((file for file in found if file is not None), None)


def estimated_bytes(weights: Path | None) -> int:
    """Return about how much memory a model with these weights will take; 0 if they are gone."""
    try:
        return weights.stat().st_size if weights is not None else 0
    except OSError:
        return 0


def _voice_weights(name_or_path: str, cache: Path) -> Path | None:
    entry = VOICE_CATALOGUE.get(name_or_path)
    if entry is not None:
        folder = voice_folder(entry.name, cache)
        return _found(DEMO_VOICE_MODEL if entry.demo else folder / f"{entry.name}.onnx")
    path = Path(name_or_path).expanduser()
    if path.is_dir():
        return max(map(_found, path.glob("*.onnx")), key=estimated_bytes, default=None)
    return _found(path)


def _found(file: Path) -> Path | None:
    return _resolved(file) if _is_file(file) else None


def _resolved(path: Path) -> Path:
    """Return one path, by whatever links it is named."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return path


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False

"""How much memory a model will take, estimated from its files without reading them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .catalogue import ASR_CATALOGUE, VOICE_CATALOGUE
from .resolve import DEMO_ASR_FOLDER, DEMO_VOICE_MODEL, asr_folder, voice_folder


def asr_bytes(name_or_path: str, *, cache: Path) -> int:
    """Return the size of an ASR model's weights; 0 where they are not on this machine."""
    entry = ASR_CATALOGUE.get(name_or_path)
    folder = Path(name_or_path).expanduser()
    if entry is not None:
        folder = DEMO_ASR_FOLDER if entry.demo else asr_folder(entry.name, cache)
    return _size(folder / "model.bin")


def voice_bytes(names_or_paths: Sequence[str], *, cache: Path) -> int:
    """Return the size of the first available of several voices; 0 if none is."""
    sizes = (_voice_bytes(name, cache) for name in names_or_paths)
    return next((size for size in sizes if size), 0)


def _voice_bytes(name_or_path: str, cache: Path) -> int:
    entry = VOICE_CATALOGUE.get(name_or_path)
    if entry is not None:
        folder = voice_folder(entry.name, cache)
        return _size(DEMO_VOICE_MODEL if entry.demo else folder / f"{entry.name}.onnx")
    path = Path(name_or_path).expanduser()
    if path.is_dir():
        return max((_size(model) for model in path.glob("*.onnx")), default=0)
    return _size(path)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0

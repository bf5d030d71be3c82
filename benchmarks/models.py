"""The pairs of models that are measured, as files that every system can load."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from services.models import (
    ASR_CATALOGUE,
    VOICE_CATALOGUE,
    ASRModel,
    Voice,
    fetch_asr,
    fetch_voice,
    resolve_asr,
    resolve_voice,
)
from services.models.progress import Progress


@dataclass(frozen=True, slots=True)
class ModelPair:
    """A recogniser and a voice."""

    name: str
    asr: Path
    """Folder of a CTranslate2 Whisper."""
    voice: Path
    """A Piper `.onnx`, with its `.onnx.json` beside it."""
    context: str
    """Least seconds of sound that the product's recogniser works on, or `full`, as for
    ASR_CONTEXT; peers always pad to 30 s."""
    demo: bool
    """The recogniser that ships with the product, which does not understand people."""

    @classmethod
    def find(
        cls,
        name: str,
        asr: str,
        voice: str,
        context: str = "auto",
        *,
        cache: Path,
        progress: Progress | None = None,
    ) -> ModelPair:
        """By catalogue name, fetched into `cache` where it is not there yet, or by path.

        Raises ModelError with the cure.
        """
        found_asr = _asr(asr, cache, progress)
        return cls(
            name,
            found_asr.folder.resolve(),
            _voice(voice, cache, progress).model.resolve(),
            _context(found_asr) if context == "auto" else context,
            found_asr.demo,
        )


def _asr(name_or_path: str, cache: Path, progress: Progress | None) -> ASRModel:
    entry = ASR_CATALOGUE.get(name_or_path)
    if entry is None or entry.demo:
        return resolve_asr(name_or_path, cache=cache)
    return fetch_asr(name_or_path, cache=cache, progress=progress)


def _voice(name_or_path: str, cache: Path, progress: Progress | None) -> Voice:
    entry = VOICE_CATALOGUE.get(name_or_path)
    if entry is None or entry.demo:
        return resolve_voice(name_or_path, cache=cache)
    return fetch_voice(name_or_path, cache=cache, progress=progress)


def _context(model: ASRModel) -> str:
    """What the model needs, as ASR_CONTEXT says it."""
    return "full" if model.context_seconds is None else f"{model.context_seconds:g}"

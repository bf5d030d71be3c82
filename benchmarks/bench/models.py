"""The pairs of models that are measured, as files that every system can load."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from services.models import (
    ASR_CATALOGUE,
    VOICE_CATALOGUE,
    ASRModel,
    ConsoleProgress,
    Voice,
    fetch_asr,
    fetch_voice,
    resolve_asr,
    resolve_voice,
)
from services.models.sources import Sources


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
    ) -> ModelPair:
        """By catalogue name, fetched into `cache` where it is not there yet, or by path.

        Raises ModelError with the cure.
        """
        with Sources() as sources:
            found_asr = _asr(asr, cache, sources)
            found_voice = _voice(voice, cache, sources)
        return cls(
            name,
            found_asr.folder.resolve(),
            found_voice.model.resolve(),
            _context(found_asr) if context == "auto" else context,
            found_asr.demo,
        )


def _asr(name_or_path: str, cache: Path, sources: Sources) -> ASRModel:
    entry = ASR_CATALOGUE.get(name_or_path)
    if entry is None or entry.demo:
        return resolve_asr(name_or_path, cache=cache)
    return fetch_asr(name_or_path, cache=cache, progress=ConsoleProgress(), sources=sources)


def _voice(name_or_path: str, cache: Path, sources: Sources) -> Voice:
    entry = VOICE_CATALOGUE.get(name_or_path)
    if entry is None or entry.demo:
        return resolve_voice(name_or_path, cache=cache)
    return fetch_voice(name_or_path, cache=cache, progress=ConsoleProgress(), sources=sources)


def _context(model: ASRModel) -> str:
    """What the model needs, as ASR_CONTEXT says it."""
    return "full" if model.context_seconds is None else f"{model.context_seconds:g}"

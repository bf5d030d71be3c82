"""The pairs of models that are measured, as files that every system can load."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.random_weights import made_sure
from services.models import ASRModel, resolve_asr, resolve_voice

_CACHE = Path(__file__).parents[1] / "models"


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
    random_weights: bool
    """A model of true cost without knowledge, whose transcripts mean nothing: ends of turns are
    judged by silence alone."""

    @classmethod
    def find(
        cls,
        name: str,
        asr: str,
        voice: str,
        context: str = "auto",
        *,
        random_weights_in: Path | None = None,
    ) -> ModelPair:
        """By catalogue name or path. Raises ModelError with the cure.

        With `random_weights_in`, a folder for a copy of the recogniser, that is one of random
        weights.
        """
        found_asr = resolve_asr(asr, cache=_CACHE)
        found_voice = resolve_voice(voice, cache=_CACHE)
        folder = found_asr.folder.resolve()
        if random_weights_in is not None:
            folder = made_sure(folder, random_weights_in)
        return cls(
            name,
            folder,
            found_voice.model.resolve(),
            _context(found_asr) if context == "auto" else context,
            random_weights_in is not None,
        )


def _context(model: ASRModel) -> str:
    """What the model needs, as ASR_CONTEXT says it."""
    return "full" if model.context_seconds is None else f"{model.context_seconds:g}"

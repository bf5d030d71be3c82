"""The pairs of models that are measured, as files that every system can load."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from services.models import resolve_asr, resolve_voice

_CACHE = Path(__file__).parents[1] / "models"


@dataclass(frozen=True, slots=True)
class ModelPair:
    """A recogniser and a voice."""

    name: str
    asr: Path
    """Folder of a CTranslate2 Whisper."""
    voice: Path
    """A Piper `.onnx`, with its `.onnx.json` beside it."""
    context: Literal["auto", "fitted", "full"]
    """What the product's recogniser is given to hear; peers always pad to 30 s."""
    turns_by_silence: bool
    """For models whose transcripts mean nothing: ends of turns are not judged by the words."""

    @classmethod
    def find(
        cls,
        name: str,
        asr: str,
        voice: str,
        context: Literal["auto", "fitted", "full"] = "auto",
        *,
        turns_by_silence: bool = False,
    ) -> ModelPair:
        """By catalogue name or path. Raises ModelError with the cure."""
        found_asr = resolve_asr(asr, cache=_CACHE)
        found_voice = resolve_voice(voice, cache=_CACHE)
        return cls(
            name,
            found_asr.folder.resolve(),
            found_voice.model.resolve(),
            found_asr.context if context == "auto" else context,
            turns_by_silence,
        )

"""How a recogniser is loaded, how a call may differ, and the errors it raises."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .. import defaults

AUTO = "auto"
"""In place of a language: it is detected in each utterance."""


class ASRError(Exception):
    """Recognition failed; the message names the cause."""


class ASRLoadError(ASRError):
    """The model cannot be loaded; the message names the folder and the cure."""


@dataclass(frozen=True, slots=True)
class ASRConfig:
    """The model to load, and how to run it."""

    model: Path
    """Folder of a Whisper model in CTranslate2 format."""
    name: str = "custom"
    language: str | None = defaults.ASR_LANGUAGE
    """ISO 639-1 code, or None to detect it in each utterance (multilingual models only)."""
    device: str = "cpu"
    compute_type: str = "int8"
    gpu_problem: str = ""
    """Why the processor takes the place of a GPU; empty if it does not."""
    threads: int = 1
    """Threads within one call."""
    workers: int = 1
    """Concurrent calls: the scheduler's slots."""
    context_seconds: float | None = None
    """The least audio, silence included, that the encoder is given: with less the model loses
    words or repeats them. None for the whole window, whatever the length of the audio."""
    window_seconds: float = 30.0
    """The longest audio the model takes in one piece."""
    prompts: bool = False
    """Whether the model was trained with a prompt."""
    timestamps: bool = False
    """Whether the model was trained to write when each segment begins and ends. Doing so keeps it
    from repeating a short request, and reveals text invented for the time after the audio."""
    engine: str = "asr"
    """The name of its calls at the scheduler."""


@dataclass(frozen=True, slots=True)
class DecodeOptions:
    """What may differ from call to call."""

    language: str | None = None
    """ISO 639-1 code; None for that of the configuration, "auto" to detect it."""
    likely_language: str | None = None
    """Where the language is detected: the one to expect, which is taken unless another is clearly
    more probable."""
    hotwords: tuple[str, ...] = ()
    prompt: str = ""
    """The topic of the conversation; for models trained with prompts only."""
    context: str = ""
    """What was said just before; for models trained with prompts only."""
    words: bool = False
    """Also time the words, which costs one more pass."""

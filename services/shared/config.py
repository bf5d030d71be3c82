"""Which models a process uses, and what is known of them once loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .. import defaults
from ..memory.levels import Level


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """Which models to load, and how to run them; 0 threads or slots follow the machine's cores."""

    asr: str = "demo"
    """A catalogue name, or the folder of a Whisper model in CTranslate2 format."""
    voice: str | tuple[str, ...] = "demo"
    """A catalogue name, or a Piper `.onnx` file; of several, the first found on this machine."""
    turn: str | None = None
    """Catalogue name of the model that judges whether a voice sounds finished; None for none."""
    stand_ins: bool = True
    """Whether the default model takes the place of an unusable one, and the demo one of that."""
    cache: Path = Path(defaults.WHISPER_MODEL_PATH)
    """Folder of the downloaded models."""
    language: str | None = defaults.ASR_LANGUAGE
    device: Literal["auto", "cpu", "cuda"] = "auto"
    compute_type: str = "auto"
    context: float | Literal["auto", "full"] = "auto"
    """The least audio that the encoder is given, in seconds; "auto" is what the model needs."""
    asr_threads: int = 0
    voice_threads: int = 0
    speaker: int | None = None
    speed: float = defaults.TTS_SPEED
    slots: int = 0
    queue_limit: int = defaults.INFERENCE_QUEUE_LIMIT
    wedge_budget: int = defaults.WEDGED_THREAD_LIMIT
    phrase_cache_bytes: int = defaults.TTS_PHRASE_CACHE_MB * 2**20

    @property
    def voices(self) -> tuple[str, ...]:
        """The voices to look for, in order."""
        return (self.voice,) if isinstance(self.voice, str) else self.voice


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model in use, for logs, the page and the health route."""

    name: str
    demo: bool
    memory_bytes: int
    source: str = "part of a library"
    """Where its files came from, in words."""
    note: str = ""
    """Anything an operator should know about it."""


@dataclass(frozen=True, slots=True)
class ModelInUse:
    """A loaded model and who uses it."""

    role: str
    """`asr`, `voice` or `voice activity`."""
    part: str
    """Its name in the breakdown of memory."""
    model: LoadedModel
    users: int
    """Rooms and other holders; 0 for an idle model."""


@dataclass(frozen=True, slots=True)
class ProcessMemory:
    """How full a process is."""

    level: Level = Level.HEALTHY
    headroom_bytes: int | None = None
    """How much more it may take; None where nobody watches it."""
    process_bytes: int = 0


@dataclass(frozen=True, slots=True)
class ModelProcess:
    """Another process, which holds the models."""

    where: str
    """Its address."""
    problem: str
    """Why it cannot be reached; empty while it is there."""
    memory: ProcessMemory

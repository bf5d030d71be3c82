"""The models behind the plugin: each loaded once, whether jobs are threads or processes."""

from __future__ import annotations

import atexit
import importlib.util
import logging
import multiprocessing
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import platformdirs

from ..models import DEFAULT_ASR, DEFAULT_TURN
from ..shared.config import EngineConfig
from ..shared.engines import SharedEngines
from ..speech_process import SocketError, on_demand

logger = logging.getLogger("services.livekit_plugin")

DEFAULT_VOICE: Final = "en_US-joe-medium"
MODELS_FOLDER: Final = "LOCAL_SPEECH_MODELS"
"""Environment variable that names the folder of models."""


@dataclass(frozen=True, slots=True)
class _Options:
    models_folder: Path
    device: Literal["auto", "cpu", "cuda"] = "auto"
    compute_type: str = "auto"
    calls_at_once: int = 0


_lock = threading.Lock()
_engines: SharedEngines | None = None
_options: _Options | None = None


def configure(
    *,
    models_folder: str | Path | None = None,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    compute_type: str = "auto",
    calls_at_once: int = 0,
) -> None:
    """Set how this process runs its models, before it first uses one.

    Args:
        models_folder: where they are; without, `models_folder()`.
        device: where recognition runs; "auto" is the GPU if there is one.
        compute_type: of CTranslate2, such as "int8"; "auto" suits the device.
        calls_at_once: model calls that run at the same time; 0 follows the cores.

    Raises:
        RuntimeError: models are in use already.
    """
    global _options
    folder = Path(models_folder) if models_folder is not None else default_folder()
    with _lock:
        if _engines is not None:
            raise RuntimeError("configure() comes before the first STT(), TTS() or VAD()")
        _options = _Options(folder, device, compute_type, calls_at_once)


def default_folder() -> Path:
    """Return the folder of models: `LOCAL_SPEECH_MODELS`, else one in the user's cache.

    It is the one of an installed local-voice-agent, so that both share downloads.
    """
    named = os.environ.get(MODELS_FOLDER)
    if named:
        return Path(named)
    return platformdirs.user_cache_path("local-voice-agent", appauthor=False) / "models"


def models_folder() -> Path:
    """Return the folder of models of this process."""
    with _lock:
        return _options.models_folder if _options is not None else default_folder()


def engines() -> SharedEngines:
    """Return the engines of this process, which load each model on its first use.

    Where each job is a process, they are those of a speech process that all jobs share: it is
    started by the first, and ends some seconds after the last.
    """
    global _engines
    with _lock:
        if _engines is None:
            options = _options or _Options(default_folder())
            _engines = _start(options)
            # Native code that still runs when Python takes itself apart aborts the process.
            atexit.register(_engines.close)
        return _engines


def load(
    *, stt: str | None = DEFAULT_ASR, tts: str | None = None, turn_detector: bool = True
) -> None:
    """Load models now, for the first conversation not to wait; blocks for seconds.

    For `setup_fnc` of an `AgentServer`. Models that are loaded stay loaded.

    Args:
        stt: catalogue name or folder of a recogniser; None for none.
        tts: catalogue name or `.onnx` file of a voice; None for none.
        turn_detector: whether to load what `TurnDetector` listens with.

    Raises:
        ModelError: a model is missing or broken; the text says what to run.
        ASRLoadError, TTSLoadError: a model cannot be loaded.
    """
    speech = engines()
    speech.voice_activity.get_blocking()
    if stt is not None:
        speech.recogniser(stt).get_blocking()
    if tts is not None:
        speech.voice((tts,)).get_blocking()
    if turn_detector:
        speech.acoustic.get_blocking()


def has_piper() -> bool:
    """Whether what `TTS` needs is installed."""
    return importlib.util.find_spec("piper") is not None


def _start(options: _Options) -> SharedEngines:
    """Return engines for this process, and say with whom it shares the models."""
    config = EngineConfig(
        asr=DEFAULT_ASR,
        voice=DEFAULT_VOICE,
        turn=DEFAULT_TURN,
        cache=options.models_folder.absolute(),
        language=None,
        device=options.device,
        compute_type=options.compute_type,
        slots=options.calls_at_once,
        stand_ins=False,
    )
    if multiprocessing.parent_process() is None:
        logger.info("jobs of this process share each model", extra={"pid": os.getpid()})
        return SharedEngines(config)
    # One of many processes, each with a job.
    try:
        shared = on_demand.engines(config)
    except SocketError as error:
        logger.warning("this job's process loads models of its own", extra={"reason": str(error)})
        return SharedEngines(config)
    logger.info(
        "jobs share the models of a speech process", extra={"socket": str(shared.link.path)}
    )
    return shared

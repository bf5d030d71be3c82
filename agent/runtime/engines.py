"""From the settings to the models that a process uses."""

from __future__ import annotations

from collections.abc import Callable

from agent.settings import Settings
from services.models import DEFAULT_TURN
from services.shared.config import EngineConfig
from services.shared.engines import SharedEngines
from services.speech_process import RemoteEngines


def end_of_turn_model(settings: Settings) -> str | None:
    """Return the catalogue name of the acoustic end-of-turn model, or None where none is used."""
    demo = settings.models.choice == "demo"
    return DEFAULT_TURN if settings.turn.detection in ("acoustic", "model") and not demo else None


def engine_config(settings: Settings) -> EngineConfig:
    """Return which models the settings ask for, and how they run."""
    demo = settings.models.choice == "demo"
    language = settings.asr.language
    own_voice = settings.voice.by_language.get(language)
    voices = (*([own_voice] if own_voice else []), *settings.voice.voices)
    return EngineConfig(
        asr="demo" if demo else settings.asr.model,
        voice="demo" if demo else voices,
        turn=end_of_turn_model(settings),
        cache=settings.models.cache,
        language=None if language == "auto" else language,
        device=settings.asr.device,
        compute_type=settings.asr.compute_type,
        context=settings.asr.context,
        asr_threads=settings.asr.threads,
        voice_threads=settings.voice.threads,
        speaker=settings.voice.speaker,
        speed=settings.voice.speed,
        slots=settings.limits.inference_slots,
        queue_limit=settings.limits.inference_queue_limit,
        wedge_budget=settings.limits.wedged_threads,
        phrase_cache_bytes=settings.voice.phrase_cache_mb * 2**20,
    )


def shared_engines(
    settings: Settings,
    *,
    on_recognition: Callable[[float, float], object] | None = None,
    on_synthesis: Callable[[float, float], object] | None = None,
) -> SharedEngines:
    """Return the engines of a worker: its own, or those of the speech process at SPEECH_SOCKET."""
    if settings.models.socket is not None:
        return RemoteEngines(engine_config(settings), settings.models.socket)
    return SharedEngines(
        engine_config(settings), on_recognition=on_recognition, on_synthesis=on_synthesis
    )

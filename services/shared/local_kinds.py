"""Recognisers and voices that compute in this process: how they are found and started."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..asr.interface import ASREngine
from ..host.cores import ThreadPlan
from ..inference import InferenceScheduler
from ..models import (
    ASR_WEIGHTS,
    ASRModel,
    Voice,
    asr_weights,
    resolve_asr,
    resolve_first_voice,
    voice_weights,
)
from ..tts.interface import TTSEngine
from .config import EngineConfig
from .model_kind import ModelKind
from .starting import start_asr, start_tts


def asr_kind(
    config: EngineConfig,
    plan: ThreadPlan,
    scheduler: InferenceScheduler,
    *,
    on_recognition: Callable[[float, float], object] | None = None,
) -> ModelKind[str, Any, ASREngine]:
    """Return the kind of this process's recognisers; they are asked for by name or folder."""

    def start(model: ASRModel, engine: str, is_default: bool) -> ASREngine:
        asr = start_asr(model, config, plan, scheduler, engine=engine)
        asr.on_recognition = on_recognition
        return asr

    return ModelKind(
        role="asr",
        engine="asr",
        called="recogniser",
        find=lambda name: resolve_asr(name, cache=config.cache),
        place=lambda model: model.folder.resolve() / ASR_WEIGHTS,
        start=start,
        weights=lambda name: asr_weights(name, cache=config.cache),
        facts=lambda asr: {
            "device": asr.facts.device,
            "compute_type": asr.facts.compute_type,
            "context_seconds": asr.facts.context_seconds or asr.facts.window_seconds,
        },
    )


def voice_kind(
    config: EngineConfig,
    plan: ThreadPlan,
    scheduler: InferenceScheduler,
    *,
    on_synthesis: Callable[[float, float], object] | None = None,
) -> ModelKind[tuple[str, ...], Any, TTSEngine]:
    """Return the kind of this process's voices; they are asked for by names, the best first."""

    def start(voice: Voice, engine: str, is_default: bool) -> TTSEngine:
        speaker = config.speaker if is_default else None
        tts = start_tts(voice, config, plan, scheduler, engine=engine, speaker=speaker)
        tts.on_synthesis = on_synthesis
        return tts

    return ModelKind(
        role="voice",
        engine="tts",
        called="voice",
        find=lambda names: resolve_first_voice(names, cache=config.cache),
        place=lambda voice: voice.model.resolve(),
        start=start,
        weights=lambda names: voice_weights(names, cache=config.cache),
        facts=lambda _: {},
    )

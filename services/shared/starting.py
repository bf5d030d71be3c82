"""Starts a recogniser or a voice from its files, and tries it before a room uses it."""

from __future__ import annotations

import asyncio

import ctranslate2

from ..asr.config import ASRConfig, ASRLoadError
from ..asr.engine import StreamingASR
from ..host.cores import ThreadPlan
from ..inference import InferenceError, InferenceScheduler
from ..models import ASRModel, Voice
from ..tts.engine import StreamingTTS, TTSConfig
from ..tts.types import TTSError, TTSLoadError
from .config import EngineConfig


def start_asr(
    model: ASRModel,
    config: EngineConfig,
    plan: ThreadPlan,
    scheduler: InferenceScheduler,
    *,
    engine: str = "asr",
) -> StreamingASR:
    """Load and warm a recogniser; blocks. Raises ASRLoadError.

    `engine` is the name of its calls at the scheduler.
    """
    device = _device(config.device)
    compute_type = config.compute_type
    if compute_type == "auto":
        compute_type = "float16" if device == "cuda" else "int8"
    asr = StreamingASR.load(
        ASRConfig(
            model=model.folder,
            name=model.name,
            language="en" if model.english_only else config.language,
            device=device,
            compute_type=compute_type,
            threads=config.asr_threads or plan.threads_per_call,
            workers=plan.slots,
            context_seconds=_context_seconds(config, model),
            window_seconds=model.window_seconds,
            prompts=model.prompts,
            timestamps=model.timestamps,
            engine=engine,
        ),
        scheduler=scheduler,
    )
    try:
        asr.warm()
    except ASRLoadError:
        asr.close()
        raise
    return asr


def start_tts(
    voice: Voice,
    config: EngineConfig,
    plan: ThreadPlan,
    scheduler: InferenceScheduler,
    *,
    engine: str = "tts",
    speaker: int | None = None,
) -> StreamingTTS:
    """Load and warm a voice; blocks, in a thread without an event loop. Raises TTSLoadError.

    `engine` is the name of its calls at the scheduler, `speaker` who speaks unless a call says so.
    """
    tts = StreamingTTS.load(
        TTSConfig(
            model=voice.model,
            config=voice.config,
            parts=voice.parts,
            name=voice.name,
            speaker=speaker,
            speed=config.speed,
            threads=config.voice_threads or plan.threads_per_call,
            phrase_cache_bytes=config.phrase_cache_bytes,
            engine=engine,
        ),
        scheduler=scheduler,
    )
    try:
        asyncio.run(tts.warm())
    except (TTSError, InferenceError) as error:
        tts.close()
        raise TTSLoadError(f"voice {voice.name} does not speak: {error}") from error
    return tts


def _context_seconds(config: EngineConfig, model: ASRModel) -> float | None:
    """Return the least context of the encoder, or None for the whole window."""
    if config.context == "auto":
        return model.context_seconds
    return None if config.context == "full" else config.context


def _device(device: str) -> str:
    if device != "auto":
        return device
    try:
        return "cuda" if ctranslate2.get_cuda_device_count() > 0 else "cpu"
    except RuntimeError:
        return "cpu"

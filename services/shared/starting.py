"""Starts a recogniser or a voice from its files, and tries it before a room uses it."""

from __future__ import annotations

import asyncio
import logging

from ..asr.config import ASRConfig, ASRLoadError
from ..asr.device import GPU, Device, devices
from ..asr.engine import StreamingASR
from ..host.cores import ThreadPlan
from ..inference import InferenceError, InferenceScheduler
from ..models import ASRModel, Voice
from ..tts.engine import StreamingTTS, TTSConfig
from ..tts.types import TTSError, TTSLoadError
from .config import EngineConfig

logger = logging.getLogger("services.shared")

_GPU_CALLS = 4
"""Calls at once on a GPU; further ones wait for it. Each keeps about 100 MiB of its memory, and
more at once are not faster: four of `base` do 23 requests a second on an H100, sixteen 25."""


def start_asr(
    model: ASRModel,
    config: EngineConfig,
    plan: ThreadPlan,
    scheduler: InferenceScheduler,
    *,
    engine: str = "asr",
) -> StreamingASR:
    """Load and warm a recogniser; blocks. Raises ASRLoadError.

    With the device "auto" the processor takes the place of a GPU that does not work. `engine` is
    the name of its calls at the scheduler.
    """

    def start_on(device: Device, gpu_problem: str = "") -> StreamingASR:
        asr_config = ASRConfig(
            model=model.folder,
            name=model.name,
            language="en" if model.english_only else config.language,
            device=device.name,
            compute_type=device.compute_type,
            gpu_problem=gpu_problem,
            threads=config.asr_threads or plan.threads_per_call,
            workers=min(plan.slots, _GPU_CALLS) if device.name == GPU else plan.slots,
            context_seconds=_context_seconds(config, model),
            window_seconds=model.window_seconds,
            prompts=model.prompts,
            timestamps=model.timestamps,
            engine=engine,
        )
        asr = StreamingASR.load(asr_config, scheduler=scheduler)
        try:
            asr.warm()
        except ASRLoadError:
            asr.close()
            raise
        return asr

    first, *others = devices(config.device, config.compute_type)
    try:
        return start_on(first)
    except ASRLoadError as error:
        if not others:
            raise
        problem = str(error)
    asr = start_on(others[0], problem)
    logger.warning("GPU unusable, CPU takes its place", extra={"error": problem})
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

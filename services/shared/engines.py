"""The models of this process: each loaded once, warmed, shared by every room, replaceable."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, TypeVar

import ctranslate2

from .. import defaults
from ..asr.config import ASRConfig, ASRLoadError
from ..asr.engine import StreamingASR
from ..host.cores import available_cores, plan_threads
from ..host.process_memory import measure_growth
from ..inference import InferenceError, InferenceScheduler
from ..models import (
    DEMO_ASR,
    DEMO_VOICE,
    ASRModel,
    ModelError,
    Voice,
    resolve_asr,
    resolve_first_voice,
)
from ..tts.engine import StreamingTTS, TTSConfig, TTSError, TTSLoadError
from ..vad.silero import VoiceActivityModel
from .load_once import LoadOnce

logger = logging.getLogger("services.shared")


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """Which models a process uses, and how."""

    asr: str = "demo"
    """A catalogue name, or the folder of a CTranslate2 Whisper."""
    voice: str | tuple[str, ...] = "demo"
    """A catalogue name, or a Piper `.onnx` file; of several the first that is on this machine."""
    cache: Path = Path(defaults.WHISPER_MODEL_PATH)
    """Where fetched models are."""
    language: str | None = defaults.ASR_LANGUAGE
    device: Literal["auto", "cpu", "cuda"] = "auto"
    compute_type: str = "auto"
    context: float | Literal["auto", "full"] = "auto"
    """The least sound that the encoder is given, in seconds; auto: as the model needs."""
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
    """What is in use, for logs, the page and the health route."""

    name: str
    demo: bool
    memory_bytes: int
    source: str = "part of a library"
    """Where its files came from, in words."""
    note: str = ""
    """What an owner should know of it."""


@dataclass(slots=True)
class _State:
    notices: dict[str, str] = field(default_factory=dict)
    loaded: dict[str, LoadedModel] = field(default_factory=dict)
    told: tuple[LoadedModel, LoadedModel] | None = None
    """The pair that the log was last told of."""


class SharedEngines:
    """Owns the inference scheduler and the models; safe from any thread and event loop."""

    def __init__(
        self,
        config: EngineConfig | None = None,
        *,
        on_recognition: Callable[[float, float], object] | None = None,
        on_synthesis: Callable[[float, float], object] | None = None,
    ) -> None:
        """The callables are told of each transcription and sentence: seconds of sound, seconds of
        computing. They are called from any thread and must be quick.
        """
        self.config = config or EngineConfig()
        self._on_recognition = on_recognition
        self._on_synthesis = on_synthesis
        self._plan = plan_threads(available_cores(), slots=self.config.slots)
        self.scheduler = InferenceScheduler(
            slots=self._plan.slots,
            queue_limit=self.config.queue_limit,
            wedge_budget=self.config.wedge_budget,
            on_wedged=self._replace_wedged,
        )
        self._lock = threading.Lock()
        self._state = _State()
        self.asr = LoadOnce("asr", self._load_asr, discard=StreamingASR.close)
        self.tts = LoadOnce("tts", self._load_tts, discard=StreamingTTS.close)
        self.voice_activity = LoadOnce("voice activity", self._load_voice_activity)

    async def prewarm(self) -> None:
        """Load and warm everything that a room needs. Raises what a load raises."""
        await self.voice_activity.get()
        await self.asr.get()
        await self.tts.get()
        self._tell_what_serves()

    @property
    def notices(self) -> list[str]:
        """What an owner should know: a model that was replaced by the demo one, and why."""
        with self._lock:
            return list(self._state.notices.values())

    @property
    def loaded(self) -> dict[str, LoadedModel]:
        """The models in use by their role: `asr`, `voice`, `voice activity`."""
        with self._lock:
            return dict(self._state.loaded)

    def voice_sample_rate(self) -> int:
        """Hz of the voice that is loaded, or will be when its file is in order."""
        voice = self.tts.peek()
        if voice is not None:
            return voice.sample_rate
        try:
            return resolve_first_voice(self.config.voices, cache=self.config.cache).sample_rate
        except ModelError:
            return DEMO_VOICE.sample_rate

    def reload(self, *, both_fit: bool) -> None:
        """Load recogniser and voice anew; blocks, for a thread of its own.

        With `both_fit` the old one serves until the new one is warm; otherwise the old one is
        let go first, and who needs it meanwhile waits. Calls that run finish on the old one.
        """
        _renew(self.asr, self._load_asr, both_fit=both_fit)
        _renew(self.tts, self._load_tts, both_fit=both_fit)

    def close(self) -> None:
        """End the scheduler and free the models. Idempotent; blocks a few seconds at most."""
        self.scheduler.close()
        asr, tts = self.asr.take(), self.tts.take()
        if asr is not None:
            asr.close()
        if tts is not None:
            tts.close()
        self.voice_activity.take()

    def _load_voice_activity(self) -> VoiceActivityModel:
        with measure_growth() as growth:
            model = VoiceActivityModel.load()
        self._note("voice activity", LoadedModel("silero", False, growth.bytes))
        return model

    def _load_asr(self) -> StreamingASR:
        config = self.config
        problem = None
        try:
            model = resolve_asr(config.asr, cache=config.cache)
            with measure_growth() as growth:
                engine = self._start_asr(model)
        except (ModelError, ASRLoadError) as error:
            if config.asr == DEMO_ASR.name:
                raise
            problem = f"{error}. The demo recogniser takes its place."
            logger.error("model unusable, demo takes its place", extra={"error": str(error)})
            model = DEMO_ASR
            with measure_growth() as growth:
                engine = self._start_asr(model)
        self._note(
            "asr",
            LoadedModel(model.name, model.demo, growth.bytes, model.source, model.note),
            problem,
            context_seconds=engine.config.context_seconds or engine.config.window_seconds,
        )
        return engine

    def _start_asr(self, model: ASRModel) -> StreamingASR:
        config = self.config
        device, compute_type = _device(config.device, config.compute_type)
        engine = StreamingASR.load(
            ASRConfig(
                model=model.folder,
                name=model.name,
                language="en" if model.english_only else config.language,
                device=device,
                compute_type=compute_type,
                threads=config.asr_threads or self._plan.threads_per_call,
                workers=self._plan.slots,
                context_seconds=_context_seconds(config.context, model),
                window_seconds=model.window_seconds,
                prompts=model.prompts,
                timestamps=model.timestamps,
            ),
            scheduler=self.scheduler,
        )
        try:
            engine.warm()
        except ASRLoadError:
            engine.close()
            raise
        engine.on_recognition = self._on_recognition
        return engine

    def _load_tts(self) -> StreamingTTS:
        config = self.config
        problem = None
        try:
            voice = resolve_first_voice(config.voices, cache=config.cache)
            with measure_growth() as growth:
                engine = self._start_tts(voice)
        except (ModelError, TTSLoadError) as error:
            if config.voices == (DEMO_VOICE.name,):
                raise
            problem = f"{error}. The demo voice takes its place."
            logger.error("model unusable, demo takes its place", extra={"error": str(error)})
            voice = DEMO_VOICE
            with measure_growth() as growth:
                engine = self._start_tts(voice)
        loaded = LoadedModel(voice.name, voice.demo, growth.bytes, voice.source, voice.note)
        self._note("voice", loaded, problem)
        return engine

    def _start_tts(self, voice: Voice) -> StreamingTTS:
        engine = StreamingTTS.load(
            TTSConfig(
                model=voice.model,
                config=voice.config,
                parts=voice.parts,
                name=voice.name,
                speaker=self.config.speaker,
                speed=self.config.speed,
                threads=self.config.voice_threads or self._plan.threads_per_call,
                phrase_cache_bytes=self.config.phrase_cache_bytes,
            ),
            scheduler=self.scheduler,
        )
        try:
            # Loading has a thread of its own, so a loop of its own disturbs nobody.
            asyncio.run(engine.warm())
        except (TTSError, InferenceError) as error:
            engine.close()
            raise TTSLoadError(f"voice {voice.name} does not speak: {error}") from error
        engine.on_synthesis = self._on_synthesis
        return engine

    def _note(
        self, role: str, loaded: LoadedModel, problem: str | None = None, **facts: float
    ) -> None:
        with self._lock:
            self._state.loaded[role] = loaded
            self._state.notices.pop(role, None)
            if problem:
                self._state.notices[role] = problem
        logger.info(
            "model ready",
            extra={
                "role": role,
                "model": loaded.name,
                "demo": loaded.demo,
                "memory_mib": round(loaded.memory_bytes / 2**20, 1),
                **facts,
            },
        )

    def _tell_what_serves(self) -> None:
        asr, voice = self.loaded["asr"], self.loaded["voice"]
        with self._lock:
            told, self._state.told = self._state.told, (asr, voice)
        if told == (asr, voice):
            return
        logger.info(
            "speech models serve",
            extra={
                "recogniser": asr.name,
                "recogniser_source": asr.source,
                "voice": voice.name,
                "voice_source": voice.source,
                **({"voice_note": voice.note} if voice.note else {}),
            },
        )

    def _replace_wedged(self, engine: str) -> None:
        """A call did not come back: a fresh engine is loaded for whoever asks next.

        The old one is not closed, since the lost thread is still inside it.
        """
        if engine == "asr":
            self.asr.take()
            self.asr.start()
        elif engine == "tts":
            self.tts.take()
            self.tts.start()


class _Closable(Protocol):
    def close(self) -> None: ...


Engine = TypeVar("Engine", bound=_Closable)


def _renew(once: LoadOnce[Engine], load: Callable[[], Engine], *, both_fit: bool) -> None:
    if once.peek() is None:
        return
    old = once.put(load()) if both_fit else once.take()
    if old is not None:
        old.close()
    once.get_blocking()


def _context_seconds(wanted: float | Literal["auto", "full"], model: ASRModel) -> float | None:
    """The least context to hear with; None for the whole window."""
    if wanted == "auto":
        return model.context_seconds
    return None if wanted == "full" else wanted


def _device(device: str, compute_type: str) -> tuple[str, str]:
    if device == "auto":
        device = "cuda" if _has_gpu() else "cpu"
    if compute_type == "auto":
        compute_type = "float16" if device == "cuda" else "int8"
    return device, compute_type


def _has_gpu() -> bool:
    try:
        return bool(ctranslate2.get_cuda_device_count() > 0)
    except RuntimeError:
        return False


_default_lock = threading.Lock()
_default: SharedEngines | None = None


def configure_shared(shared: SharedEngines) -> None:
    """Make `shared` the process's own; whoever asked before keeps what it got."""
    global _default
    with _default_lock:
        _default = shared


def shared_engines() -> SharedEngines:
    """The process's models; the demo pair when nothing was configured."""
    global _default
    with _default_lock:
        if _default is None:
            _default = SharedEngines()
        return _default


def release_shared() -> None:
    """Free the process's models and threads; the next request starts anew."""
    global _default
    with _default_lock:
        shared, _default = _default, None
    if shared is not None:
        shared.close()


async def get_shared_asr() -> StreamingASR:
    """The process's recogniser, loaded and warm; from any event loop, one load for all."""
    return await shared_engines().asr.get()


async def get_shared_tts() -> StreamingTTS:
    """The process's voice, loaded and warm; from any event loop, one load for all."""
    return await shared_engines().tts.get()

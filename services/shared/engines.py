"""The models of this process: each loaded once, warmed, shared by every room, replaceable."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol, TypeVar

from ..asr.config import ASRLoadError
from ..asr.engine import StreamingASR
from ..host.cores import available_cores, plan_threads
from ..host.process_memory import measure_growth
from ..inference import InferenceScheduler
from ..models import (
    DEMO_ASR,
    DEMO_VOICE,
    ASRModel,
    ModelError,
    Voice,
    resolve_asr,
    resolve_first_voice,
)
from ..tts.engine import StreamingTTS
from ..tts.types import TTSLoadError
from ..vad.silero import VoiceActivityModel
from .config import EngineConfig, LoadedModel
from .load_once import LoadOnce
from .starting import start_asr, start_tts

logger = logging.getLogger("services.shared")


class _Closable(Protocol):
    def close(self) -> None: ...


Engine = TypeVar("Engine", bound=_Closable)
Model = TypeVar("Model", ASRModel, Voice)


class SharedEngines:
    """Owns the inference scheduler and the models; safe from any thread and event loop."""

    def __init__(
        self,
        config: EngineConfig | None = None,
        *,
        on_recognition: Callable[[float, float], object] | None = None,
        on_synthesis: Callable[[float, float], object] | None = None,
    ) -> None:
        """Start the scheduler's threads; models are loaded on first use.

        The callables receive the seconds of audio and of computing after each transcription and
        each sentence. They are called from any thread and must be quick.
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
        self._notices: dict[str, str] = {}
        self._loaded: dict[str, LoadedModel] = {}
        self._logged: tuple[LoadedModel, LoadedModel] | None = None
        self.asr = LoadOnce("asr", self._load_asr, discard=StreamingASR.close)
        self.tts = LoadOnce("tts", self._load_tts, discard=StreamingTTS.close)
        self.voice_activity = LoadOnce("voice activity", self._load_voice_activity)

    async def prewarm(self) -> None:
        """Load and warm everything that a room needs. Raises what a load raises."""
        await self.voice_activity.get()
        await self.asr.get()
        await self.tts.get()
        self._log_models()

    @property
    def notices(self) -> list[str]:
        """Which models the demo ones replace, and why, for operators."""
        with self._lock:
            return list(self._notices.values())

    @property
    def loaded(self) -> dict[str, LoadedModel]:
        """The models in use by role: `asr`, `voice`, `voice activity`."""
        with self._lock:
            return dict(self._loaded)

    def voice_sample_rate(self) -> int:
        """Return the sample rate in Hz of the voice that is loaded, or will be."""
        voice = self.tts.peek()
        if voice is not None:
            return voice.sample_rate
        try:
            return resolve_first_voice(self.config.voices, cache=self.config.cache).sample_rate
        except ModelError:
            return DEMO_VOICE.sample_rate

    def reload(self, *, both_fit: bool) -> None:
        """Load recogniser and voice again; blocks, for a thread without an event loop.

        With `both_fit` the old model serves until the new one is warm. Otherwise it is released
        first, and callers wait for the new one. Running calls finish on the old model.
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
        engine, loaded, problem = self._load(
            lambda: resolve_asr(config.asr, cache=config.cache),
            lambda model: start_asr(model, config, self._plan, self.scheduler),
            demo=None if config.asr == DEMO_ASR.name else DEMO_ASR,
            called="recogniser",
        )
        engine.on_recognition = self._on_recognition
        used = engine.config.context_seconds or engine.config.window_seconds
        self._note("asr", loaded, problem, context_seconds=used)
        return engine

    def _load_tts(self) -> StreamingTTS:
        config = self.config
        engine, loaded, problem = self._load(
            lambda: resolve_first_voice(config.voices, cache=config.cache),
            lambda voice: start_tts(voice, config, self._plan, self.scheduler),
            demo=None if config.voices == (DEMO_VOICE.name,) else DEMO_VOICE,
            called="voice",
        )
        engine.on_synthesis = self._on_synthesis
        self._note("voice", loaded, problem)
        return engine

    def _load(
        self,
        resolve: Callable[[], Model],
        start: Callable[[Model], Engine],
        *,
        demo: Model | None,
        called: str,
    ) -> tuple[Engine, LoadedModel, str | None]:
        """Start the configured model, or the demo one if it is unusable; return the problem too."""
        problem = None
        try:
            model = resolve()
            with measure_growth() as growth:
                engine = start(model)
        except (ModelError, ASRLoadError, TTSLoadError) as error:
            if demo is None:
                raise
            problem = f"{error}. The demo {called} takes its place."
            logger.error("model unusable, demo takes its place", extra={"error": str(error)})
            model = demo
            with measure_growth() as growth:
                engine = start(model)
        loaded = LoadedModel(model.name, model.demo, growth.bytes, model.source, model.note)
        return engine, loaded, problem

    def _note(
        self, role: str, loaded: LoadedModel, problem: str | None = None, **facts: float
    ) -> None:
        with self._lock:
            self._loaded[role] = loaded
            self._notices.pop(role, None)
            if problem:
                self._notices[role] = problem
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

    def _log_models(self) -> None:
        asr, voice = self.loaded["asr"], self.loaded["voice"]
        with self._lock:
            logged, self._logged = self._logged, (asr, voice)
        if logged == (asr, voice):
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
        """Load a fresh engine after a call of the old one did not return.

        The old one is not closed, since the lost thread is still inside it.
        """
        if engine == "asr":
            self.asr.take()
            self.asr.start()
        elif engine == "tts":
            self.tts.take()
            self.tts.start()


def _renew(once: LoadOnce[Engine], load: Callable[[], Engine], *, both_fit: bool) -> None:
    if once.peek() is None:
        return
    old = once.put(load()) if both_fit else once.take()
    if old is not None:
        old.close()
    once.get_blocking()


_default_lock = threading.Lock()
_default: SharedEngines | None = None


def configure_shared(shared: SharedEngines) -> None:
    """Make `shared` the engines of the process, for requests from now on."""
    global _default
    with _default_lock:
        _default = shared


def shared_engines() -> SharedEngines:
    """Return the engines of the process: the demo models unless others were configured."""
    global _default
    with _default_lock:
        if _default is None:
            _default = SharedEngines()
        return _default


def release_shared() -> None:
    """Free the engines of the process; the next request starts anew."""
    global _default
    with _default_lock:
        shared, _default = _default, None
    if shared is not None:
        shared.close()


async def get_shared_asr() -> StreamingASR:
    """Return the recogniser of the process, loaded and warm; safe from any event loop."""
    return await shared_engines().asr.get()


async def get_shared_tts() -> StreamingTTS:
    """Return the voice of the process, loaded and warm; safe from any event loop."""
    return await shared_engines().tts.get()

"""The models of this process: each loaded once, warmed, shared by every room, replaceable."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any

from ..asr.interface import ASREngine
from ..audio.samples import Samples
from ..host.cores import available_cores, plan_threads
from ..host.process_memory import measure_growth
from ..inference import InferenceScheduler, Priority
from ..models import (
    DEMO_ASR,
    DEMO_VOICE,
    ModelError,
    resolve_first_voice,
)
from ..tts.interface import TTSEngine
from ..vad.silero import VoiceActivityModel
from .acoustic import ROLE as _END_OF_TURN
from .acoustic import SharedAcousticModel
from .config import EngineConfig, LoadedModel, ModelInUse, ModelProcess
from .load_once import LoadOnce
from .local_kinds import asr_kind, voice_kind
from .model_kind import ModelKind
from .model_slot import ModelSlot
from .pool import ModelPool
from .shared_model import Lease, SharedModel

logger = logging.getLogger("services.shared")

SharedASR = SharedModel[str, Any, ASREngine]
"""A recogniser, as it was asked for."""
SharedVoice = SharedModel[tuple[str, ...], Any, TTSEngine]
"""A voice, as it was asked for."""

_VOICE_ACTIVITY = "voice activity"


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
        self.headroom_bytes: Callable[[], int] | None = None
        """Returns how much may be allocated now; may block some milliseconds. May be set later."""
        self._lock = threading.Lock()
        self._loading = threading.Lock()
        self._loaded_vad: LoadedModel | None = None
        self._logged: object = None
        self._kept: list[Lease] = []
        self._recognisers = ModelPool(
            self._asr_kind(),
            default=self.config.asr,
            demo=DEMO_ASR.name,
            stand_ins=self.config.stand_ins,
            loading=self._loading,
            make_room=self._make_room,
        )
        self._voices = ModelPool(
            self._voice_kind(),
            default=self.config.voices,
            demo=(DEMO_VOICE.name,),
            stand_ins=self.config.stand_ins,
            loading=self._loading,
            make_room=self._make_room,
        )
        self.asr: SharedASR = self._recognisers.default
        """The recogniser of the configuration."""
        self.tts: SharedVoice = self._voices.default
        """The voice of the configuration."""
        self.voice_activity = LoadOnce(_VOICE_ACTIVITY, self._load_voice_activity)
        self.acoustic = self._acoustic_model()
        """Judges whether a voice sounds finished; None where no such model serves."""

    def recogniser(self, name: str | None = None) -> SharedASR:
        """Return a recogniser by catalogue name or folder, loaded or not; None for the default.

        One that turns out to be unusable is replaced by the default one, and that by the demo one.
        """
        return self.asr if name is None else self._recognisers.of(name)

    def voice(self, names: Iterable[str] | None = None) -> SharedVoice:
        """Return the first available voice of several; otherwise like `recogniser`."""
        wanted = tuple(names or ())
        return self._voices.of(wanted) if wanted else self.tts

    async def prewarm(
        self, recogniser: SharedASR | None = None, voice: SharedVoice | None = None
    ) -> None:
        """Load and warm what a room needs, and keep it loaded. Raises what a load raises."""
        asr, tts = recogniser or self.asr, voice or self.tts
        await self.voice_activity.get()
        leases = [asr.use(), tts.use()]
        with self._lock:
            self._kept += leases
        await asr.get()
        await tts.get()
        await self.acoustic.get()
        self._log_models(asr, tts)

    @property
    def notices(self) -> list[str]:
        """Which models are missing, why, and what serves instead, for operators."""
        problems = [asked.problem for asked in self._asked] + [self.acoustic.problem]
        return [problem for problem in problems if problem]

    @property
    def loaded(self) -> dict[str, LoadedModel]:
        """The default models that are loaded: `asr`, `voice`, `voice activity`, `end of turn`."""
        found = {
            "asr": self.asr.slot.loaded if self.asr.slot is not None else None,
            "voice": self.tts.slot.loaded if self.tts.slot is not None else None,
            _VOICE_ACTIVITY: self._loaded_vad,
            _END_OF_TURN: self.acoustic.loaded,
        }
        return {role: model for role, model in found.items() if model is not None}

    @property
    def in_use(self) -> list[ModelInUse]:
        """Every loaded model."""
        models = [
            ModelInUse(slot.role, slot.part, slot.loaded, slot.users)
            for slot in self._slots
            if slot.loaded is not None
        ]
        always = {_VOICE_ACTIVITY: self._loaded_vad, _END_OF_TURN: self.acoustic.loaded}
        models += [
            ModelInUse(role, f"{role} model", loaded, 1)
            for role, loaded in always.items()
            if loaded is not None
        ]
        return models

    @property
    def loads(self) -> dict[str, int]:
        """How often models were loaded, by role."""
        return {
            "asr": sum(slot.once.loads for slot in self._recognisers.slots),
            "voice": sum(slot.once.loads for slot in self._voices.slots),
            _VOICE_ACTIVITY: self.voice_activity.loads,
            _END_OF_TURN: self.acoustic.loads,
        }

    @property
    def loaded_voices(self) -> list[TTSEngine]:
        """Every loaded voice."""
        voices = (slot.once.peek() for slot in self._voices.slots)
        return [voice for voice in voices if voice is not None]

    @property
    def pending_bytes(self) -> int:
        """What models that somebody has asked to use will take, and are not loaded yet."""
        return self._recognisers.pending_bytes + self._voices.pending_bytes

    @property
    def idle_bytes(self) -> int:
        """What `unload_idle` could free."""
        return sum(used.model.memory_bytes for used in self.in_use if not used.users)

    @property
    def elsewhere(self) -> ModelProcess | None:
        """The process that holds the models; None where this one does."""
        return None

    @property
    def waiting_calls(self) -> int:
        """Queued model calls that conversations are waiting for."""
        queued = self.scheduler.stats().queued
        return queued[Priority.FINAL] + queued[Priority.SPECULATIVE]

    def voice_sample_rate(self, voice: SharedVoice | None = None) -> int:
        """Return the sample rate in Hz of a voice that is loaded, or will be; None: the default."""
        asked = voice or self.tts
        engine = asked.peek()
        if engine is not None:
            return engine.sample_rate
        try:
            return resolve_first_voice(asked.request, cache=self.config.cache).sample_rate
        except ModelError:
            return DEMO_VOICE.sample_rate

    async def judge_turn(
        self,
        samples: Samples,
        *,
        owner: str,
        deadline_seconds: float,
        queue_seconds: float | None = None,
    ) -> float | None:
        """Return the probability that a speaker has finished; None where no model serves.

        `AcousticModel.probability` describes the audio, `InferenceScheduler.run` the rest. Raises
        InferenceError, or what the model raises.
        """
        model = await self.acoustic.get()
        if model is None:
            return None
        return await self.scheduler.run(
            lambda _: model.probability(samples),
            engine=_END_OF_TURN,
            owner=owner,
            priority=Priority.FINAL,
            deadline_seconds=deadline_seconds,
            queue_seconds=queue_seconds,
        )

    def unload_idle(self) -> str | None:
        """Unload the model that has been idle longest; return its name, None if none is idle.

        Models are loaded again when they are needed.
        """
        idle = [slot for slot in self._slots if not slot.users and slot.loaded is not None]
        for slot in sorted(idle, key=lambda slot: slot.used_at):
            if slot.unload():
                name: str = slot.model.name
                return name
        return None

    def reload(self, *, both_fit: bool) -> None:
        """Load every loaded model again, one by one; blocks, for a thread without an event loop.

        With `both_fit` the old model serves until the new one is warm. Otherwise it is released
        first, and callers wait for the new one. Running calls finish on the old model.
        """
        for slot in self._slots:
            slot.renew(both_fit=both_fit)

    def close(self) -> None:
        """End the scheduler and free the models. Idempotent; blocks a few seconds at most."""
        self.scheduler.close()
        with self._lock:
            kept, self._kept = self._kept, []
        for lease in kept:
            lease.close()
        for slot in self._slots:
            engine = slot.once.take()
            if engine is not None:
                engine.close()
        self.voice_activity.take()
        self.acoustic.take()

    @property
    def _slots(self) -> list[ModelSlot[Any, Any, Any]]:
        return [*self._recognisers.slots, *self._voices.slots]

    @property
    def _asked(self) -> list[SharedModel[Any, Any, Any]]:
        return [*self._recognisers.shared, *self._voices.shared]

    def _asr_kind(self) -> ModelKind[str, Any, ASREngine]:
        return asr_kind(
            self.config, self._plan, self.scheduler, on_recognition=self._on_recognition
        )

    def _voice_kind(self) -> ModelKind[tuple[str, ...], Any, TTSEngine]:
        return voice_kind(self.config, self._plan, self.scheduler, on_synthesis=self._on_synthesis)

    def _acoustic_model(self) -> SharedAcousticModel:
        return SharedAcousticModel(self.config.turn, cache=self.config.cache, loading=self._loading)

    def _make_room(self, needed_bytes: int) -> None:
        """Unload idle models, longest idle first, until a model of that size fits."""
        headroom = self.headroom_bytes
        while headroom is not None and headroom() < needed_bytes:
            if self.unload_idle() is None:
                return

    def _load_voice_activity(self) -> VoiceActivityModel:
        with self._loading, measure_growth() as growth:
            model = VoiceActivityModel.load()
        self._loaded_vad = LoadedModel("silero", False, growth.bytes)
        logger.info(
            "model ready",
            extra={
                "role": _VOICE_ACTIVITY,
                "model": "silero",
                "demo": False,
                "memory_mib": round(growth.bytes / 2**20, 1),
            },
        )
        return model

    def _log_models(self, recogniser: SharedASR, voice: SharedVoice) -> None:
        asr = recogniser.slot.loaded if recogniser.slot is not None else None
        tts = voice.slot.loaded if voice.slot is not None else None
        with self._lock:
            logged, self._logged = self._logged, (asr, tts)
        if asr is None or tts is None or logged == (asr, tts):
            return
        logger.info(
            "speech models serve",
            extra={
                "recogniser": asr.name,
                "recogniser_source": asr.source,
                "voice": tts.name,
                "voice_source": tts.source,
                **({"voice_note": tts.note} if tts.note else {}),
            },
        )

    def _replace_wedged(self, engine: str) -> None:
        """Load a fresh engine after a call of the old one did not return.

        The old one is not closed, since the lost thread is still inside it.
        """
        for slot in self._slots:
            if slot.engine == engine:
                slot.once.take()
                slot.once.start()
        if engine == _END_OF_TURN:
            self.acoustic.take()
            self.acoustic.start()

"""The engines of a process whose models are in a speech process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..asr.interface import ASREngine
from ..audio.samples import Samples
from ..inference import InferenceError, Priority
from ..models import ModelError
from ..shared.acoustic import ROLE, SharedAcousticModel, TurnModel
from ..shared.config import EngineConfig, LoadedModel, ModelInUse, ModelProcess, ProcessMemory
from ..shared.engines import SharedEngines
from ..shared.model_kind import ModelKind
from ..tts.interface import TTSEngine
from .frames import FrameError, Header
from .link import SpeechLink
from .remote_asr import RemoteASR
from .remote_calls import Calls, RemoteModel
from .remote_tts import RemoteTTS
from .remote_turn import RemoteTurnModel
from .status import ServerStatus

START_SECONDS = 60.0
"""How long a model is waited for while the speech process cannot be reached."""
SOURCE = "the speech process"
"""Where its models come from, in words."""
_VOICE_ACTIVITY = "voice activity"
"""The role of the one model that stays in this process: a call takes less than its way would."""
_NO_TURN_MODEL = (
    "The speech process has no end-of-turn model (TURN_DETECTION there). Words and pauses alone "
    "decide when a caller is done."
)


class RemoteEngines(SharedEngines):
    """Takes the place of `SharedEngines` where a speech process has the models.

    Its scheduler runs what stays in this process, such as voice activity of whole recordings; its
    guard and observer see the calls of the speech process too. What computing took is counted
    there, so `on_recognition` and `on_synthesis` are not called here.
    """

    def __init__(
        self,
        config: EngineConfig,
        path: Path,
        *,
        revive: Callable[[], object] | None = None,
    ) -> None:
        """Connect when something is asked for first.

        `config` has the models to ask for, by names; how they run is the server's to say.
        `revive` starts the server, in a thread, when it cannot be reached.
        """
        self.link = SpeechLink(path, revive=revive)
        super().__init__(config)

    @property
    def status(self) -> ServerStatus | None:
        """What the speech process last said of itself; None while it is not there."""
        return self.link.status

    async def reach(self, within_seconds: float) -> ServerStatus | None:
        """Return the state of the speech process once it answers; None if it does not in time."""
        try:
            await self.link.request({"type": "ping"}, wait_seconds=within_seconds)
        except InferenceError:
            return None
        return self.link.status

    @property
    def elsewhere(self) -> ModelProcess:
        status = self.link.status
        return ModelProcess(
            str(self.link.path),
            self.link.problem,
            status.memory if status is not None else ProcessMemory(),
        )

    @property
    def notices(self) -> list[str]:
        problem = self.link.problem if self.link.started else ""
        return [*([problem] if problem else []), *super().notices]

    @property
    def in_use(self) -> list[ModelInUse]:
        """Every model that this process uses; those of the other take no memory here."""
        return [
            used
            if used.role == _VOICE_ACTIVITY
            else replace(used, model=replace(used.model, memory_bytes=0))
            for used in super().in_use
        ]

    @property
    def loads(self) -> dict[str, int]:
        """How often this process loaded models: the other one counts its own."""
        return {role: n if role == _VOICE_ACTIVITY else 0 for role, n in super().loads.items()}

    @property
    def waiting_calls(self) -> int:
        status = self.link.status
        queued = status.queued if status is not None else {}
        urgent = (Priority.FINAL, Priority.SPECULATIVE)
        return super().waiting_calls + sum(queued.get(priority, 0) for priority in urgent)

    async def judge_turn(
        self,
        samples: Samples,
        *,
        owner: str,
        deadline_seconds: float,
        queue_seconds: float | None = None,
    ) -> float | None:
        model = await self.acoustic.get()
        if not isinstance(model, RemoteTurnModel):
            return None
        return await model.judge(
            samples, owner=owner, deadline_seconds=deadline_seconds, queue_seconds=queue_seconds
        )

    def reload(self, *, both_fit: bool) -> None:
        """Do nothing: the models take no memory here."""

    def close(self) -> None:
        """Leave the speech process. Idempotent; blocks a few seconds at most."""
        super().close()
        self.link.close()

    def _asr_kind(self) -> ModelKind[str, Any, ASREngine]:
        calls, config = Calls(self.link, self.scheduler), self.config

        def start(model: RemoteModel, engine: str, is_default: bool) -> ASREngine:
            return RemoteASR(model, calls, language=config.language, engine=engine)

        return ModelKind(
            role="asr",
            engine="asr",
            called="recogniser",
            find=lambda name: _find(self.link, {"role": "asr", "model": name}),
            place=_place,
            start=start,
            weights=lambda _: None,
            facts=lambda _: {},
        )

    def _voice_kind(self) -> ModelKind[tuple[str, ...], Any, TTSEngine]:
        calls, config = Calls(self.link, self.scheduler), self.config

        def start(model: RemoteModel, engine: str, is_default: bool) -> TTSEngine:
            return RemoteTTS(
                model,
                calls,
                speaker=config.speaker if is_default else None,
                speed=config.speed,
                engine=engine,
            )

        return ModelKind(
            role="voice",
            engine="tts",
            called="voice",
            find=lambda names: _find(self.link, {"role": "voice", "voices": list(names)}),
            place=_place,
            start=start,
            weights=lambda _: None,
            facts=lambda _: {},
        )

    def _acoustic_model(self) -> SharedAcousticModel:
        return _SharedRemoteAcoustic(self.config, Calls(self.link, self.scheduler))


class _SharedRemoteAcoustic(SharedAcousticModel):
    """The end-of-turn model of the speech process, if it has one."""

    def __init__(self, config: EngineConfig, calls: Calls) -> None:
        super().__init__(config.turn, cache=config.cache, loading=threading.Lock())
        self._calls = calls

    def _load_model(self) -> TurnModel | None:
        if self._wanted is None:
            return None
        answer = self._calls.link.request_blocking(
            {"type": "open", "role": "turn"}, wait_seconds=START_SECONDS
        )
        if not answer.get("serves"):
            self.loaded = None
            self.problem = str(answer.get("reason") or _NO_TURN_MODEL)
            return None
        self.loaded = LoadedModel(str(answer.get("name")), False, 0, source=SOURCE)
        self.problem = ""
        return RemoteTurnModel(self._calls, engine=ROLE)


def _find(link: SpeechLink, wanted: Header) -> RemoteModel:
    """Have a model loaded; blocks. Raises ModelError, EngineLost."""
    answer = link.request_blocking({"type": "open", **wanted}, wait_seconds=START_SECONDS)
    try:
        return RemoteModel.read(wanted, answer)
    except FrameError as error:
        raise ModelError(f"the speech process answers oddly: {error}") from error


def _place(model: RemoteModel) -> Path:
    """Return what tells the models of the speech process apart; no file is there."""
    return Path("/dev/null") / SOURCE / model.name

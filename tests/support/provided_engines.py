"""Engines of a test's own for the plugins, beside those that the process shares."""

from __future__ import annotations

from typing import Any

from services.asr.engine import StreamingASR
from services.shared.engines import SharedEngines
from services.shared.process_engines import shared_engines
from services.shared.shared_model import Lease, SharedModel
from services.tts.engine import StreamingTTS


class ProvidedEngines(SharedEngines):
    """Provides a recogniser, with the shared voice activity model, or a voice."""

    def __init__(self, *, asr: StreamingASR | None = None, tts: StreamingTTS | None = None) -> None:
        self.scheduler = shared_engines().scheduler
        if asr is not None:
            self.asr = Provided(asr)
            self.voice_activity = shared_engines().voice_activity
        if tts is not None:
            self.tts = Provided(tts)


class Provided(SharedModel[Any, Any, Any]):
    """A model that is there from the start."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    async def get(self) -> Any:
        return self._engine

    def peek(self) -> Any:
        return self._engine

    def put(self, engine: Any) -> Any:
        before, self._engine = self._engine, engine
        return before

    def use(self) -> Lease:
        return Lease(lambda: None)

"""Engines of a test's own for the plugins, beside those that the process shares."""

from __future__ import annotations

from typing import TypeVar

from services.asr.engine import StreamingASR
from services.shared.engines import SharedEngines, shared_engines
from services.shared.load_once import LoadOnce
from services.tts.engine import StreamingTTS

T = TypeVar("T")


class ProvidedEngines(SharedEngines):
    """Provides a recogniser, with the shared voice activity model, or a voice."""

    def __init__(self, *, asr: StreamingASR | None = None, tts: StreamingTTS | None = None) -> None:
        if asr is not None:
            self.asr = loaded("asr", asr)
            self.voice_activity = shared_engines().voice_activity
        if tts is not None:
            self.tts = loaded("tts", tts)


def loaded(name: str, value: T) -> LoadOnce[T]:
    once = LoadOnce(name, lambda: value)
    once.put(value)
    return once

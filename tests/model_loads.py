"""Counts how often each of the models that the tests share is loaded in this process."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest


class ModelLoads:
    """Watches the engines' own `load`, whoever calls it."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        from services.asr import StreamingASR
        from services.models.demo import DEMO_ASR, DEMO_VOICE
        from services.tts import StreamingTTS
        from services.voice_activity import VoiceActivityModel

        self._counts: Counter[str] = Counter()
        self._watch(patch, StreamingASR, "recogniser", DEMO_ASR.folder)
        self._watch(patch, StreamingTTS, "voice", DEMO_VOICE.model)
        self._watch(patch, VoiceActivityModel, "voice activity", None)

    def take_again(self) -> dict[str, int]:
        """Models that were loaded more than once, with how often; told once."""
        again = {name: count for name, count in self._counts.items() if count > 1}
        self._counts.update({name: 1 - count for name, count in again.items()})
        return again

    def _watch(
        self, patch: pytest.MonkeyPatch, engine: Any, name: str, shared: Path | None
    ) -> None:
        load = engine.load

        def counted(config: Any = None, **rest: Any) -> Any:
            if getattr(config, "model", config) == shared:
                self._counts[name] += 1
            return load(config, **rest)

        patch.setattr(engine, "load", counted)

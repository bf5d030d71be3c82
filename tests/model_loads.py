"""Counts how often each of the models that the tests share is loaded in this process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
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
        self._known: Counter[str] = Counter()
        self._shared: Callable[[], dict[str, int]] | None = None
        self._watch(patch, StreamingASR, "recogniser", DEMO_ASR.folder)
        self._watch(patch, StreamingTTS, "voice", DEMO_VOICE.model)
        self._watch(patch, VoiceActivityModel, "voice activity", None)

    def take_copies(self) -> dict[str, int]:
        """How many copies beside the shared one were loaded, by model, since this was asked."""
        shared = self._shared() if self._shared is not None else {}
        copies = self._counts - Counter({name: min(1, loads) for name, loads in shared.items()})
        new, self._known = copies - self._known, copies
        return dict(new)

    def expect(self, shared: Callable[[], dict[str, int]]) -> None:
        """`shared` tells how often each of the shared models was loaded: once is right."""
        self._shared = shared

    def _watch(
        self, patch: pytest.MonkeyPatch, engine: Any, name: str, shared: Path | None
    ) -> None:
        load = engine.load

        def counted(config: Any = None, **rest: Any) -> Any:
            if getattr(config, "model", config) == shared:
                self._counts[name] += 1
            return load(config, **rest)

        patch.setattr(engine, "load", counted)

"""Counts how often each of the models that the tests share is loaded in this process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

_NO_MORE: Mapping[Path | None, str] = {}


class ModelLoads:
    """Watches the engines' own `load`, whoever calls it."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        from services.asr.engine import StreamingASR
        from services.models.demo import DEMO_ASR, DEMO_VOICE
        from services.tts.engine import StreamingTTS
        from services.vad.silero import VoiceActivityModel

        self._counts: Counter[str] = Counter()
        self._known: Counter[str] = Counter()
        self._shared: list[Callable[[], Mapping[str, int]]] = []
        self._names: dict[Path | None, str] = {
            DEMO_ASR.folder: "recogniser",
            DEMO_VOICE.model: "voice",
            None: "voice activity",
        }
        for engine in (StreamingASR, StreamingTTS, VoiceActivityModel):
            self._watch(patch, engine)

    def take_copies(self) -> dict[str, int]:
        """How many copies beside the shared one were loaded, by model, since this was asked."""
        shared: Counter[str] = Counter()
        for loads in self._shared:
            shared.update({name: min(1, count) for name, count in loads().items()})
        copies = self._counts - shared
        new, self._known = copies - self._known, copies
        return dict(new)

    def expect(
        self, shared: Callable[[], Mapping[str, int]], more: Mapping[Path | None, str] = _NO_MORE
    ) -> None:
        """`shared` tells how often each of the shared models was loaded: once is right.

        `more` names models, by folder or file, that are to be watched as well.
        """
        self._shared.append(shared)
        self._names.update(more)

    def _watch(self, patch: pytest.MonkeyPatch, engine: Any) -> None:
        load = engine.load

        def counted(config: Any = None, **rest: Any) -> Any:
            name = self._names.get(getattr(config, "model", config))
            if name is not None:
                self._counts[name] += 1
            return load(config, **rest)

        patch.setattr(engine, "load", counted)

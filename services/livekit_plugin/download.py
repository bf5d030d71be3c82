"""Fetches the models that the plugin uses."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..models import (
    ASR_CATALOGUE,
    DEFAULT_ASR,
    DEFAULT_TURN,
    ConsoleProgress,
    fetch_asr,
    fetch_turn,
    fetch_voice,
)
from ..models.sources import Sources
from .engines import DEFAULT_VOICE, has_piper, models_folder


def default_models() -> tuple[str, ...]:
    """Return the names of the models that `STT()`, `TTS()` and `TurnDetector()` use."""
    voice = (DEFAULT_VOICE,) if has_piper() else ()
    return (DEFAULT_ASR, *voice, DEFAULT_TURN)


def download(names: Iterable[str] = ()) -> None:
    """Fetch models by catalogue name, without any the default ones, unless they are there.

    Blocks for minutes. Raises ModelError, whose text says what to do.
    """
    folder = models_folder()
    progress = ConsoleProgress()
    with Sources() as sources:
        for name in tuple(names) or default_models():
            _fetcher(name)(name, cache=folder, progress=progress, sources=sources)


def _fetcher(name: str) -> Callable[..., object]:
    if name == DEFAULT_TURN:
        return fetch_turn
    return fetch_asr if name in ASR_CATALOGUE else fetch_voice

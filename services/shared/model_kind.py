"""What differs between the kinds of models that a pool shares."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from ..asr.config import ASRLoadError
from ..models import ModelError
from ..tts.types import TTSLoadError

UNUSABLE = (ModelError, ASRLoadError, TTSLoadError)
"""Errors of a model for which another one takes its place."""


class Closable(Protocol):
    """An engine."""

    def close(self) -> None:
        """Free the model once the running calls have ended."""

    def retire(self, successor: Callable[[], Awaitable[Any]]) -> None:
        """The same, and pass what its holders ask of it on to the engine in its place."""


class ModelFiles(Protocol):
    """A model whose files were found on this machine."""

    @property
    def name(self) -> str: ...
    @property
    def demo(self) -> bool: ...
    @property
    def source(self) -> str: ...
    @property
    def note(self) -> str: ...


Engine = TypeVar("Engine", bound=Closable)
Model = TypeVar("Model", bound=ModelFiles)
Request = TypeVar("Request", bound=Hashable)


@dataclass(frozen=True, slots=True)
class ModelKind(Generic[Request, Model, Engine]):
    """What differs between recognisers and voices. The callables block, in a loading thread."""

    role: str
    """In logs, metrics and the breakdown of memory."""
    engine: str
    """The name of the default model's calls at the scheduler; other models add their own."""
    called: str
    """In sentences."""
    find: Callable[[Request], Model]
    """Finds and checks the files; raises ModelError."""
    place: Callable[[Model], Path]
    """Where its largest file is: two requests that find the same one share one engine."""
    start: Callable[[Model, str, bool], Engine]
    """Loads and warms it; receives the name of its calls, and whether it is the default's."""
    weights: Callable[[Request], Path | None]
    """The same of a request, without a check; None if it is not on this machine."""
    facts: Callable[[Engine], dict[str, str | float]]
    """For the log."""

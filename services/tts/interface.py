"""What every voice does, wherever it computes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import Any, Protocol

from .. import defaults
from ..inference import DynamicPriority, Priority
from .types import Delivery, SynthesisPiece

AS_LOADED = Delivery()
"""The speaker and the speed with which the voice was loaded."""


class TTSEngine(Protocol):
    """A loaded voice, shared by all rooms; every method is safe from any thread or event loop."""

    name: str
    language: str
    """ISO 639-1 code of what it speaks."""
    sample_rate: int
    """Hz."""
    speakers: int
    """How many speakers the voice has."""
    can_stream: bool
    """Whether sound is computed in windows, rather than a clause at a time."""

    @property
    def cached_bytes(self) -> int:
        """Memory of this process that cached phrases use."""

    def synthesize(
        self,
        sentence: str,
        *,
        owner: str,
        priority: Priority | DynamicPriority = Priority.FINAL,
        deadline_seconds: float = defaults.TTS_TIMEOUT_SECONDS,
        delivery: Delivery = AS_LOADED,
    ) -> AsyncGenerator[SynthesisPiece, None]:
        """Synthesize one sentence, piece by piece; few are computed before they are wanted.

        The deadline applies to the engine time of the whole sentence, without waiting, and stops
        the computation itself, as do cancelling the task and closing the generator. Pieces of a
        fixed phrase are shared and read-only. Text without sound yields one empty piece with its
        words; empty text yields nothing.

        Raises SynthesisTimeout, SynthesisError, QueueFull, EngineUnavailable or EngineLost.
        """

    async def remember(
        self,
        phrases: Iterable[str],
        *,
        owner: str = "phrases",
        priority: Priority = Priority.BATCH,
        delivery: Delivery = AS_LOADED,
    ) -> None:
        """Synthesize these phrases now and cache them, sentence by sentence."""

    def forget_phrases(self) -> int:
        """Drop the phrases that this process has cached; returns the bytes freed."""

    def close(self) -> None:
        """Let go of the voice; sentences in progress are finished. Idempotent."""

    def retire(self, successor: Callable[[], Awaitable[Any]]) -> None:
        """Close it; whoever still holds it is served by what `successor` returns, or as before."""

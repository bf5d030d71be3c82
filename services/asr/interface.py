"""What every recogniser does, wherever it computes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ..audio.samples import Samples
from ..inference import DynamicPriority, Priority
from .config import DecodeOptions
from .transcription import Transcription


@dataclass(frozen=True, slots=True, kw_only=True)
class ASRFacts:
    """What is known of a loaded recogniser."""

    name: str
    language: str | None
    """ISO 639-1 code of what it hears unless a call says; None to detect it in each utterance."""
    languages: frozenset[str]
    """The codes of the languages that it knows, as Whisper has them."""
    multilingual: bool
    """Whether it knows more than English."""
    window_seconds: float
    """The longest audio that it takes in one piece."""
    context_seconds: float | None
    """The least audio that its encoder is given; None for the whole window."""
    workers: int
    """Calls that it computes at once."""
    prompts: bool
    """Whether it was trained with a prompt."""
    timestamps: bool
    """Whether it was trained to write when each segment begins and ends."""
    device: str
    """`cpu` or `cuda`; empty where a speech process does not say."""
    compute_type: str
    """Such as `int8`; empty where a speech process does not say."""
    gpu_problem: str = ""
    """Why the processor takes the place of a GPU; empty if it does not."""


class ASREngine(Protocol):
    """A loaded recogniser, shared by all rooms; every method is safe from any thread."""

    @property
    def facts(self) -> ASRFacts:
        """What is known of it."""

    async def transcribe(
        self,
        samples: Samples,
        *,
        owner: str,
        priority: Priority | DynamicPriority,
        deadline_seconds: float,
        queue_seconds: float | None = None,
        options: DecodeOptions | None = None,
        start_seconds: float = 0.0,
        supersede: str | None = None,
        work: str = "",
    ) -> Transcription:
        """Transcribe audio of any length: mono float32 in [-1, 1] at 16 kHz.

        The first sample lies at `start_seconds` of the caller's clock, in which the words are
        timed; `InferenceScheduler.run` describes the other arguments. Audio longer than the model's
        window is cut at quiet places, one call per piece, so that others get their turn in
        between. Raises InferenceError or ASRError.
        """

    def close(self) -> None:
        """Let go of the model once the running calls have ended. Idempotent."""

    def retire(self, successor: Callable[[], Awaitable[Any]]) -> None:
        """Close it; whoever still holds it is served by what `successor` returns, or as before."""

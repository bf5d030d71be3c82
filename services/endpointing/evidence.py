"""What is known during a pause."""

from __future__ import annotations

from dataclasses import dataclass

from .completeness import Completeness, judge_completeness


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known during a pause."""

    text: str
    """The turn so far; empty if nothing has been recognised yet."""
    mean_log_probability: float = 0.0
    """Of the decoder, per token."""
    last_word_log_probability: float = 0.0
    """Of the last word, by the decoder."""
    closing_log_odds: float = 0.0
    """That the sentence ends after it, against another word, by the decoder."""
    language: str = "en"
    """Of the text, ISO 639-1."""
    acoustic_probability: float | None = None
    """That the voice sounds finished, by what Smart Turn hears, if it has judged."""
    second_probability: float | None = None
    """The same by LiveKit's model, if it has judged."""

    @property
    def completeness(self) -> Completeness:
        """Whether the text is complete, by its words alone."""
        return judge_completeness(self.text, self.language)

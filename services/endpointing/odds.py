"""Combines what words, decoder and voice say of a pause, by odds fitted on people's recordings.

`python -m benchmarks.turn_taking.fit` fits the weights; docs/turn-taking.md has the figures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from .evidence import Evidence

_LEAST_LOG_PROBABILITY = -4.0
_WORDS_MARGIN, _ACOUSTIC_MARGIN, _SECOND_MARGIN = 0.02, 0.001, 0.01
"""How close to 0 and 1 a probability of each witness is believed."""
_MOST_CLOSING = 9.2
"""Log odds; the recogniser's probabilities count from 1e-4."""


@dataclass(frozen=True, slots=True)
class Statements:
    """What each witness says, as log odds of the end."""

    words: float
    last_word: float
    """Its log-probability, at least -4: a word broken off is often decoded in doubt."""
    closing: float
    """The decoder's own, that the sentence ends after the last word, against another word."""
    acoustic: float
    second: float


@dataclass(frozen=True, slots=True)
class Weights:
    """What each witness is worth; at equal numbers of ends and breaks."""

    bias: float
    words: float
    last_word: float
    closing: float
    acoustic: float
    second: float = 0.0

    def log_odds(self, said: Statements) -> float:
        """Return the log odds that the caller has finished."""
        return (
            self.bias
            + self.words * said.words
            + self.last_word * said.last_word
            + self.closing * said.closing
            + self.acoustic * said.acoustic
            + self.second * said.second
        )


ENGLISH = Weights(-1.39, 0.33, 0.57, 0.51, 1.56)
ENGLISH_WITH_SECOND = Weights(-1.15, 0.32, 0.47, 0.44, 1.4, 0.41)
OTHER = Weights(-1.31, 0.01, 0.6, 0.62, 1.59)
"""For languages whose words tell less: fitted on the same recordings with punctuation alone."""
OTHER_WITH_SECOND = Weights(-1.06, 0.0, 0.49, 0.55, 1.42, 0.44)


def statements_of(evidence: Evidence) -> Statements:
    """Return what each witness says; 0 from one that says nothing."""
    return Statements(
        _log_odds(evidence.completeness.probability, _WORDS_MARGIN),
        max(_LEAST_LOG_PROBABILITY, min(0.0, evidence.last_word_log_probability)),
        min(_MOST_CLOSING, max(-_MOST_CLOSING, evidence.closing_log_odds)),
        _log_odds(evidence.acoustic_probability, _ACOUSTIC_MARGIN),
        _log_odds(evidence.second_probability, _SECOND_MARGIN),
    )


def log_odds_of_end(evidence: Evidence) -> float:
    """Return the log odds that the caller has finished; needs an acoustic probability."""
    said = statements_of(evidence)
    known, other = ENGLISH, OTHER
    if evidence.second_probability is not None:
        known, other = ENGLISH_WITH_SECOND, OTHER_WITH_SECOND
    if evidence.language.lower().startswith("en"):
        return known.log_odds(said)
    if said.words < 0:
        # Words that announce others, in the languages that have them, are as good as in English.
        other = replace(other, words=known.words)
    return other.log_odds(said)


def _log_odds(probability: float | None, margin: float) -> float:
    if probability is None:
        return 0.0
    probability = min(1.0 - margin, max(margin, probability))
    return math.log(probability / (1.0 - probability))

"""Combines what words, decoder and voice say of a pause, by odds fitted on people's recordings.

`python -m benchmarks.turn_taking.fit` fits the weights; docs/turn-taking.md has the figures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .evidence import Evidence

_LEAST_LOG_PROBABILITY = -1.5
_WORDS_MARGIN, _ACOUSTIC_MARGIN, _SECOND_MARGIN = 0.02, 0.001, 0.01
"""How close to 0 and 1 a probability of each witness is believed."""


@dataclass(frozen=True, slots=True)
class Statements:
    """What each witness says, as log odds of the end."""

    words: float
    decoder: float
    """Mean log-probability of a token, at least -1.5: a broken-off word is often decoded in
    doubt."""
    acoustic: float
    second: float


@dataclass(frozen=True, slots=True)
class Weights:
    """What each witness is worth; at equal numbers of ends and breaks."""

    bias: float
    words: float
    decoder: float
    acoustic: float
    second: float = 0.0

    def log_odds(self, said: Statements) -> float:
        """Return the log odds that the caller has finished."""
        return (
            self.bias
            + self.words * said.words
            + self.decoder * said.decoder
            + self.acoustic * said.acoustic
            + self.second * said.second
        )


ENGLISH = Weights(0.05, 0.51, 1.5, 0.33)
ENGLISH_WITH_SECOND = Weights(0.07, 0.47, 0.89, 0.2, 0.77)
OTHER = Weights(0.36, 0.67, 1.6, 0.35)
"""For languages whose words tell less: fitted on the same recordings with punctuation alone."""
OTHER_WITH_SECOND = Weights(0.38, 0.55, 0.98, 0.22, 0.8)


def statements_of(evidence: Evidence) -> Statements:
    """Return what each witness says; 0 from one that says nothing."""
    return Statements(
        _log_odds(evidence.completeness.probability, _WORDS_MARGIN),
        max(_LEAST_LOG_PROBABILITY, min(0.0, evidence.mean_log_probability)),
        _log_odds(evidence.acoustic_probability, _ACOUSTIC_MARGIN),
        _log_odds(evidence.second_probability, _SECOND_MARGIN),
    )


def log_odds_of_end(evidence: Evidence) -> float:
    """Return the log odds that the caller has finished; needs an acoustic probability."""
    english = evidence.language.lower().startswith("en")
    if evidence.second_probability is None:
        weights = ENGLISH if english else OTHER
    else:
        weights = ENGLISH_WITH_SECOND if english else OTHER_WITH_SECOND
    return weights.log_odds(statements_of(evidence))


def _log_odds(probability: float | None, margin: float) -> float:
    if probability is None:
        return 0.0
    probability = min(1.0 - margin, max(margin, probability))
    return math.log(probability / (1.0 - probability))

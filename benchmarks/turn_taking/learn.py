"""Fits the last layer of the acoustic model and the odds, and judges speakers not fitted on.

Ends and breaks count alike, however many there are of each.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.turn_taking.people import Pause, Where
from services.endpointing.acoustic import Head
from services.endpointing.evidence import Evidence
from services.endpointing.odds import statements_of

Values = NDArray[np.float64]

FOLDS = 10
REPEATS = 5
_RIDGE = 1.0
_SETTLED = 1e-6
_OF_ACCOUNT = 0.2
"""Seconds; shorter silences are no pauses to the framework."""
WITNESSES = {
    "words": (True, False, False),
    "words and voice": (True, True, False),
    "words, voice and v1-mini": (True, True, True),
    "voice alone": (False, True, False),
    "v1-mini alone": (False, False, True),
}
"""Which of words with the decoder's doubt, the voice and v1-mini are heard."""
ENGLISH, OTHER = "en", "other"
"""As the language of the recordings: for the second, only punctuation speaks."""


@dataclass(frozen=True, slots=True)
class Heard:
    """Pauses, and what layers that were fitted on other speakers make of the voices in them."""

    pauses: list[Pause]
    folds: NDArray[np.int_]
    """[repeats, pauses]: the part of the speakers that a pause is left out with."""
    voices: Values
    """[repeats, pauses], probabilities."""

    @property
    def ends(self) -> NDArray[np.bool_]:
        """Which of them are ends."""
        return np.array([pause.where in ("end", "end as cut") for pause in self.pauses])

    def only(self, *places: Where) -> Heard:
        """Return those pauses, of all recordings but the long passages."""
        chosen = [p.where in places and p.kind != "long" for p in self.pauses]
        pauses = [pause for pause, wanted in zip(self.pauses, chosen, strict=True) if wanted]
        return Heard(pauses, self.folds[:, chosen], self.voices[:, chosen])


def hear(pauses: Sequence[Pause], repeats: int = REPEATS) -> Heard:
    """Judge each voice by layers that were fitted on other speakers."""
    pauses = [p for p in pauses if p.where != "inside" or (p.seconds or 0.0) >= _OF_ACCOUNT]
    speakers = sorted({pause.speaker for pause in pauses})
    folds = np.zeros((repeats, len(pauses)), dtype=np.int_)
    voices = np.zeros((repeats, len(pauses)))
    for repeat in range(repeats):
        shuffled = random.Random(repeat).sample(speakers, len(speakers))
        fold = {speaker: index % FOLDS for index, speaker in enumerate(shuffled)}
        folds[repeat] = [fold[pause.speaker] for pause in pauses]
        for left_out in range(FOLDS):
            others = [p for p, f in zip(pauses, folds[repeat], strict=True) if f != left_out]
            head = fit_head(others)
            for index in np.flatnonzero(folds[repeat] == left_out):
                voices[repeat, index] = head.probability(pauses[index].activations)
    return Heard(list(pauses), folds, voices)


def fit_head(pauses: Sequence[Pause]) -> Head:
    """Fit the last layer, together with what the words say, so that it adds to them.

    The ends are those that were cut as the cuts were, for nothing is to be learned of the seam.
    """
    known = [p for p in pauses if p.where in ("end as cut", "cut") and p.kind != "long"]
    ends = np.array([pause.where == "end as cut" for pause in known])
    inner = np.array([pause.activations for pause in known])
    mean, spread = inner.mean(axis=0), inner.std(axis=0) + 1e-6
    said = [statements_of(evidence(pause, None, None)) for pause in known]
    beside = [(1.0, each.words, each.last_word, each.closing) for each in said]
    weights = fit(np.hstack((np.array(beside), (inner - mean) / spread)), ends)
    layer = weights[len(beside[0]) :] / spread
    return Head(float(-layer @ mean), tuple(map(float, layer)))


def features(pauses: Sequence[Pause], voices: Values, name: str, language: str = ENGLISH) -> Values:
    """Return a row for each pause: 1, and what each witness says."""
    words, voice, mini = WITNESSES[name]
    rows = []
    for pause, probability in zip(pauses, voices, strict=True):
        second = pause.acoustic["v1-mini"][0] if mini else None
        found = statements_of(evidence(pause, probability, second, language))
        row = [1.0]
        row += [found.words, found.last_word, found.closing] if words else []
        row += [found.acoustic] if voice else []
        row += [found.second] if mini else []
        rows.append(row)
    return np.array(rows)


def evidence(
    pause: Pause, voice: float | None, second: float | None = None, language: str = ENGLISH
) -> Evidence:
    """Return what the policy would be given."""
    return Evidence(
        pause.text,
        pause.mean_log_probability,
        pause.last_word_log_probability,
        pause.closing_log_odds,
        language,
        acoustic_probability=voice,
        second_probability=second,
    )


def fit(values: Values, ends: NDArray[np.bool_]) -> Values:
    """Return the weights of a logistic regression, in which both classes weigh the same."""
    share = np.where(ends, 0.5 / ends.mean(), 0.5 / (1.0 - ends.mean()))
    weights = np.zeros(values.shape[1])
    ridge = _RIDGE * np.r_[0.0, np.ones(len(weights) - 1)]
    for _ in range(50):
        probability = 1.0 / (1.0 + np.exp(-values @ weights))
        slope = values.T @ (share * (probability - ends)) + ridge * weights
        curvature = (values * (share * probability * (1.0 - probability))[:, None]).T @ values
        step = np.linalg.solve(curvature + np.diag(ridge + 1e-9), slope)
        weights -= step
        if np.abs(step).max() < _SETTLED:
            break
    return weights


def fit_weights(decided: Heard, name: str, language: str = ENGLISH) -> Values:
    """Return the weights of the witnesses, by voices as unseen speakers' sound."""
    rows = [features(decided.pauses, voices, name, language) for voices in decided.voices]
    return fit(np.vstack(rows), np.tile(decided.ends, len(rows)))


def judge_unseen(judged: Heard, decided: Heard, name: str, language: str = ENGLISH) -> Values:
    """Return the log odds of each pause by weights that were fitted on other speakers."""
    scores = np.zeros(len(judged.pauses))
    repeats = len(decided.folds)
    for repeat in range(repeats):
        rows = features(judged.pauses, judged.voices[repeat], name, language)
        known = features(decided.pauses, decided.voices[repeat], name, language)
        for left_out in range(FOLDS):
            others = decided.folds[repeat] != left_out
            weights = fit(known[others], decided.ends[others])
            chosen = judged.folds[repeat] == left_out
            scores[chosen] += rows[chosen] @ weights / repeats
    return scores


def area(ends: Values, cuts: Values) -> float:
    """Return the area under the curve: how often an end is more of an end than a cut is."""
    above = (ends[:, None] > cuts).mean()
    return float(above + 0.5 * (ends[:, None] == cuts).mean())

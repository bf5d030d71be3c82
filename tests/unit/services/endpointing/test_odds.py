"""What words, decoder and voice are worth is what people's recordings say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.turn_taking import fit
from benchmarks.turn_taking.evidence import read
from benchmarks.turn_taking.people import Pause
from services.endpointing import odds
from services.endpointing.evidence import Evidence
from services.endpointing.odds import Weights, log_odds_of_end


@pytest.fixture(scope="module")
def pauses() -> list[Pause]:
    return fit.decided_pauses([p for _, found in read(fit.COLLECTED) for p in found])


@pytest.mark.parametrize(
    ("weights", "witnesses", "language"),
    [
        (odds.ENGLISH, "words and Smart Turn", fit.ENGLISH),
        (odds.ENGLISH_WITH_SECOND, "words, Smart Turn and v1-mini", fit.ENGLISH),
        (odds.OTHER, "words and Smart Turn", fit.OTHER),
        (odds.OTHER_WITH_SECOND, "words, Smart Turn and v1-mini", fit.OTHER),
    ],
)
def test_the_weights_are_those_of_the_fit(
    pauses: list[Pause], weights: Weights, witnesses: str, language: str
) -> None:
    ends = np.array([pause.where == "end" for pause in pauses])
    fitted = fit.fit(fit.features(pauses, witnesses, language), ends)
    used = [weights.bias, weights.words, weights.decoder, weights.acoustic, weights.second]
    assert used[: len(fitted)] == pytest.approx(list(fitted), abs=0.1)


def test_speakers_that_were_not_fitted_on_are_told_apart_better_with_the_voice(
    pauses: list[Pause],
) -> None:
    ends = np.array([pause.where == "end" for pause in pauses])

    def worth(witnesses: str) -> float:
        scores = fit.judge_unseen(pauses, pauses, ends, witnesses)
        return fit.area(scores[ends], scores[~ends])

    words, voice = worth("words"), worth("words and Smart Turn")
    assert voice > words + 0.03
    assert worth("words, Smart Turn and v1-mini") > voice


@pytest.mark.parametrize("language", ["en", "en-GB", "de"])
@pytest.mark.parametrize("second", [None, 0.5])
def test_each_witness_counts_in_its_direction(language: str, second: float | None) -> None:
    def judged(text: str, doubt: float, voice: float) -> float:
        return log_odds_of_end(Evidence(text, doubt, language, voice, second))

    most = judged("what time is it?", -0.1, 0.99)
    assert most > judged("what time is...", -0.1, 0.99)
    assert most > judged("what time is it?", -0.8, 0.99)
    assert most > judged("what time is it?", -0.1, 0.05)


@pytest.mark.parametrize("voice", [0.0, 1.0])
@pytest.mark.parametrize("doubt", [0.0, -math.inf])
def test_no_witness_is_believed_beyond_measure(voice: float, doubt: float) -> None:
    assert abs(log_odds_of_end(Evidence("", doubt, "en", voice, voice))) < 10

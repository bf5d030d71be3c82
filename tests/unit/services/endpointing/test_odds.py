"""What words, decoder and voice are worth is what people's recordings say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.turn_taking import learn
from benchmarks.turn_taking.evidence import read
from benchmarks.turn_taking.fit import COLLECTED
from benchmarks.turn_taking.people import Where
from services.endpointing import odds
from services.endpointing.acoustic import Head
from services.endpointing.evidence import Evidence
from services.endpointing.odds import Weights, log_odds_of_end


@pytest.fixture(scope="module")
def heard() -> learn.Heard:
    return learn.hear([pause for _, found in read(COLLECTED) for pause in found], repeats=1)


def test_the_last_layer_is_that_of_the_fit() -> None:
    fitted = learn.fit_head([pause for _, found in read(COLLECTED) for pause in found])
    used = Head.load()
    assert used.bias == pytest.approx(fitted.bias, abs=0.01)
    assert used.weights == pytest.approx(fitted.weights, abs=0.01)


@pytest.mark.parametrize(
    ("weights", "witnesses", "language"),
    [
        (odds.ENGLISH, "words and voice", learn.ENGLISH),
        (odds.ENGLISH_WITH_SECOND, "words, voice and v1-mini", learn.ENGLISH),
        (odds.OTHER, "words and voice", learn.OTHER),
        (odds.OTHER_WITH_SECOND, "words, voice and v1-mini", learn.OTHER),
    ],
)
def test_the_weights_are_those_of_the_fit(
    heard: learn.Heard, weights: Weights, witnesses: str, language: str
) -> None:
    fitted = learn.fit_weights(heard.only("end", "cut"), witnesses, language)
    used = [weights.bias, weights.words, weights.last_word, weights.closing]
    used += [weights.acoustic, weights.second]
    assert used[: len(fitted)] == pytest.approx(list(fitted), abs=0.1)


@pytest.mark.parametrize(
    ("ends", "breaks", "gain"),
    [("end", "cut", 0.05), ("end as cut", "cut", 0.02), ("end", "inside", 0.02)],
)
def test_speakers_that_were_not_fitted_on_are_told_apart_better_with_the_voice(
    heard: learn.Heard, ends: Where, breaks: Where, gain: float
) -> None:
    """Without the seam of a cut, and in natural pauses, too."""
    decided = heard.only("end", "cut")

    def worth(witnesses: str) -> float:
        finished, broken = (
            learn.judge_unseen(heard.only(place), decided, witnesses) for place in (ends, breaks)
        )
        return learn.area(finished, broken)

    assert worth("words and voice") > worth("words") + gain


@pytest.mark.parametrize("language", ["en", "en-GB", "de"])
@pytest.mark.parametrize("second", [None, 0.5])
def test_each_witness_counts_in_its_direction(language: str, second: float | None) -> None:
    def judged(
        text: str, *, guessed: float = -0.1, closing: float = 3.0, voice: float = 0.99
    ) -> float:
        return log_odds_of_end(Evidence(text, -0.1, guessed, closing, language, voice, second))

    most = judged("what time is it?")
    assert most > judged("what time is...")
    assert most > judged("what time is it?", guessed=-0.8)
    assert most > judged("what time is it?", closing=-1.0)
    assert most > judged("what time is it?", voice=0.05)


@pytest.mark.parametrize("voice", [0.0, 1.0])
@pytest.mark.parametrize("said", [(0.0, math.inf), (-math.inf, -math.inf)])
def test_no_witness_is_believed_beyond_measure(voice: float, said: tuple[float, float]) -> None:
    assert abs(log_odds_of_end(Evidence("", -math.inf, *said, "en", voice, voice))) < 25


def test_voices_are_judged_by_layers_of_other_speakers(heard: learn.Heard) -> None:
    for folds in heard.folds:
        parts: dict[str, set[int]] = {}
        for pause, fold in zip(heard.pauses, folds, strict=True):
            parts.setdefault(pause.speaker, set()).add(int(fold))
        assert all(len(each) == 1 for each in parts.values())
        assert len(np.unique(folds)) == learn.FOLDS

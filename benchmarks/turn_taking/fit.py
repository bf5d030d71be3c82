"""Fits the odds by which the evidence in a pause is combined, and says what they are worth.

`python -m benchmarks.turn_taking.fit [FILE]`, with a file of `benchmarks.turn_taking.evidence`.
Prints the weights for `services/endpointing/odds.py`, fitted on everything, and the figures of
`docs/turn-taking.md`, for which each speaker is judged with weights fitted on other speakers.
Ends and breaks count alike, however many there are of each.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.turn_taking.evidence import read
from benchmarks.turn_taking.people import AGES_SECONDS, Pause
from services.endpointing.evidence import Evidence
from services.endpointing.odds import statements_of
from services.endpointing.policy import EndpointingPolicy

Values = NDArray[np.float64]

COLLECTED = Path(__file__).with_name("people.jsonl")
FOLDS = 10
REPEATS = 5
_RIDGE = 1.0
_IN_TIME_SECONDS = 0.45
_ANSWERED_SECONDS = 0.6
_OF_ACCOUNT = 0.2
"""Seconds; shorter silences are no pauses to the framework."""
WITNESSES = {
    "words": (True, False, False),
    "words and Smart Turn": (True, True, False),
    "words, Smart Turn and v1-mini": (True, True, True),
    "Smart Turn alone": (False, True, False),
    "v1-mini alone": (False, False, True),
}
"""Which of words with the decoder's doubt, Smart Turn and v1-mini are heard."""
ENGLISH, OTHER = "en", "other"
"""As the language of the recordings: for the second, only punctuation speaks."""


def main() -> int:
    """Print weights and figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("file", type=Path, nargs="?", default=COLLECTED)
    pauses = [pause for _, found in read(parser.parse_args().file) for pause in found]
    decided = decided_pauses(pauses)
    inside = [p for p in pauses if p.where == "inside" and (p.seconds or 0) >= _OF_ACCOUNT]
    ends = np.array([pause.where == "end" for pause in decided])
    print(f"{ends.sum()} ends, {(~ends).sum()} cuts, {len(inside)} pauses inside\n")
    _compare_ages(decided, ends)
    print()
    for name in WITNESSES:
        scores = judge_unseen(decided, decided, ends, name)
        print(f"{name:32}", _separation(scores, decided, ends))
    print("\nweights, fitted on everything:")
    for language in (ENGLISH, OTHER):
        for name in ("words and Smart Turn", "words, Smart Turn and v1-mini"):
            values = features(decided, name, language)
            print(f"{language:6} {name:32}", np.round(fit(values, ends), 2))
    print()
    recordings = {p.recording for p in pauses if p.kind != "long"}
    _report_waits(decided, ends, inside, len(recordings))
    return 0


def decided_pauses(pauses: Sequence[Pause]) -> list[Pause]:
    """Return ends and cuts, of all recordings but the long passages."""
    return [
        pause
        for pause in pauses
        if pause.where != "inside"
        and pause.kind != "long"
        and min(map(len, pause.acoustic.values())) == len(AGES_SECONDS)
    ]


def features(pauses: Sequence[Pause], name: str, language: str = ENGLISH) -> Values:
    """Return a row for each pause: 1, and what each witness says."""
    words, smart, mini = WITNESSES[name]
    rows = []
    for pause in pauses:
        found = statements_of(evidence(pause, language))
        row = [1.0]
        row += [found.words, found.decoder] if words else []
        row += [found.acoustic] if smart else []
        row += [found.second] if mini else []
        rows.append(row)
    return np.array(rows)


def evidence(pause: Pause, language: str = ENGLISH, age: int = 0) -> Evidence:
    """Return what the policy would be given."""
    return Evidence(
        pause.text,
        pause.mean_log_probability,
        language,
        acoustic_probability=pause.acoustic["smart-turn"][age],
        second_probability=pause.acoustic["v1-mini"][age],
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
        weights -= np.linalg.solve(curvature + np.diag(ridge + 1e-9), slope)
    return weights


def judge_unseen(
    judged: Sequence[Pause],
    decided: Sequence[Pause],
    ends: NDArray[np.bool_],
    name: str,
    language: str = ENGLISH,
) -> Values:
    """Return the log-odds of each pause by weights that were fitted on other speakers."""
    rows, known = features(judged, name, language), features(decided, name, language)
    speakers = sorted({pause.speaker for pause in (*judged, *decided)})
    scores = np.zeros(len(judged))
    for repeat in range(REPEATS):
        shuffled = random.Random(repeat).sample(speakers, len(speakers))
        fold = {speaker: index % FOLDS for index, speaker in enumerate(shuffled)}
        theirs = np.array([fold[pause.speaker] for pause in decided])
        ours = np.array([fold[pause.speaker] for pause in judged])
        for left_out in range(FOLDS):
            weights = fit(known[theirs != left_out], ends[theirs != left_out])
            chosen = ours == left_out
            scores[chosen] += rows[chosen] @ weights / REPEATS
    return scores


def _compare_ages(decided: Sequence[Pause], ends: NDArray[np.bool_]) -> None:
    for judge in ("smart-turn", "v1-mini"):
        areas = []
        for age, seconds in enumerate(AGES_SECONDS):
            scores = np.array([pause.acoustic[judge][age] for pause in decided])
            areas.append(f"{area(scores[ends], scores[~ends]):.3f} at {seconds:g} s")
        print(f"{judge}, area by silence:", ", ".join(areas))


def area(ends: Values, cuts: Values) -> float:
    """Return the area under the curve: how often an end is more of an end than a cut is."""
    above = (ends[:, None] > cuts).mean()
    return float(above + 0.5 * (ends[:, None] == cuts).mean())


def _separation(scores: Values, decided: Sequence[Pause], ends: NDArray[np.bool_]) -> str:
    parts = [f"all {_figures(scores, ends)}"]
    kinds = np.array([pause.kind for pause in decided])
    for kind in ("request", "telephone", "read", "accent", "child", "digits", "noisy"):
        here = kinds == kind
        parts.append(f"{kind} {_figures(scores[here], ends[here])}")
    return ", ".join(parts)


def _figures(scores: Values, ends: NDArray[np.bool_]) -> str:
    passed = [
        (scores[~ends] >= np.quantile(scores[ends], 1 - share)).mean() for share in (0.9, 0.8)
    ]
    return f"{area(scores[ends], scores[~ends]):.2f} ({passed[0]:.0%}, {passed[1]:.0%})"


def _report_waits(
    decided: Sequence[Pause], ends: NDArray[np.bool_], inside: Sequence[Pause], recordings: int
) -> None:
    """Print what the product's policy makes of it, with weights fitted on other speakers."""
    print(
        "wait at ends: mean, p90, share within 0.45 s (requests); cuts answered within 0.6 s: "
        "requests, telephone, all; recordings cut in a natural pause"
    )
    for seconds in (0.25, 0.45, 0.8):
        fixed = [seconds] * len(decided), [seconds] * len(inside)
        _print_waits(f"fixed {seconds:g} s", *fixed, decided, ends, inside, recordings)
    policy = EndpointingPolicy()
    waits = [
        [policy.judge(Evidence(p.text, p.mean_log_probability)).wait_seconds for p in pauses]
        for pauses in (decided, inside)
    ]
    _print_waits("words", waits[0], waits[1], decided, ends, inside, recordings)
    for name in ("words and Smart Turn", "words, Smart Turn and v1-mini"):
        for language in (ENGLISH, OTHER):
            waits = [
                _waits(pauses, judge_unseen(pauses, decided, ends, name, language), language)
                for pauses in (decided, inside)
            ]
            label = f"{name}, {language}"
            _print_waits(label, waits[0], waits[1], decided, ends, inside, recordings)


def _waits(pauses: Sequence[Pause], scores: Values, language: str) -> list[float]:
    """Return what the product would wait, if it weighed the evidence to these scores."""
    waits = []
    for pause, score in zip(pauses, scores, strict=True):
        policy = EndpointingPolicy(log_odds=lambda _, score=score: score)  # type: ignore[misc]
        waits.append(policy.judge(evidence(pause, language)).wait_seconds)
    return waits


def _print_waits(
    name: str,
    waits: Sequence[float],
    waits_inside: Sequence[float],
    decided: Sequence[Pause],
    ends: NDArray[np.bool_],
    inside: Sequence[Pause],
    recordings: int,
) -> None:
    waited = np.array(waits)
    kinds = np.array([pause.kind for pause in decided])

    def at_ends(here: NDArray[np.bool_]) -> str:
        these = waited[ends & here]
        in_time = (these <= _IN_TIME_SECONDS + 1e-9).mean()
        return f"{these.mean():.2f} {np.quantile(these, 0.9):.2f} {in_time:.0%}"

    def cut(here: NDArray[np.bool_]) -> str:
        return f"{(waited[~ends & here] <= _ANSWERED_SECONDS).mean():.0%}"

    everywhere = np.ones(len(kinds), dtype=bool)
    interrupted: dict[str, bool] = defaultdict(bool)
    for pause, wait in zip(inside, waits_inside, strict=True):
        if pause.kind != "long":
            interrupted[pause.recording] |= wait < (pause.seconds or 0.0)
    print(
        f"{name:40} {at_ends(everywhere)} ({at_ends(kinds == 'request')});",
        f"{cut(kinds == 'request')}, {cut(kinds == 'telephone')}, {cut(everywhere)};",
        f"{sum(interrupted.values())} of {recordings}",
    )


if __name__ == "__main__":
    sys.exit(main())

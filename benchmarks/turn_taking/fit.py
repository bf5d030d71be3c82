"""Fits the odds by which the evidence in a pause is combined, and says what they are worth.

`python -m benchmarks.turn_taking.fit [FILE]`, with a file of `benchmarks.turn_taking.evidence`.
Writes the last layer of the acoustic model with `--write`, prints the weights for
`services/endpointing/odds.py`, both fitted on everything, and the figures of
`docs/turn-taking.md`, for which each speaker is judged with a layer and weights that were fitted on
other speakers. Ends and breaks count alike, however many there are of each.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.turn_taking.evidence import read
from benchmarks.turn_taking.learn import (
    ENGLISH,
    OTHER,
    WITNESSES,
    Heard,
    Values,
    area,
    evidence,
    fit_head,
    fit_weights,
    hear,
    judge_unseen,
)
from benchmarks.turn_taking.people import AGES_SECONDS, Pause
from services.endpointing.acoustic import HEAD_FILE, Head
from services.endpointing.policy import EndpointingPolicy

COLLECTED = Path(__file__).with_name("people.jsonl")
_IN_TIME_SECONDS = 0.45
_ANSWERED_SECONDS = 0.6


def main() -> int:
    """Print weights and figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("file", type=Path, nargs="?", default=COLLECTED)
    parser.add_argument("--write", action="store_true", help=f"write {HEAD_FILE.name}")
    arguments = parser.parse_args()
    pauses = [pause for _, found in read(arguments.file) for pause in found]
    if arguments.write:
        _write(fit_head(pauses))
    heard = hear(pauses)
    decided = heard.only("end", "cut")
    inside = heard.only("inside")
    print(
        f"{decided.ends.sum()} ends, {(~decided.ends).sum()} cuts, "
        f"{len(inside.pauses)} pauses inside\n"
    )
    _compare_ages(decided)
    print()
    own = np.array([pause.activations[0] for pause in decided.pauses])
    print(f"{'Smart Turn as it is':32}", _separation(own, decided))
    for name in WITNESSES:
        print(f"{name:32}", _separation(judge_unseen(decided, decided, name), decided))
    print()
    for name in ("words", "words and voice"):
        _print_fairly(name, heard)
    print("\nweights, fitted on everything:")
    for language in (ENGLISH, OTHER):
        for name in ("words and voice", "words, voice and v1-mini"):
            print(f"{language:6} {name:32}", np.round(fit_weights(decided, name, language), 2))
    print()
    recordings = {p.recording for p in pauses if p.kind != "long"}
    _report_waits(decided, inside, len(recordings))
    return 0


def _write(head: Head) -> None:
    content = {"bias": round(head.bias, 4), "weights": [round(w, 4) for w in head.weights]}
    HEAD_FILE.write_text(json.dumps(content) + "\n", encoding="utf-8")


def _compare_ages(decided: Heard) -> None:
    for judge in ("smart-turn", "v1-mini"):
        areas = []
        whole = [p for p in decided.pauses if len(p.acoustic[judge]) == len(AGES_SECONDS)]
        ends = np.array([pause.where == "end" for pause in whole])
        for age, seconds in enumerate(AGES_SECONDS):
            scores = np.array([pause.acoustic[judge][age] for pause in whole])
            areas.append(f"{area(scores[ends], scores[~ends]):.3f} at {seconds:g} s")
        print(f"{judge}, area by silence:", ", ".join(areas))


def _print_fairly(name: str, heard: Heard) -> None:
    """Print what is left without the seam of a cut, and in natural pauses."""
    decided = heard.only("end", "cut")
    scores = {
        place: judge_unseen(heard.only(place), decided, name)
        for place in ("end", "cut", "end as cut", "inside")
    }
    print(
        f"{name}: area of ends cut as the cuts are, against cuts,",
        f"{area(scores['end as cut'], scores['cut']):.2f};",
        f"of ends against natural pauses {area(scores['end'], scores['inside']):.2f}",
    )


def _separation(scores: Values, decided: Heard) -> str:
    ends = decided.ends
    parts = [f"all {_figures(scores, ends)}"]
    kinds = np.array([pause.kind for pause in decided.pauses])
    for kind in ("request", "telephone", "read", "accent", "child", "digits", "noisy"):
        here = kinds == kind
        parts.append(f"{kind} {_figures(scores[here], ends[here])}")
    return ", ".join(parts)


def _figures(scores: Values, ends: NDArray[np.bool_]) -> str:
    passed = [
        (scores[~ends] >= np.quantile(scores[ends], 1 - share)).mean() for share in (0.9, 0.8)
    ]
    return f"{area(scores[ends], scores[~ends]):.2f} ({passed[0]:.0%}, {passed[1]:.0%})"


def _report_waits(decided: Heard, inside: Heard, recordings: int) -> None:
    """Print what the product's policy makes of it, with weights fitted on other speakers."""
    print(
        "wait at ends: mean, p90, share within 0.45 s (requests); cuts answered within 0.6 s: "
        "requests, telephone, all; recordings cut in a natural pause"
    )
    for seconds in (0.25, 0.45, 0.8):
        fixed = [seconds] * len(decided.pauses), [seconds] * len(inside.pauses)
        _print_waits(f"fixed {seconds:g} s", *fixed, decided, inside, recordings)
    policy = EndpointingPolicy()
    waits = [
        [policy.judge(evidence(pause, None)).wait_seconds for pause in heard.pauses]
        for heard in (decided, inside)
    ]
    _print_waits("words", waits[0], waits[1], decided, inside, recordings)
    for name in ("words and voice", "words, voice and v1-mini"):
        for language in (ENGLISH, OTHER):
            waits = [
                _waits(heard.pauses, judge_unseen(heard, decided, name, language), language)
                for heard in (decided, inside)
            ]
            label = f"{name}, {language}"
            _print_waits(label, waits[0], waits[1], decided, inside, recordings)


def _waits(pauses: Sequence[Pause], scores: Values, language: str) -> list[float]:
    """Return what the product would wait, if it weighed the evidence to these scores."""
    waits = []
    for pause, score in zip(pauses, scores, strict=True):
        policy = EndpointingPolicy(log_odds=lambda _, score=score: score)  # type: ignore[misc]
        waits.append(policy.judge(evidence(pause, 0.5, None, language)).wait_seconds)
    return waits


def _print_waits(
    name: str,
    waits: Sequence[float],
    waits_inside: Sequence[float],
    decided: Heard,
    inside: Heard,
    recordings: int,
) -> None:
    waited = np.array(waits)
    ends = decided.ends
    kinds = np.array([pause.kind for pause in decided.pauses])

    def at_ends(here: NDArray[np.bool_]) -> str:
        these = waited[ends & here]
        in_time = (these <= _IN_TIME_SECONDS + 1e-9).mean()
        return f"{these.mean():.2f} {np.quantile(these, 0.9):.2f} {in_time:.0%}"

    def cut(here: NDArray[np.bool_]) -> str:
        return f"{(waited[~ends & here] <= _ANSWERED_SECONDS).mean():.0%}"

    everywhere = np.ones(len(kinds), dtype=bool)
    interrupted: dict[str, bool] = defaultdict(bool)
    for pause, wait in zip(inside.pauses, waits_inside, strict=True):
        interrupted[pause.recording] |= wait < (pause.seconds or 0.0)
    print(
        f"{name:40} {at_ends(everywhere)} ({at_ends(kinds == 'request')});",
        f"{cut(kinds == 'request')}, {cut(kinds == 'telephone')}, {cut(everywhere)};",
        f"{sum(interrupted.values())} of {recordings}",
    )


if __name__ == "__main__":
    sys.exit(main())

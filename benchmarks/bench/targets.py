"""What the product has promised of its speed, held against what was measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.bench.figures import OURS, PairFigures, pairs
from benchmarks.bench.ladder import STEPS
from benchmarks.statistics import Spread, share

_MEBIBYTE = 2**20
_MARGIN_SECONDS = 0.15
_TIMES = {1: 1.0, 2: 1.3, 4: 2.0}
"""What an answer may take where so many rooms talk, over what it may take in one."""
_FIRST_SOUND_SECONDS = 0.12


@dataclass(frozen=True, slots=True)
class Target:
    """One promise."""

    what: str
    wanted: str
    measured: str
    met: bool
    by: str
    """How far the measurement is from what was promised."""


def judge(results: dict[str, Any]) -> list[Target]:
    """All promises that these results say something about."""
    return [t for pair in pairs(results) for t in _of_pair(pair, results["endpointing_seconds"])]


def _of_pair(pair: PairFigures, endpointing: float) -> Iterator[Target]:
    yield from _response(pair, endpointing)
    yield from _ahead(pair)
    yield from _first_sound(pair)
    delays = pair.transcript_delays(OURS)
    if (quick := share(delays, 0.030)) is not None:
        yield Target(
            f"{pair.name}: transcript at most 30 ms after the end of speech",
            "≥ 80 % of turns",
            f"{quick:.0%} of {len(delays)}",
            quick >= 0.8,
            f"{100 * (quick - 0.8):+.0f} points",
        )
    if (lag := pair.lag_p99(OURS, "4")) is not None:
        what = f"{pair.name}: loop lag p99, four rooms talking, the latest loop"
        yield _at_most(what, lag, 0.020)
    freed = Spread.of(pair.engine("free_core").get("ours", []))
    if freed is not None:
        yield _at_most(f"{pair.name}: a cancelled synthesis frees the core, p95", freed.p95, 0.060)
    if (bytes_per_room := pair.bytes_per_room(OURS)) is not None:
        mebibytes = bytes_per_room / _MEBIBYTE
        yield Target(
            f"{pair.name}: memory of one more room",
            "≤ 12 MiB",
            f"{mebibytes:.1f} MiB",
            mebibytes <= 12,
            f"{mebibytes - 12:+.1f} MiB",
        )
    yield from _idle(pair)
    health = pair.health()
    if health and (spread := Spread.of(health)):
        # Of some hundred answers the 99th percentile is nearly the slowest.
        yield _at_most(f"{pair.name}: health while four rooms talk, slowest", spread.most, 0.100)


def response_limit(pair: PairFigures, endpointing: float, step: str) -> float | None:
    """Seconds that an answer may take at that step; None where no promise covers it."""
    rung, floor = STEPS[step], pair.floor
    times = _TIMES.get(rung.talking)
    if times is None or floor is None or rung.paced or rung.rooms != rung.talking:
        return None
    return times * (endpointing + floor.p50 + _MARGIN_SECONDS)


def rooms_per_core(pair: PairFigures, results: dict[str, Any]) -> float | None:
    """The most rooms, of those tried, that talk at once and are answered in time, by cores.

    In time means within twice of what one room may take.
    """
    limit = response_limit(pair, results["endpointing_seconds"], "4")
    if limit is None:
        return None
    waits: dict[int, list[float]] = {}
    for name, step in STEPS.items():
        spread = pair.answers(OURS, name).spread
        if spread is not None and step.talking == step.rooms and not step.paced:
            waits.setdefault(step.talking, []).append(spread.p50)
    in_time = [talking for talking, seconds in waits.items() if max(seconds) <= limit]
    return max(in_time) / results["machine"]["cores"] if in_time else None


def _response(pair: PairFigures, endpointing: float) -> Iterator[Target]:
    margin = f"endpointing + transport + {_MARGIN_SECONDS * 1e3:.0f} ms"
    for step in pair.steps:
        spread, limit = pair.answers(OURS, step).spread, response_limit(pair, endpointing, step)
        if spread is None or limit is None:
            continue
        times = _TIMES[STEPS[step].talking]
        bound = margin if times == 1 else f"{times:g} × ({margin})"
        what = f"{pair.name}: response p50, rooms talking: {step}: {bound}"
        yield _at_most(what, spread.p50, limit)
    requests = pair.requests()
    if requests is not None and requests.spread is not None:
        what = f"{pair.name}: response p50 on all complete requests, nothing configured"
        yield _at_most(what, requests.spread.p50, 0.6)


def _ahead(pair: PairFigures) -> Iterator[Target]:
    for step in pair.steps:
        spread, best = pair.answers(OURS, step).spread, pair.best_peer(step)
        if spread is None or best is None:
            continue
        peer, median = best
        ahead = median / spread.p50
        yield Target(
            f"{pair.name}: ahead of every peer (best: {peer}), rooms talking: {step}",
            "> 1×",
            f"{ahead:.2f}×",
            ahead > 1.0,
            f"{ahead - 1.0:+.2f}×",
        )


def _first_sound(pair: PairFigures) -> Iterator[Target]:
    for words, seconds in pair.engine("first_sound").get("ours", {}).items():
        if (spread := Spread.of(seconds)) is not None:
            what = f"{pair.name}: first sound of {words} words, p50"
            yield _at_most(what, spread.p50, _FIRST_SOUND_SECONDS)


def _idle(pair: PairFigures) -> Iterator[Target]:
    one = pair.idle(OURS, 1)
    if one is not None:
        cores = one["cpu"]["system"]
        yield Target(
            f"{pair.name}: one idle room",
            "≤ 0.12 cores",
            f"{cores:.3f} cores",
            cores <= 0.12,
            f"{cores - 0.12:+.3f} cores",
        )


def _at_most(what: str, seconds: float, limit: float) -> Target:
    return Target(
        what,
        f"≤ {limit * 1e3:.0f} ms",
        f"{seconds * 1e3:.0f} ms",
        seconds <= limit,
        f"{(seconds - limit) * 1e3:+.0f} ms",
    )

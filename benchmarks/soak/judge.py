"""What a soak must show: memory that stays, and nothing left of rooms that have ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.statistics import slope

JOINS_GROWTH_MB = 15.0
"""The most that many joins may add to the resident set."""
ROOM_MB = 12.0
"""The most that each further room may cost while callers are in it."""
SLOPE_MB_PER_100_TURNS = 1.0
UNSERVED_SHARE = 0.02
"""Of the callers; a soak in which the agent did not come proves nothing."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at the worker from outside; 1 MB is 2**20 bytes."""

    seconds: float
    """Since the worker was started."""
    joins: int
    turns: int
    """Answered."""
    rooms: int
    rss_mb: float
    threads: int
    descriptors: int
    tasks: int
    temp_files: int
    breakdown_mb: Mapping[str, float] = field(default_factory=dict)
    phase: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """What rooms could leave behind, by name."""
        return {
            "threads": self.threads,
            "descriptors": self.descriptors,
            "tasks": self.tasks,
            "temporary files": self.temp_files,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether one promise holds."""

    promise: str
    found: str
    passed: bool


def judge_joins(
    before: Sample, after: Sample, *, growth_mb: float = JOINS_GROWTH_MB
) -> list[Verdict]:
    """From a moment without rooms to a later one: what the joins between them have left."""
    grown = after.rss_mb - before.rss_mb
    memory = Verdict(
        f"resident memory from {before.joins} joins to {after.joins}: at most {growth_mb:+.0f} MB",
        f"{before.rss_mb:.1f} → {after.rss_mb:.1f} MB ({grown:+.1f})",
        grown <= growth_mb,
    )
    return [memory, *judge_counts(before, after)]


def judge_counts(before: Sample, after: Sample) -> list[Verdict]:
    """The same for what is counted: one more is too many."""
    return [
        Verdict(
            f"{name} from {before.joins} joins to {after.joins}: no growth",
            f"{count} → {after.counts[name]}",
            after.counts[name] <= count,
        )
        for name, count in before.counts.items()
    ]


def judge_talk(samples: Sequence[Sample]) -> Verdict:
    """The line of least squares through the resident set while rooms talk."""
    promise = f"resident memory in talk: under {SLOPE_MB_PER_100_TURNS:g} MB for 100 turns"
    turns = samples[-1].turns - samples[0].turns if samples else 0
    grown = slope((sample.turns, sample.rss_mb) for sample in samples) if turns else None
    if grown is None:
        return Verdict(promise, "nobody talked", False)
    minutes = (samples[-1].seconds - samples[0].seconds) / 60
    return Verdict(
        promise,
        f"{100 * grown:+.2f} MB, in {turns} turns and {minutes:.0f} minutes",
        100 * grown < SLOPE_MB_PER_100_TURNS,
    )


def judge_tabs(one: Sample, more: Sample, loads: Mapping[str, float]) -> list[Verdict]:
    """Several callers at once, as from tabs of a browser, against one."""
    allowed = (more.rooms - one.rooms) * ROOM_MB
    cost = more.rss_mb - one.rss_mb
    return [
        Verdict(
            f"{more.rooms} callers at once: at most {allowed:.0f} MB over one",
            f"{one.rss_mb:.1f} → {more.rss_mb:.1f} MB ({cost:+.1f})",
            one.rooms > 0 and cost <= allowed,
        ),
        Verdict(
            f"{more.rooms} callers at once: each model is loaded once",
            ", ".join(f"{role} {count:g}" for role, count in loads.items()),
            bool(loads) and set(loads.values()) == {1},
        ),
    ]


def judge_service(joins: int, failures: Sequence[str]) -> Verdict:
    """Whether there was an agent for the callers at all."""
    callers = joins + len(failures)
    return Verdict(
        f"callers without an agent: at most {UNSERVED_SHARE:.0%}",
        f"{len(failures)} of {callers}",
        joins > 0 and len(failures) <= UNSERVED_SHARE * callers,
    )

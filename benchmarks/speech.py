"""The recorded speech that callers say, and what the agents say back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

from agent.settings import Settings
from benchmarks import ROOT
from services.audio.samples import SAMPLE_RATE
from tests.support.people import Kind
from tests.support.people import people as people_of
from tests.support.sound import audible_span

FOLDER = ROOT / "tests" / "speech"

GREETING = Settings().agent.greeting
"""What our own agent says first; the others are given the same."""
REPLY = "Of course, I will do that for you right away."
"""What every system answers to everything: its length must not depend on who heard what."""
LONG_REPLY = (
    "This is a rather long answer that goes on and on so that somebody can interrupt it. "
    "It has a second sentence of about the same length that nobody will ever hear to the end. "
    "And it even has a third one which only the most patient of all callers would listen to."
)

WORDS = {
    5: "I will do that now.",
    15: "The next train to the city leaves in ten minutes from the platform over there.",
    40: (
        "The weather in the north will be cold and windy with a little rain in the morning "
        "while the south can look forward to a warm and mostly sunny day with only a few "
        "clouds towards the late evening hours."
    ),
}
"""Sentences by their number of words."""


_PEOPLE: dict[Kind, int] = {"request": 5, "telephone": 2, "accent": 2, "child": 1}
"""Recordings of each kind that callers speak, of as many people."""
_LONGEST_SECONDS = 5.0
_LEAST_SILENCE_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Recording:
    """A file of speech; times are seconds from its start."""

    path: Path
    text: str
    seconds: float
    form: str


def complete_requests() -> list[Recording]:
    """The recordings of one whole request each."""
    return [r for r in _recordings("turn") if r.form == "request"]


def talk() -> list[Recording]:
    """A few complete requests of usual length, the same for every system."""
    return [r for r in complete_requests() if 1.35 <= r.seconds <= 2.1][:6]


def interruption() -> Recording:
    """Something long enough to interrupt somebody with."""
    return max(complete_requests(), key=lambda r: r.seconds)


@cache
def people() -> tuple[Recording, ...]:
    """Whole sentences by people, mostly requests, the same for every system.

    Only such in which the last audible sample is that of the last word: where the noise of the
    room is audible, nobody can say how long an answer took.
    """
    chosen = [list(islice(_of_people(kind), count)) for kind, count in _PEOPLE.items()]
    longest = max(len(some) for some in chosen)
    # Kinds by turns, so that a few recordings are of several kinds as well.
    return tuple(some[i] for i in range(longest) for some in chosen if i < len(some))


def _of_people(kind: Kind) -> Iterator[Recording]:
    """Not too long, with a clear end, one of each speaker."""
    speakers = set()
    for found in people_of(kind):
        speaker = found.speaker or found.file
        silence = len(found.samples) - audible_span(found.samples)[1]
        if (
            found.seconds <= _LONGEST_SECONDS
            and silence >= _LEAST_SILENCE_SECONDS * SAMPLE_RATE
            and speaker not in speakers
        ):
            speakers.add(speaker)
            yield Recording(found.path, found.text, found.seconds, found.kind)


def _recordings(kind: str) -> list[Recording]:
    entries = json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))
    return [
        Recording(FOLDER / e["file"], e["text"], e["seconds"], e.get("form", ""))
        for e in entries
        if e["kind"] == kind
    ]

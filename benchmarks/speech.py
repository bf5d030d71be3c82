"""The recorded speech that callers say, and what the agents say back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "tests" / "speech"

GREETING = "Hello, how can I help you?"
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


@dataclass(frozen=True, slots=True)
class Recording:
    """A 16 kHz mono WAV file; times are seconds from its start."""

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


def _recordings(kind: str) -> list[Recording]:
    entries = json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))
    return [
        Recording(FOLDER / e["file"], e["text"], e["seconds"], e.get("form", ""))
        for e in entries
        if e["kind"] == kind
    ]

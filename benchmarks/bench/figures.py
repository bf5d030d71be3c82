"""From a file of results to the figures that the report and the plots show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.bench.ladder import STEPS
from benchmarks.statistics import Spread, slope

OURS = "ours"


@dataclass(frozen=True, slots=True)
class Answers:
    """What came of the turns of one step."""

    responses: tuple[float, ...]
    """Seconds from the last audible sample sent to the first one back."""
    cut_off: int
    """Turns in which the agent spoke too early; they are not among the responses."""
    silent: int
    """Turns without a reply."""

    @classmethod
    def of(cls, turns: Iterable[dict[str, Any]]) -> Answers:
        """Count and time `turns`."""
        turns = list(turns)
        good = [t for t in turns if not t["cut_off"]]
        answered = [t for t in good if t["answered"] is not None]
        return cls(
            tuple(t["answered"] - t["ended"] for t in answered),
            len(turns) - len(good),
            len(good) - len(answered),
        )

    @property
    def spread(self) -> Spread | None:
        """How the responses lie."""
        return Spread.of(self.responses)


class PairFigures:
    """The figures of one pair of models."""

    def __init__(self, name: str, found: dict[str, Any], results: dict[str, Any]) -> None:
        self.name = name
        self.found = found
        self._results = results

    @property
    def systems(self) -> list[str]:
        """Those that were measured in rooms, ours first."""
        names = dict.fromkeys(c["system"] for c in self.found["climbs"] if c["batches"])
        return sorted(names, key=lambda name: name != OURS)

    @property
    def peers(self) -> list[str]:
        """The others."""
        return [name for name in self.systems if name != OURS]

    @property
    def steps(self) -> list[str]:
        """The names of the steps that were measured."""
        measured = {b["step"] for _, b in self._batches()}
        return [name for name in STEPS if name in measured]

    @property
    def floor(self) -> Spread | None:
        """Seconds that the transport alone takes, there and back."""
        return Spread.of(self.found["floor"])

    def answers(self, system: str, step: str) -> Answers:
        """Of all climbs together."""
        batches = self._batches(system, step)
        return Answers.of(t for _, batch in batches for t in batch["turns"])

    def best_peer(self, step: str) -> tuple[str, float] | None:
        """The peer with the shortest median response, and that."""
        medians = []
        for peer in self.peers:
            spread = self.answers(peer, step).spread
            if spread is not None:
                medians.append((spread.p50, peer))
        if not medians:
            return None
        median, peer = min(medians)
        return peer, median

    def transcript_delays(self, system: str) -> list[float]:
        """Seconds from the moment that speech counts as over to its transcript, in all turns."""
        silence = self._results["vad_silence_seconds"][system]
        return [
            max(0.0, record["transcript_seconds"] - silence)
            for _, batch in self._batches(system)
            for record in batch["records"]
            if record.get("transcript_seconds") is not None
        ]

    def prepared_share(self) -> float | None:
        """The share of our turns whose reply was ready before the turn was over."""
        records = [r for _, b in self._batches(OURS) for r in b["records"]]
        known = [r["prepared"] for r in records if r.get("prepared") is not None]
        return sum(known) / len(known) if known else None

    def cores(self, system: str, step: str, role: str = "system") -> float | None:
        """Cores in use while rooms talked: of the system, of `livekit` or of the `callers`."""
        found = [(b["cpu"][role], b["seconds"]) for _, b in self._batches(system, step)]
        if not found:
            return None
        cores, seconds = np.array(found).T
        return float(np.average(cores, weights=seconds))

    def others_cores(self) -> Spread | None:
        """Cores that other programs used, over all measurements in rooms."""
        found = [b["cpu"]["others"] for _, b in self._batches() if "others" in b["cpu"]]
        return Spread.of(found)

    @property
    def rests(self) -> list[int]:
        """Numbers of rooms that were looked at while nobody talked."""
        return sorted({r["rooms"] for climb in self.found["climbs"] for r in climb["idle"]})

    def idle(self, system: str, rooms: int) -> dict[str, Any] | None:
        """What was found while nobody talked in so many rooms."""
        for climb in self._climbs(system):
            for rest in climb["idle"]:
                if rest["rooms"] == rooms:
                    return dict(rest)
        return None

    def idle_cores(self, system: str, rooms: int) -> float | None:
        """Cores in use by the system while nobody talked in so many rooms."""
        rest = self.idle(system, rooms)
        return None if rest is None else float(rest["cpu"]["system"])

    def further_idle_cores(self, system: str) -> float | None:
        """By how much these grow with a room, beyond the first."""
        cores = ((rooms, self.idle_cores(system, rooms)) for rooms in self.rests)
        return slope((rooms, used) for rooms, used in cores if used is not None)

    def median_answer(self, system: str, step: str) -> float | None:
        """Seconds; None where nothing was answered."""
        spread = self.answers(system, step).spread
        return None if spread is None else spread.p50

    def cores_per_room(self, system: str, step: str) -> float | None:
        """Cores in use by the system for each of the rooms that talked."""
        cores = self.cores(system, step)
        return None if cores is None else cores / STEPS[step].talking

    def lag_p99(self, system: str, step: str) -> float | None:
        """The worst of all climbs, seconds."""
        found = [b["lag"]["p99"] for _, b in self._batches(system, step) if b["lag"]]
        return max(found, default=None)

    def joins(self, system: str) -> list[float]:
        """Seconds from joining a room to the first sound of the greeting."""
        joins = [j for climb in self._climbs(system) for j in climb["joins"]]
        return [j for j in joins if j is not None]

    def interruptions(self, system: str) -> list[float]:
        """Seconds from the first sample of an interruption to silence."""
        found = [i for climb in self._climbs(system) for i in climb["interruptions"]]
        return [i for i in found if i is not None]

    def memory(self, system: str) -> dict[int, float]:
        """Resident bytes by the number of rooms."""
        return {
            m["rooms"]: m["rss_bytes"]
            for climb in self._climbs(system)
            for m in climb["memory"]
            # A process that has died weighs nothing.
            if m["rss_bytes"]
        }

    def mebibytes(self, system: str, rooms: int) -> float | None:
        """Resident size with so many rooms."""
        size = self.memory(system).get(rooms)
        return None if size is None else round(size / 2**20)

    def bytes_per_room(self, system: str) -> float | None:
        """By how much memory grows with a room, once several have talked."""
        return slope((rooms, size) for rooms, size in self.memory(system).items() if rooms > 1)

    def health(self) -> list[float]:
        """Seconds that our worker took to say that it is alive, with four rooms talking."""
        return [s for _, batch in self._batches(OURS, "4") for s in batch["health"]]

    def requests(self) -> Answers | None:
        """All complete requests, with built-in replies."""
        found = self.found["requests"]
        return Answers.of(found["turns"]) if found else None

    def engine(self, figure: str) -> dict[str, Any]:
        """A figure of the engines alone; empty when it was not measured."""
        return dict((self.found["engines"] or {}).get(figure, {}))

    def _climbs(self, system: str) -> Iterator[dict[str, Any]]:
        return (c for c in self.found["climbs"] if c["system"] == system)

    def _batches(
        self, system: str | None = None, step: str | None = None
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        for climb in self.found["climbs"]:
            for batch in climb["batches"]:
                if system in (None, climb["system"]) and step in (None, batch["step"]):
                    yield climb["system"], batch


def pairs(results: dict[str, Any]) -> list[PairFigures]:
    """The figures of all pairs in a file of results."""
    return [PairFigures(name, found, results) for name, found in results["pairs"].items()]

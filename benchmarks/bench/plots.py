"""Plots of the figures, as PNG files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.bench.figures import OURS, PairFigures
from benchmarks.statistics import Spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = {
    "ours": "#0b7a75",
    "naive": "#c8553d",
    "pipecat": "#6a67ce",
    "whole sentence": "#c8553d",
    "wyoming-piper": "#8d99ae",
}
_SIZE = (7.2, 3.6)
_DOTS_PER_INCH = 140


def draw(pair: PairFigures, folder: Path) -> dict[str, Path]:
    """Draw what there is to draw; files by the name of the figure. Needs matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    drawn: dict[str, Path] = {}
    for name, paint in (
        ("response", _response),
        ("cores", _cores),
        ("memory", _memory),
        ("first-sound", _first_sound),
    ):
        figure, axes = plt.subplots(figsize=_SIZE, dpi=_DOTS_PER_INCH, layout="constrained")
        if paint(pair, axes):
            axes.spines[["top", "right"]].set_visible(False)
            axes.grid(axis="y", alpha=0.25)
            axes.set_axisbelow(True)
            axes.legend(frameon=False, fontsize=8)
            file = folder / f"{pair.name}-{name}.png"
            figure.savefig(file, metadata={"Software": None})
            drawn[name] = file
        plt.close(figure)
    return drawn


def draw_times(times: list[float], responses: list[float], file: Path) -> None:
    """Responses over the time of a load test: seconds since its start, seconds."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=_SIZE, dpi=_DOTS_PER_INCH, layout="constrained")
    axes.plot(times, responses, ".", color=_COLOURS[OURS])
    axes.set(xlabel="seconds since the start", ylabel="response in seconds")
    axes.set_xlim(0, 1.05 * max(times))
    axes.set_ylim(0, 1.1 * max(responses))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.25)
    figure.savefig(file, metadata={"Software": None})
    plt.close(figure)


def _response(pair: PairFigures, axes: Axes) -> bool:
    width = 0.8 / max(1, len(pair.systems))
    any_bar = False
    for place, system in enumerate(pair.systems):
        for position, step in enumerate(pair.steps):
            spread = pair.answers(system, step).spread
            if spread is None:
                continue
            any_bar = True
            at = position + (place - (len(pair.systems) - 1) / 2) * width
            axes.bar(
                at,
                spread.p50,
                width * 0.92,
                color=_COLOURS.get(system),
                label=system if position == 0 else None,
            )
            axes.errorbar(
                at,
                spread.p50,
                yerr=np.array([[0.0], [spread.p95 - spread.p50]]),
                color="#333333",
                capsize=3,
                linewidth=1,
            )
            axes.annotate(f"{spread.p50:.2f}", (at, 0.02), ha="center", color="white", fontsize=7)
    if pair.floor is not None and any_bar:
        axes.axhline(pair.floor.p50, color="#333333", linestyle=":", label="transport alone")
    axes.set_xticks(range(len(pair.steps)), [_rooms(step) for step in pair.steps])
    axes.set_ylabel("seconds, p50 with p95")
    axes.set_title(f"Last word to first sound, {pair.name} models", fontsize=10)
    return any_bar


def _cores(pair: PairFigures, axes: Axes) -> bool:
    for system in pair.systems:
        points = [(step, pair.cores(system, step)) for step in pair.steps]
        there = [(step, cores) for step, cores in points if cores is not None]
        axes.plot(
            [_rooms(step) for step, _ in there],
            [cores for _, cores in there],
            "o-",
            color=_COLOURS.get(system),
            label=system,
        )
    axes.set(ylabel="cores", ylim=(0, None))
    axes.set_title(f"Cores while rooms talk, {pair.name} models", fontsize=10)
    return bool(pair.steps)


def _memory(pair: PairFigures, axes: Axes) -> bool:
    any_line = False
    for system in pair.systems:
        memory = pair.memory(system)
        if memory:
            any_line = True
            mebibytes = [size / 2**20 for size in memory.values()]
            axes.plot(list(memory), mebibytes, "o-", color=_COLOURS.get(system), label=system)
    axes.set(xlabel="rooms", ylabel="MiB resident", ylim=(0, None))
    axes.set_title(f"Memory by rooms, {pair.name} models", fontsize=10)
    return any_line


def _first_sound(pair: PairFigures, axes: Axes) -> bool:
    found = pair.engine("first_sound")
    for name, by_words in found.items():
        spreads = {int(words): Spread.of(values) for words, values in by_words.items()}
        there = {words: spread for words, spread in spreads.items() if spread is not None}
        axes.plot(
            list(there),
            [1e3 * spread.p50 for spread in there.values()],
            "o-",
            color=_COLOURS.get(name),
            label=name,
        )
    axes.set(xlabel="words in the sentence", ylabel="milliseconds, p50", ylim=(0, None))
    axes.set_title(f"Text to first sound, engine alone, {pair.name} voice", fontsize=10)
    return bool(found)


def _rooms(step: str) -> str:
    number, *rest = step.split(", ")
    if number.isdigit():
        number = "1 room" if number == "1" else f"{number} rooms"
    return "\n".join((number, *rest))

"""The report of a soak: verdicts, figures, and a plot of memory over time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.soak.judge import (
    Sample,
    Verdict,
    judge_counts,
    judge_joins,
    judge_service,
    judge_tabs,
    judge_talk,
)
from benchmarks.soak.run import Found

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIZE = (7.2, 4.2)
_DOTS_PER_INCH = 140
_PALETTE = ("#0b7a75", "#3fa7a0", "#6a67ce", "#a5a3e0", "#c8553d", "#e59a7b", "#8d99ae", "#c9cfd8")
_PARTS_SHOWN = len(_PALETTE) - 1
_MARKS = {
    "ready": "models loaded, nobody has called",
    "one caller": "one caller in a room",
    "callers": "several callers at once",
    "first joins": "no rooms, after the first joins",
    "joins": "no rooms, after all joins",
    "end": "no rooms, at the end",
}


def judge(found: Found) -> list[Verdict]:
    """All that one worker is judged by; what it did not come to fails."""
    marks = found.marks
    verdicts = []
    if found.problem:
        verdicts.append(Verdict("the worker serves to the end", found.problem, False))
    verdicts.append(judge_service(found.joins, found.failures))
    if "callers" in marks:
        verdicts += judge_tabs(marks["one caller"], marks["callers"], found.loads)
    if "joins" in marks:
        verdicts += judge_joins(marks["first joins"], marks["joins"])
    if talk := found.of_phase("talk"):
        verdicts.append(judge_talk(talk))
    if "end" in marks and "joins" in marks:
        verdicts += judge_counts(marks["joins"], marks["end"])
    return verdicts


def report(
    results: dict[str, Any], ours: Found, verdicts: Sequence[Verdict], other: Found | None
) -> str:
    """The text; `other` is the run that ours is compared with."""
    machine, versions = results["machine"], results["versions"]
    lines = [
        "# Soak",
        "",
        f"{results['date']}, {machine['cores']} cores ({machine['processor']}), Python "
        f"{machine['python']}, livekit-agents {versions.get('livekit-agents')}, onnxruntime "
        f"{versions.get('onnxruntime')}. `{results['command']}`",
        "",
        "![Resident memory and its parts over time](soak.png)",
        "",
        "| promise | found | holds |",
        "| --- | --- | --- |",
        *(f"| {v.promise} | {v.found} | {'yes' if v.passed else '**no**'} |" for v in verdicts),
        "",
        *_figures(ours, other),
    ]
    for found in filter(None, (ours, other)):
        lines += ["", f"{found.name}: {found.unanswered} things said were left without a reply."]
        lines += [f"- {failure}" for failure in found.failures]
    return "\n".join(lines) + "\n"


def _figures(ours: Found, other: Found | None) -> list[str]:
    mine, theirs = _moments(ours), _moments(other) if other is not None else {}
    head, rule = f"| resident MB | {ours.name} |", "| --- | --- |"
    if other is not None:
        head += f" {other.name} | growth since ready, {other.name} ÷ {ours.name} |"
        rule += " --- | --- |"
    rows = []
    for words, (size, grown) in mine.items():
        row = f"| {words} | {size:.0f} ({grown:+.0f}) |"
        if words in theirs:
            more_size, more = theirs[words]
            ratio = f"{more / grown:.1f}" if grown >= 1.0 else ""
            row += f" {more_size:.0f} ({more:+.0f}) | {ratio} |"
        rows.append(row)
    return [head, rule, *rows]


def _moments(found: Found) -> dict[str, tuple[float, float]]:
    """Resident MB and their growth since the worker was ready, by moment."""
    if "ready" not in found.marks:
        return {}
    sizes = {words: found.marks[n].rss_mb for n, words in _MARKS.items() if n in found.marks}
    sizes["highest"] = max(sample.rss_mb for sample in found.samples)
    ready = found.marks["ready"].rss_mb
    return {words: (size, size - ready) for words, size in sizes.items()}


def draw(ours: Found, other: Found | None, file: Path) -> None:
    """Resident memory and its parts over time. Needs matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=_SIZE, dpi=_DOTS_PER_INCH, layout="constrained")
    samples = sorted(ours.samples, key=lambda sample: sample.seconds)
    minutes = [s.seconds / 60 for s in samples]
    parts = _parts(samples)
    axes.stackplot(
        minutes, *parts.values(), labels=list(parts), colors=_PALETTE, linewidth=0, alpha=0.75
    )
    axes.plot(
        minutes,
        [s.rss_mb for s in samples],
        color="#222222",
        linewidth=1.2,
        label=f"resident, {ours.name}",
    )
    if other is not None:
        axes.plot(
            [s.seconds / 60 for s in other.samples],
            [s.rss_mb for s in other.samples],
            color="#222222",
            linewidth=1.0,
            linestyle=":",
            label=f"resident, {other.name}",
        )
    _show_phases(axes, samples)
    axes.set(xlabel="minutes", ylabel="MB", xlim=(minutes[0], minutes[-1]), ylim=(0, None))
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    figure.savefig(file, metadata={"Software": None})
    plt.close(figure)


def _parts(samples: Sequence[Sample]) -> dict[str, list[float]]:
    """The parts over time, what changes least at the bottom; small ones together."""
    names = {name for sample in samples for name in sample.breakdown_mb}
    sizes = {name: [s.breakdown_mb.get(name, 0.0) for s in samples] for name in names}
    largest = sorted(names, key=lambda name: max(sizes[name]), reverse=True)
    shown = sorted(largest[:_PARTS_SHOWN], key=lambda name: max(sizes[name]) - min(sizes[name]))
    rest = [sum(sizes[name][i] for name in largest[_PARTS_SHOWN:]) for i in range(len(samples))]
    return {**{name: sizes[name] for name in shown}, "other": rest}


def _show_phases(axes: Axes, samples: Sequence[Sample]) -> None:
    """A line where each phase begins, with what it is."""
    words = {"one caller": "one caller", "callers": "several", "joins": "joins", "talk": "talk"}
    last = ""
    top = max(sample.rss_mb for sample in samples)
    for sample in samples:
        if sample.phase != last and sample.phase in words:
            minute = sample.seconds / 60
            axes.axvline(minute, color="#222222", linewidth=0.5, alpha=0.5)
            axes.text(
                minute,
                1.04 * top,
                f" {words[sample.phase]}",
                fontsize=7,
                rotation=90,
                va="bottom",
                ha="left",
            )
        last = sample.phase

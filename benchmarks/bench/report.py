"""`python -m benchmarks.bench.report RESULTS.json`: tables and plots in one Markdown file."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.bench.figures import OURS, PairFigures, pairs
from benchmarks.bench.ladder import STEPS
from benchmarks.bench.plots import draw
from benchmarks.bench.targets import judge, rooms_per_core
from benchmarks.statistics import Spread

_DISTURBED_CORES = 0.35
_CAPTIONS = {
    "response": "Response in a real room",
    "cores": "Cores while rooms talk",
    "memory": "Memory by rooms",
    "first-sound": "Text to first sound",
}


def write_report(results: dict[str, Any], file: Path, notes: str = "") -> Path:
    """Write the report with its plots in the folder of its name beside it; `notes` go on top."""
    folder = file.with_suffix("")
    parts = [*_head(results), *([notes.strip()] if notes.strip() else []), *_targets(results)]
    parts += _capacity(results)
    for pair in pairs(results):
        plots = {name: plot.name for name, plot in draw(pair, folder).items()}
        parts += _pair(pair, plots, folder.name)
    parts += [_METHOD.strip()]
    file.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return file


def _head(results: dict[str, Any]) -> Iterator[str]:
    machine, versions = results["machine"], results["versions"]
    yield "# Benchmarks"
    yield (
        f"Measured on {results['date']} in {results['minutes']:.0f} minutes, everything on one "
        f"machine: {machine['cores']} cores ({machine['processor']}), {machine['memory_gib']} GiB, "
        f"{machine['system']}, Python {machine['python']}. "
        f"`make bench ARGS=--docs` repeats it and writes this page; `ARGS=--help` says more."
    )
    ours = ", ".join(f"{name} {version}" for name, version in versions["ours"].items())
    peers = ", ".join(f"{name} {version}" for name, version in versions["peers"].items())
    yield f"Ours: {ours}; {versions['livekit-server']}. Peers: {peers or 'not installed'}."


def _targets(results: dict[str, Any]) -> Iterator[str]:
    targets = judge(results)
    if targets:
        yield "## Targets"
        yield table(
            ("", "wanted", "measured", "", "by"),
            [
                (t.what, t.wanted, t.measured, "met" if t.met else "**missed**", t.by)
                for t in targets
            ],
        )


def _capacity(results: dict[str, Any]) -> Iterator[str]:
    """What the product needs of a machine, one column for each pair of models."""
    measured = [pair for pair in pairs(results) if OURS in pair.systems]
    if not measured:
        return
    rows = list(_capacity_rows(measured))
    each = [rooms_per_core(pair, results) for pair in measured]
    rows.append(("**rooms a core that may talk at the same moment**", *map(_count, each)))
    rows.append(
        ("rooms a core to plan for", *(_count(None if one is None else 2 * one) for one in each))
    )
    yield "## Rooms per core"
    yield table(("ours", *(f"{pair.name} models" for pair in measured)), rows)
    yield (
        "The cores carry the LiveKit server and the callers as well. Rooms may talk at the same "
        "moment as long as, of the numbers tried, half of their answers come within twice of what "
        "one room may take (see the targets). The last row is judged, not measured: about half of "
        "all calls talk at any moment."
    )


def _capacity_rows(measured: Sequence[PairFigures]) -> Iterator[Sequence[str]]:
    def row(what: str, figure: Callable[[PairFigures], float | None]) -> Sequence[str]:
        return what, *(_number(figure(pair)) for pair in measured)

    steps = [step for step in STEPS if any(step in pair.steps for pair in measured)]
    yield row("cores, one idle room", lambda pair: pair.idle_cores(OURS, 1))
    yield row("cores, each further idle room", lambda pair: pair.further_idle_cores(OURS))
    for step in steps:
        if STEPS[step].rooms == STEPS[step].talking:
            used = partial(PairFigures.cores_per_room, system=OURS, step=step)
            yield row(f"cores a room, rooms talking: {step}", used)
    for step in steps:
        answer = partial(PairFigures.median_answer, system=OURS, step=step)
        yield row(f"answer p50 in seconds, rooms talking: {step}", answer)
    yield "MiB with five rooms", *(_count(pair.mebibytes(OURS, 5)) for pair in measured)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _count(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _pair(pair: PairFigures, plots: dict[str, str], folder: str) -> Iterator[str]:
    models = pair.found["models"]
    yield f"## {pair.name.capitalize()} models"
    yield (
        f"Recogniser `{models['asr']}`, given {_context(models['context'])} by ours, its whole "
        f"window by the peers; voice `{models['voice']}`."
    )
    if pair.floor is not None:
        yield (
            f"Transport alone (an echo in the room, first sample sent → first sample back): "
            f"{_milliseconds(pair.floor)}."
        )
    if (cores := pair.found.get("floor_cores")) is not None:
        yield f"The echo, a participant that only hears and sends, used {cores:.3f} cores."
    if (others := pair.others_cores()) is not None:
        # The machine counts by ticks and programs are counted exactly: the rest may be negative.
        usual, most = max(0.0, others.p50), max(0.0, others.most)
        yield (
            f"Other programs on the machine used {usual:.2f} cores meanwhile (at most {most:.2f})."
        )
        if usual > _DISTURBED_CORES:
            yield "**The machine was not quiet: alone on it, all systems answer sooner than this.**"
    for name, caption in _CAPTIONS.items():
        body = list(_SECTIONS[name](pair))
        if body:
            yield f"### {caption}"
            if name in plots:
                yield f"![{caption}]({folder}/{plots[name]})"
            yield from body
    if pair.found["problems"]:
        yield "### What went wrong"
        yield "\n".join(f"- {problem}" for problem in pair.found["problems"])


def _rooms(pair: PairFigures) -> Iterator[str]:
    rows = []
    for step in pair.steps:
        ours = pair.answers(OURS, step).spread
        cells = [step]
        for system in pair.systems:
            answers = pair.answers(system, step)
            cells.append(_answers(answers.spread, answers.cut_off, answers.silent))
        best = pair.best_peer(step)
        cells.append(f"{best[1] / ours.p50:.1f}×" if best and ours else "–")
        over = f"{ours.p50 / pair.floor.p50:.1f}×" if ours and pair.floor else "–"
        rows.append((*cells, over))
    if rows:
        yield (
            "Last audible speech sample sent → first audible reply sample at the caller, in "
            "seconds: p50 / p95 (least–most, turns)."
        )
        yield table(("rooms talking", *pair.systems, "best peer / ours", "ours / transport"), rows)
    requests = pair.requests()
    if requests is not None:
        yield (
            "All complete requests of the recordings, one room, nothing configured but the models "
            f"(built-in replies): {_answers(requests.spread, requests.cut_off, requests.silent)}."
        )
    yield from _other_waits(pair)


def _other_waits(pair: PairFigures) -> Iterator[str]:
    if not pair.systems:
        return
    rows = []
    for system in pair.systems:
        start = pair.found["start_seconds"].get(system)
        rows.append(
            (
                system,
                _milliseconds(Spread.of(pair.transcript_delays(system))),
                _milliseconds(Spread.of(pair.joins(system))),
                _milliseconds(Spread.of(pair.interruptions(system))),
                f"{start:.1f} s" if start else "–",
            )
        )
    yield "The other waits, milliseconds: p50 / p95 (least–most, count)."
    yield table(
        (
            "",
            "end of speech → transcript",
            "join → greeting",
            "interruption → silence",
            "start → takes rooms",
        ),
        rows,
    )
    prepared = pair.prepared_share()
    if prepared is not None:
        yield f"In {prepared:.0%} of our turns the reply was ready before the turn was over."


def _cores(pair: PairFigures) -> Iterator[str]:
    rows: list[Sequence[str]] = []
    for rooms in pair.rests:
        cells = [_cores_of((pair.idle(s, rooms) or {}).get("cpu", {})) for s in pair.systems]
        if any(cell != "–" for cell in cells):
            rows.append((f"{rooms}, idle", *cells))
    for step in pair.steps:
        cells = []
        for system in pair.systems:
            roles = ("system", "livekit", "callers")
            cells.append(_cores_of({role: pair.cores(system, step, role) for role in roles}))
        rows.append((f"{step}, talking", *cells))
    if not rows:
        return
    yield (
        "Cores of the system (of the LiveKit server, of the callers). Times 60 it is CPU seconds "
        "a minute of conversation."
    )
    yield table(("rooms", *pair.systems), rows)
    lags = []
    for step in pair.steps:
        lags.append((step, *(_lag(pair.lag_p99(system, step)) for system in pair.systems)))
    yield "Event-loop lag p99 of the latest loop, milliseconds."
    yield table(("rooms talking", *pair.systems), lags)
    shares = []
    for rooms in pair.rests:
        for system in pair.systems:
            share = (pair.idle(system, rooms) or {}).get("gil_share")
            if share is not None:
                shares.append(f"{system} {share:.0%} with {rooms} idle")
    if shares:
        yield f"Time in which some thread holds the GIL (py-spy): {', '.join(shares)}."


def _memory(pair: PairFigures) -> Iterator[str]:
    counts = sorted({rooms for system in pair.systems for rooms in pair.memory(system)})
    if not counts:
        return
    rows = []
    for system in pair.systems:
        memory = pair.memory(system)
        each = pair.bytes_per_room(system)
        cells = [f"{memory[c] / 2**20:.0f}" if c in memory else "–" for c in counts]
        rows.append((system, *cells, f"{each / 2**20:.1f}" if each is not None else "–"))
    yield "MiB resident."
    yield table(("", *(f"{c} rooms" for c in counts), "each further room"), rows)


def _engines(pair: PairFigures) -> Iterator[str]:
    first = pair.engine("first_sound")
    if first:
        words = list(next(iter(first.values())))
        rows = [
            (name, *(_milliseconds(Spread.of(by_words[w])) for w in words))
            for name, by_words in first.items()
        ]
        yield "Engine alone, one thread, milliseconds: p50 / p95 (least–most, count)."
        yield table(("", *(f"{w} words" for w in words)), rows)
    heard = pair.engine("transcribe")
    if heard:
        yield "A finished request → its transcript, milliseconds."
        yield table(
            ("", "transcript"), [(n, _milliseconds(Spread.of(v))) for n, v in heard.items()]
        )
    freed = pair.engine("free_core")
    if freed:
        yield "A synthesis of 40 words cancelled in its middle → its core is free, milliseconds."
        yield table(("", "free"), [(n, _milliseconds(Spread.of(v))) for n, v in freed.items()])


_SECTIONS = {"response": _rooms, "cores": _cores, "memory": _memory, "first-sound": _engines}


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _answers(spread: Spread | None, cut_off: int, silent: int) -> str:
    lost = [
        f"{count} {what}" for count, what in ((cut_off, "cut off"), (silent, "no reply")) if count
    ]
    if spread is None:
        return ", ".join(lost) or "–"
    text = (
        f"{spread.p50:.2f} / {spread.p95:.2f} "
        f"({spread.least:.2f}–{spread.most:.2f}, {spread.count})"
    )
    return ", ".join([text, *lost])


def _milliseconds(spread: Spread | None) -> str:
    if spread is None:
        return "–"
    p50, p95, least, most = (
        f"{1e3 * value:.0f}" for value in (spread.p50, spread.p95, spread.least, spread.most)
    )
    return f"{p50} / {p95} ({least}–{most}, {spread.count})"


def _cores_of(cpu: dict[str, float | None]) -> str:
    system, livekit, callers = (cpu.get(role) for role in ("system", "livekit", "callers"))
    if system is None:
        return "–"
    around = ", ".join(f"{v:.2f}" for v in (livekit, callers) if v is not None)
    return f"{system:.3f} ({around})"


def _context(setting: str) -> str:
    return "its whole window" if setting == "full" else f"{setting} s of sound or more"


def _lag(seconds: float | None) -> str:
    return "–" if seconds is None else f"{1e3 * seconds:.1f}"


_METHOD = """
## How it is measured

- Every system runs in a process of its own against one real LiveKit server on loopback, all on the
  cores of one machine. The callers are real participants that speak recordings in real time and
  time what they hear; they run in one more process, whose CPU is given beside the system's.
- **ours** is `python -m agent start` with its defaults; **naive** (`benchmarks/peers/naive.py`) is
  the adapter that people write for LiveKit agents: the framework's `StreamAdapter`s over silero,
  whole utterances padded to the model's whole window, `asyncio.to_thread`, whole sentences, the
  framework's defaults but for the end of turn, which is by VAD since the default asks a service of
  LiveKit's or waits up to 3 s for synthetic voices; **pipecat** (`benchmarks/peers/pipecat_bot.py`)
  has its local Whisper and Piper services over its LiveKit transport, with a fixed end of turn
  after 0.3 s of silence. Wyoming's servers have no rooms, so theirs are figures of the engine.
- Same recordings, same model files, one thread a call, greedy decoding without fallbacks for all.
  Every system asks the same local endpoint for its reply, which answers with the same sentence, so
  that no misheard word counts: at once, but for the rows “real LLM”, where it streams its first
  token after 0.3 s and 30 tokens a second.
- A system whose median answer took more than 4 s is not tried with more rooms.
- Systems take turns within the same minutes. Callers who talk at once begin within half a second
  of one another. A turn in which the agent spoke before the request was over counts as cut off.
- “End of speech” in the table of waits is the moment at which a system's VAD holds speech to be
  over (its silence is part of the response, not of this figure).
- Loop lag is how late a 50 ms timer runs on each event loop; the loop with the worst p99 counts.
- Audible means above −40 dB of full scale.
"""


def main() -> int:
    """Join files of results and write the report; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench.report", description=__doc__)
    parser.add_argument("results", type=Path, nargs="+", help="files of one session, joined")
    parser.add_argument("--to", type=Path, default=Path("docs/benchmarks.md"))
    parser.add_argument("--notes", type=Path, help="Markdown that goes above the tables")
    arguments = parser.parse_args()
    results = join(json.loads(file.read_text(encoding="utf-8")) for file in arguments.results)
    notes = arguments.notes.read_text(encoding="utf-8") if arguments.notes else ""
    print(write_report(results, arguments.to, notes))
    return 0


def join(files: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """The results of several runs as one; a pair's later parts fill in for missing earlier ones."""
    whole = next(files)
    for part in files:
        whole["minutes"] += part["minutes"]
        for name, found in part["pairs"].items():
            mine = whole["pairs"].setdefault(name, found)
            for key, value in found.items():
                if not mine[key]:
                    mine[key] = value
    return whole


if __name__ == "__main__":
    sys.exit(main())

"""When the product and its peers end the turns of people.

`python -m benchmarks.turn_taking.peers [--every N] [--out FILE]`

Each hears every recording whole, and cut at words inside, followed by silence: the product with
its defaults, pipecat with Smart Turn 3.2, and LiveKit's defaults with what runs on the machine. All
are taken to have the transcript at once and to need no time to compute: this is when they decide.
The product decides on the evidence that `benchmarks.turn_taking.evidence` has collected.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import wave
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks import ROOT
from benchmarks.remote import RemoteError, open_remote
from benchmarks.turn_taking.evidence import read, speech
from benchmarks.turn_taking.fit import COLLECTED
from benchmarks.turn_taking.learn import evidence
from benchmarks.turn_taking.people import Listener, Pause, Where, spoken_until
from services.audio.samples import SAMPLE_RATE, Samples
from services.endpointing.acoustic import Head
from services.endpointing.policy import EndpointingPolicy
from services.shared.config import EngineConfig
from services.shared.engines import SharedEngines
from tests.support.people import PersonRecording

OURS = "ours"
PEERS = {
    "pipecat, Smart Turn 3.2": ("benchmarks.peers.pipecat_turns", True),
    "LiveKit, VAD and v1-mini": ("benchmarks.peers.livekit_turns", False),
}
"""Program of each, and whether it runs in the peers' environment."""
SOON_SECONDS = 0.6
"""An answer to a cut within so long is one into the caller's speech."""
QUICK_SECONDS = 0.45
"""A wait that is hardly felt."""
_AFTER_SPEECH_SECONDS = 0.1
"""Detectors differ by this about where speech ends."""
_REQUESTS = ("request", "telephone")


@dataclass(frozen=True, slots=True)
class Heard:
    """One sound that a system was given, and when it held the turn for over."""

    recording: str
    kind: str
    where: Where
    """`end` for a whole recording, `cut` for one that was broken off."""
    wait_seconds: float | None
    """From the last voice to the end of the turn; None where it never came."""
    cut_off: bool
    """A turn was over before the caller was."""

    @classmethod
    def by_ends(
        cls, recording: PersonRecording, where: Where, spoken_until: float, ends: Sequence[float]
    ) -> Heard:
        """What follows from the times of the last voice and of all ends of turns, in seconds."""
        late = [end for end in ends if end > spoken_until - _AFTER_SPEECH_SECONDS]
        wait = max(0.0, late[0] - spoken_until) if late else None
        return cls(recording.file, recording.kind, where, wait, len(late) < len(ends))


def main() -> int:
    """Measure, print a table, and keep what was heard; the exit status."""
    arguments = _parser().parse_args()
    try:
        heard = asyncio.run(measure(arguments))
    except RemoteError as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(table(heard)))
    if arguments.out:
        found = {name: [asdict(one) for one in of_system] for name, of_system in heard.items()}
        arguments.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


async def measure(arguments: argparse.Namespace) -> dict[str, list[Heard]]:
    """What each system made of each sound. Raises RemoteError."""
    engines = SharedEngines(EngineConfig(arguments.asr, cache=arguments.cache, language="en"))
    activity = engines.voice_activity.get_blocking()
    listener = Listener(engines.asr.get_blocking(), activity, {})
    kept = dict(read(COLLECTED))
    found: dict[str, list[Heard]] = {name: [] for name in (OURS, *PEERS)}
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="turns-")))
        remotes = {
            name: await stack.enter_async_context(
                open_remote(
                    name,
                    module,
                    folder,
                    python=arguments.peers.absolute() if theirs else Path(sys.executable),
                )
            )
            for name, (module, theirs) in PEERS.items()
        }
        for recording in speech()[:: arguments.every]:
            found[OURS] += decide(kept[recording.file])
            for where, sound in listener.sounds(recording):
                until = spoken_until(activity, sound)
                if until is None:
                    continue
                file = _write(folder / "sound.wav", sound)
                for name, remote in remotes.items():
                    ends = await remote.call("ends", file=str(file))
                    found[name].append(Heard.by_ends(recording, where, until, ends))
    engines.close()
    return found


def decide(pauses: Iterable[Pause]) -> Iterator[Heard]:
    """What the product makes of the pauses of one recording: of its end, and of each cut."""
    policy, head = EndpointingPolicy(), Head.load()
    cut_off = False
    for pause in pauses:
        if pause.where not in ("end", "cut", "inside"):
            continue
        wait = policy.judge(evidence(pause, head.probability(pause.activations))).wait_seconds
        if pause.seconds is not None:
            cut_off = cut_off or wait < pause.seconds
        else:
            gone_on = pause.where == "end" and cut_off
            yield Heard(pause.recording, pause.kind, pause.where, wait, gone_on)


def _write(file: Path, sound: Samples) -> Path:
    with wave.open(str(file), "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(SAMPLE_RATE)
        target.writeframes((np.clip(sound, -1.0, 1.0) * 32767.0).astype("<i2").tobytes())
    return file


def table(heard: dict[str, list[Heard]]) -> list[str]:
    """The figures of each system, as Markdown."""
    lines = [
        "| | wait at an end: p50, p90 | ends within 0.45 s | broken-off requests answered within "
        "0.6 s | all broken off | with pauses, cut |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines += [f"| {name} | {' | '.join(figures(of))} |" for name, of in heard.items()]
    return lines


def figures(heard: Sequence[Heard]) -> list[str]:
    """The cells of a row: waits at ends, quick ends, cuts of requests and of all, pauses."""
    ends = [one for one in heard if one.where == "end"]
    cuts = [one for one in heard if one.where == "cut"]
    waits = sorted(float("inf") if one.wait_seconds is None else one.wait_seconds for one in ends)
    at_90 = waits[round(0.9 * (len(waits) - 1))]
    # Whole passages have full stops inside, where an answer is no fault.
    whole = [one for one in ends if one.kind != "long"]
    return [
        f"{_wait(statistics.median(waits))}, {_wait(at_90)}",
        _share(ends, lambda one: _within(one, QUICK_SECONDS)),
        _share([c for c in cuts if c.kind in _REQUESTS], lambda one: _within(one, SOON_SECONDS)),
        _share(cuts, lambda one: _within(one, SOON_SECONDS)),
        _share(whole, lambda one: one.cut_off),
    ]


def _wait(seconds: float) -> str:
    return "never" if seconds == float("inf") else f"{seconds:.2f} s"


def _within(heard: Heard, seconds: float) -> bool:
    return heard.wait_seconds is not None and heard.wait_seconds <= seconds


def _share(heard: Iterable[Heard], true: Callable[[Heard], bool]) -> str:
    found = [true(one) for one in heard]
    return f"{sum(found) / len(found):.1%} of {len(found)}" if found else "–"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.turn_taking.peers", description=__doc__
    )
    parser.add_argument("--asr", default="base", help="finds the words to cut at")
    parser.add_argument("--cache", type=Path, default=ROOT / "models")
    parser.add_argument("--every", type=int, default=1, help="only each so many recordings")
    parser.add_argument("--out", type=Path, help="file for what was heard, as JSON")
    parser.add_argument(
        "--peers",
        type=Path,
        default=ROOT / ".venv-peers" / "bin" / "python",
        help="Python of the environment that has the peers",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""How often the agent stops for what is no interruption, and how fast for what is one.

`python -m benchmarks.interruptions [--parts NAME ...] [--more FOLDER] [--out FILE]`

Runs the product (`python -m agent dev`) with its default models, joins a room, has the agent count,
and says things over it: short assent, other sounds, and real interruptions, by people
(`tests/speech/human`) and, where there are no recordings of people, by the Piper voice. Then the
same microphone picks up the agent's own voice, or a television.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks import ROOT
from services.audio.samples import SAMPLE_RATE, Samples
from tests.room.processes import AgentProcess, running, token
from tests.support.caller import Caller, Surroundings
from tests.support.people import people
from tests.support.sound import audible_span, read_sound

_ASSENT_BY_VOICE = (
    *("Mm-hmm.", "Uh-huh.", "Yeah.", "Okay.", "Right.", "Sure.", "I see.", "Oh, okay."),
    *("Got it.", "Yeah, yeah.", "Ah.", "Interesting."),
)
"""Of which there are no recordings of people: by the Piper voice, at two speeds."""
_SPEEDS = (0.9, 1.25)
_SPEECH_LEVEL = 10.0 ** (-24.0 / 20.0)
"""Root mean square of whatever is said, -24 dB, so that levels compare."""
_WATCHED_SECONDS = 3.0
"""After a case: a reply that is paused goes on within this time, or never does."""
_LASTING_SECONDS = 1.5
"""A silence longer than this is no pause between two words or for a moment."""
_WORD_PAUSE_SECONDS = 0.4
"""The longest pause between two of the numbers that the agent counts."""
_FRAME = SAMPLE_RATE // 100
_ONSET_POWER = 0.01
"""Of the loudest 10 ms: a voice begins at 20 dB below its loudest moment."""
_COUNTING = "count to one hundred"
_LONGEST_REPLY_SECONDS = 150.0
"""In which the agent counts to one hundred."""


@dataclass(frozen=True, slots=True)
class Case:
    """Something that is said, or sounds, while the agent speaks."""

    kind: str
    name: str
    samples: Samples
    interrupts: bool
    """Whether the agent is to stop."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a case."""

    kind: str
    name: str
    interrupts: bool
    stopped: bool
    """Whether the agent fell silent for good, or began to say something else."""
    silent_after_seconds: float | None
    """From the first sound of the case, as it is sent, to the agent's last, as the caller hears it,
    before it first fell silent."""
    held_seconds: float
    """The longest silence of the agent meanwhile."""
    shown: str
    """What the transcript has of it; in brackets where it is marked as a backchannel."""


class Call:
    """One caller in a room of the product."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self._counts = False

    async def count(self) -> None:
        """Have the agent count, unless it does."""
        last = self.caller.last_audible
        if self._counts and last is not None and time.monotonic() - last < 0.5:
            return
        # A reply that was held for long, and counted as stopped, may have gone on since.
        await self.caller.wait_for_silence(1.0, _LONGEST_REPLY_SECONDS)
        asked = time.monotonic()
        await self.caller.send_text(_COUNTING)
        if await self.caller.wait_for_sound(asked, 20.0) is None:
            raise TimeoutError("the agent does not count")
        await asyncio.sleep(1.0)
        self._counts = True

    async def face(self, case: Case) -> Outcome:
        """Say it over the agent, and see what the agent does."""
        await self.count()
        caller = self.caller
        before = set(caller.segments)
        said = await caller.say(case.samples)
        await asyncio.sleep(_WATCHED_SECONDS)
        now = time.monotonic()
        began = said.started + said.queued_seconds + _onset(case.samples)
        gaps = _gaps([t for t in caller.audible_times() if t > began], now)
        first = next((start for start, _ in gaps), None)
        new = [s for key, s in caller.segments.items() if key not in before and s.text.strip()]
        answered = any(s.identity != caller.identity for s in new)
        # A reply that was held, and then went on, was not stopped.
        last = caller.last_audible
        self._counts = not answered and last is not None and now - last < _LASTING_SECONDS
        shown = [f"({s.text})" if s.aside else s.text for s in new if s.identity == caller.identity]
        return Outcome(
            case.kind,
            case.name,
            case.interrupts,
            not self._counts,
            None if first is None else first - began,
            max((length for _, length in gaps), default=0.0),
            " ".join(shown),
        )

    async def listen(self, kind: str, name: str, seconds: float) -> Outcome:
        """Say nothing, while the microphone picks up what it is surrounded by."""
        silence = np.zeros(round(seconds * SAMPLE_RATE), dtype=np.float32)
        return await self.face(Case(kind, name, silence, False))


def _gaps(times: list[float], end: float) -> list[tuple[float, float]]:
    """Silences of the agent that are no pause between words: when each began, and how long."""
    spans = zip(times, [*times[1:], end], strict=True)
    return [(one, other - one) for one, other in spans if other - one > _WORD_PAUSE_SECONDS]


def _onset(samples: Samples) -> float:
    """Seconds from the first audible sample to the voice: recordings begin with breath."""
    first, _ = audible_span(samples)
    frames = samples[first : first + len(samples[first:]) // _FRAME * _FRAME].reshape(-1, _FRAME)
    power = np.square(frames).mean(axis=1)
    loud = np.flatnonzero(power > power.max() * _ONSET_POWER)
    return float(loud[0]) * _FRAME / SAMPLE_RATE if len(loud) else 0.0


def cases(voice: Path) -> Iterator[Case]:
    """What is said over the agent."""
    for person in people("word"):
        if person.text == "yes":
            yield Case("assent, people", person.file, _levelled(person.samples), False)
    for text in _ASSENT_BY_VOICE:
        for speed in _SPEEDS:
            samples = _spoken(voice, text, speed)
            yield Case("assent, Piper", f"{text} x{speed}", _levelled(samples), False)
    for person in people("nonspeech"):
        if "babble" not in person.file:
            yield Case("sounds", person.file, _levelled(person.samples[: 3 * SAMPLE_RATE]), False)
    for person in people("word"):
        if person.text in ("no", "stop"):
            yield Case("stop and no, people", person.file, _levelled(person.samples), True)
    for kind, count in (("request", 12), ("telephone", 4), ("accent", 4), ("child", 4)):
        chosen = [r for r in people(kind) if r.seconds < 5.0][:count]  # type: ignore[arg-type]
        for person in chosen:
            yield Case("speech, people", person.file, _levelled(person.samples), True)


def _more(folder: Path | None) -> Iterator[Case]:
    """The recordings of a folder, at most 3 s of each."""
    for file in sorted(folder.iterdir()) if folder is not None else ():
        samples = read_sound(file)[: 3 * SAMPLE_RATE]
        yield Case("more", file.stem, _levelled(samples), False)


def television() -> Samples:
    """Voices that talk on and on, to nobody here: the long recordings of people."""
    parts = [_levelled(r.samples) for r in people("long")]
    return np.concatenate(parts)


def _levelled(samples: Samples) -> Samples:
    first, last = audible_span(samples)
    loud = samples[first : last + 1]
    level = float(np.sqrt(np.mean(np.square(loud)))) or 1.0
    louder: Samples = np.clip(samples * (_SPEECH_LEVEL / level), -1.0, 1.0).astype(np.float32)
    return louder


def _spoken(voice: Path, text: str, length_scale: float) -> Samples:
    from piper import PiperVoice, SynthesisConfig

    loaded = PiperVoice.load(str(voice))
    chunks = list(loaded.synthesize(text, SynthesisConfig(length_scale=length_scale)))
    sound = np.concatenate([chunk.audio_float_array for chunk in chunks])
    rate = chunks[0].sample_rate
    places = np.arange(int(len(sound) * SAMPLE_RATE / rate)) * (rate / SAMPLE_RATE)
    spoken: Samples = np.interp(places, np.arange(len(sound)), sound).astype(np.float32)
    return spoken


async def measure(arguments: argparse.Namespace) -> list[Outcome]:
    """Run the product and face it with everything."""
    variables = {
        "MODELS": "auto",
        "WHISPER_MODEL_PATH": str(arguments.cache),
        "LOOP_LAG_LIMIT_SECONDS": "60",
        "FIRST_WORD_SECONDS": "0",
        "SILENCE_SECONDS": "0",
        **dict(pair.split("=", 1) for pair in arguments.set),
    }
    cache, parts, every = arguments.cache, arguments.parts, arguments.every
    voice = cache / "voices" / "en_US-joe-medium" / "en_US-joe-medium.onnx"
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory() as folder:
        async with running("dev", Path(folder), variables) as process:
            await process.wait_until_ready()
            if "words" in parts:
                async with _Joined(process) as call:
                    said = [*cases(voice), *_more(arguments.more)]
                    for case in [c for c in said if arguments.only in c.kind][::every]:
                        outcomes.append(await call.face(case))
                        _print(outcomes[-1])
            if "echo" in parts:
                rooms = [(d, s) for d in (-6.0, -12.0, -20.0) for s in (0.05, 0.15, 0.25)]
                for decibels, delay in rooms[::every]:
                    outcomes.append(await _echo(process, decibels, delay))
                    _print(outcomes[-1])
            if "over-echo" in parts:
                async for outcome in _over_echo(process, every):
                    outcomes.append(outcome)
                    _print(outcome)
            if "background" in parts:
                for decibels in (-10.0, -15.0, -20.0):
                    for outcome in await _background(process, decibels):
                        outcomes.append(outcome)
                        _print(outcome)
            if arguments.log:
                arguments.log.write_text("\n".join(process.log), encoding="utf-8")
    return outcomes


async def _echo(process: AgentProcess, decibels: float, delay_seconds: float) -> Outcome:
    async with _Joined(process) as call:
        call.caller.surround(Surroundings(echo_decibels=decibels, echo_delay_seconds=delay_seconds))
        return await call.listen("echo", f"{decibels:g} dB, {delay_seconds:g} s", 12.0)


async def _over_echo(process: AgentProcess, every: int) -> AsyncIterator[Outcome]:
    """Callers beside a loudspeaker at -6 dB, whose echo is known by then."""
    async with _Joined(process) as call:
        call.caller.surround(Surroundings(echo_decibels=-6.0, echo_delay_seconds=0.15))
        await call.listen("echo", "-6 dB, 0.15 s", 8.0)
        short = [r for r in people("request") if r.seconds < 5.0][:8]
        for person in [*(r for r in people("word") if r.text == "stop"), *short][::every]:
            case = Case("over the echo, people", person.file, _levelled(person.samples), True)
            yield await call.face(case)


async def _background(process: AgentProcess, decibels: float) -> list[Outcome]:
    """A caller who has spoken, and then listens beside a television."""
    async with _Joined(process) as call:
        (request,) = [r for r in people("request") if r.file == "req_half_an_hour.flac"]
        said = await call.caller.say(_levelled(request.samples))
        await call.caller.wait_for_sound(said.ended, 20.0)
        await call.caller.wait_for_silence(2.0)
        sound = television() * 10.0 ** (decibels / 20.0)
        await call.count()
        call.caller.surround(Surroundings(background=sound))
        return [await call.listen("television", f"{decibels:g} dB", 12.0)]


class _Joined:
    """A caller who has been greeted; `async with`."""

    def __init__(self, process: AgentProcess) -> None:
        self._process = process
        self._caller = Caller()

    async def __aenter__(self) -> Call:
        issued = await token(self._process.address)
        await self._caller.join(issued.url, issued.token)
        self._caller.identity = self._caller.room.local_participant.identity
        await self._caller.wait_for_agent()
        await self._caller.wait_for_greeting()
        return Call(self._caller)

    async def __aexit__(self, *_: object) -> None:
        await self._caller.leave()


def _print(outcome: Outcome) -> None:
    after = outcome.silent_after_seconds
    print(
        f"{outcome.kind:22} {outcome.name:34} {'stopped' if outcome.stopped else 'went on':8} "
        f"silent after {'-' if after is None else f'{after:.2f} s':7} "
        f"longest silence {outcome.held_seconds:.2f} s  {outcome.shown}",
        flush=True,
    )


def summary(outcomes: list[Outcome]) -> Iterator[str]:
    """One line for each kind."""
    for kind in dict.fromkeys(o.kind for o in outcomes):
        some = [o for o in outcomes if o.kind == kind]
        right = sum(o.stopped == o.interrupts for o in some)
        line = f"{kind:22} {right} of {len(some)} right"
        if some[0].interrupts:
            after = [o.silent_after_seconds for o in some if o.silent_after_seconds is not None]
            fast = sum(seconds <= 0.4 for seconds in after)
            line += f", {fast} silent within 0.4 s"
            if after:
                line += f", p50 {statistics.median(after):.2f} s, most {max(after):.2f} s"
        else:
            held = [o.held_seconds for o in some]
            line += f", held p50 {statistics.median(held):.2f} s, most {max(held):.2f} s"
        yield line


def main() -> int:
    """Measure, and print a line for each case and a summary."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--cache", type=Path, default=ROOT / "models", help="of the models")
    parser.add_argument(
        "--parts",
        nargs="+",
        default=["words", "echo", "over-echo", "background"],
        help="what to measure",
    )
    parser.add_argument("--only", default="", help="part of the name of the kinds to take")
    parser.add_argument(
        "--more", type=Path, help="folder of further recordings that are not to stop the agent"
    )
    parser.add_argument("--every", type=int, default=1, help="take every so many-th case alone")
    parser.add_argument("--set", nargs="*", default=[], help="settings of the agent, NAME=VALUE")
    parser.add_argument("--log", type=Path, help="file for the agent's log")
    parser.add_argument("--out", type=Path, help="file for the figures, JSON")
    arguments = parser.parse_args()
    outcomes = asyncio.run(measure(arguments))
    print(*summary(outcomes), sep="\n")
    if arguments.out:
        arguments.out.write_text(json.dumps([asdict(o) for o in outcomes], indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

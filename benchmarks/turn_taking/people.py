"""The pauses of people's recordings, and what a room would know in each of them.

Of each recording: its end, ends made by cutting it at words inside, and its natural pauses. A cut
is followed by silence as an end is, the recording's own background. A cut has a seam, though, that
an end lacks: the room's echo of the last word is missing, and what is fitted on many measures of
the sound learns to hear that. So there is the end once more, cut at the last word as the others
are, and natural pauses tell whether what was learned from cuts holds for pauses.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from services.asr.config import DecodeOptions
from services.asr.engine import StreamingASR
from services.asr.interface import ASREngine
from services.asr.recognizer import RecognizerTiming
from services.audio.samples import SAMPLE_RATE, Samples
from services.endpointing.acoustic import TurnAudio
from services.inference import Run
from services.vad.silero import (
    ActivityKind,
    VoiceActivityDetector,
    VoiceActivityModel,
    VoiceActivityOptions,
    windows,
)
from tests.support.people import PersonRecording

AGES_SECONDS = (0.12, 0.2, 0.4, 0.6, 0.8, 1.2)
"""Silence after which the voice is judged, and judged again."""
CUTS = 3
"""Cuts of a recording, at most."""
_TAIL_SECONDS = 1.5
_LONG_TAIL_SECONDS = 3.0
"""Added for a system that waits up to 3 s."""
_LEAST_BEFORE_CUT_SECONDS = 0.3
_SEARCH_SAMPLES = SAMPLE_RATE // 20
"""A word's edge is sought this far around the time that the recogniser gives."""
_LONGEST_DECODE_SAMPLES = 28 * SAMPLE_RATE

Where = Literal["end", "cut", "inside", "end as cut"]
Judge = Callable[[Samples], float]
"""From the turn so far, mono float32 at 16 kHz, to the probability of its end."""


@dataclass(frozen=True, slots=True)
class Pause:
    """One silence, and the evidence in it."""

    recording: str
    speaker: str
    kind: str
    where: Where
    seconds: float | None
    """How long the caller paused; None at an end or a cut, after which nothing follows."""
    text: str
    mean_log_probability: float
    last_word_log_probability: float
    closing_log_odds: float
    activations: list[float]
    """Of Smart Turn, at the first of `AGES_SECONDS`."""
    acoustic: dict[str, list[float]]
    """By the judge's name: a probability for each of `AGES_SECONDS` that the silence reached."""


class Listener:
    """What a room hears in a recording, with the models of a room."""

    def __init__(
        self,
        asr: ASREngine,
        activity: VoiceActivityModel,
        judges: dict[str, Judge],
        activations: Callable[[Samples], Samples] | None = None,
    ) -> None:
        assert isinstance(asr, StreamingASR)
        self._asr = asr
        self._activity = activity
        self._judges = judges
        self._activations = activations

    def pauses(self, recording: PersonRecording) -> Iterator[Pause]:
        """Yield the pauses of one recording of speech; takes about its duration."""
        rng = random.Random(recording.file)
        samples = recording.samples
        tail = background(samples, _TAIL_SECONDS, rng)
        whole = self._silences(np.concatenate((samples, tail)))
        for silence in whole:
            yield self._pause(recording, "end" if silence.seconds is None else "inside", silence)
        edges = self._edges(samples)
        places: list[tuple[Where, int]] = [("cut", cut) for cut in self._cuts(samples, edges, rng)]
        places += [("end as cut", _quietest(samples, edge)) for edge in edges[-1:]]
        for where, cut in places:
            silences = self._silences(np.concatenate((samples[:cut], tail)))
            if silences:
                yield self._pause(recording, where, silences[-1])

    def sounds(self, recording: PersonRecording) -> Iterator[tuple[Where, Samples]]:
        """Yield the same recording whole, and its cuts, each with a longer silence after it."""
        rng = random.Random(recording.file)
        samples = recording.samples
        tail = background(samples, _TAIL_SECONDS, rng)
        cuts = self._cuts(samples, self._edges(samples), rng)
        tail = np.concatenate((tail, background(samples, _LONG_TAIL_SECONDS, rng)))
        yield "end", np.concatenate((samples, tail))
        for cut in cuts:
            yield "cut", np.concatenate((samples[:cut], tail))

    def _silences(self, heard: Samples) -> list[_Silence]:
        detector = VoiceActivityDetector(self._activity, VoiceActivityOptions())
        audio = TurnAudio()
        pause_seconds = RecognizerTiming().pause_seconds
        found: list[_Silence] = []
        now: _Silence | None = None
        silent, spoken = 0.0, False
        for window in windows(heard):
            audio.push(window)
            for step in detector.push(window):
                audio.observe(speaking=step.speaking, voiced=step.voiced_seconds > 0)
                if step.kind is not ActivityKind.WINDOW:
                    continue
                if step.voiced_seconds > 0:
                    if now is not None and now.turns:
                        now.seconds = silent
                        found.append(now)
                    now, spoken = None, spoken or step.speaking
                    continue
                silent = step.silent_seconds
                if not spoken or silent < pause_seconds:
                    continue
                if now is None:
                    now = _Silence(heard[: step.position][-_LONGEST_DECODE_SAMPLES:])
                reached = len(now.turns)
                if reached < len(AGES_SECONDS) and silent >= AGES_SECONDS[reached]:
                    now.turns.append(audio.samples)
        if now is not None and now.turns:
            found.append(now)
        return found

    def _pause(self, recording: PersonRecording, where: Where, silence: _Silence) -> Pause:
        text = self._asr.decode(silence.heard, DecodeOptions(language="en"), Run())
        first = silence.turns[0]
        judges = {} if where == "end as cut" else self._judges
        return Pause(
            recording.file,
            recording.speaker or recording.file,
            recording.kind,
            where,
            silence.seconds,
            text.text,
            text.mean_log_probability,
            text.end.last_word_log_probability,
            text.end.closing_log_odds,
            [] if self._activations is None else self._activations(first).tolist(),
            {name: [judge(t) for t in silence.turns] for name, judge in judges.items()},
        )

    def _edges(self, samples: Samples) -> list[int]:
        """Return where words end, but those at the very beginning."""
        options = DecodeOptions(language="en", words=True)
        words = self._asr.decode(samples[:_LONGEST_DECODE_SAMPLES], options, Run()).words
        return [
            round(word.end_seconds * SAMPLE_RATE)
            for index, word in enumerate(words)
            if word.end_seconds - words[0].start_seconds > _LEAST_BEFORE_CUT_SECONDS
            or index == len(words) - 1
        ]

    def _cuts(self, samples: Samples, edges: list[int], rng: random.Random) -> list[int]:
        """Return where to cut: at the quietest place near the ends of words inside."""
        inside = edges[:-1]
        chosen = rng.sample(inside, min(CUTS, len(inside)))
        return sorted({_quietest(samples, edge) for edge in chosen})


@dataclass(slots=True)
class _Silence:
    heard: Samples
    """Everything up to where the recogniser decodes it."""
    turns: list[Samples] = field(default_factory=list)
    """The turn as the acoustic judge hears it, at each of `AGES_SECONDS`."""
    seconds: float | None = None


def spoken_until(activity: VoiceActivityModel, sound: Samples) -> float | None:
    """Return the seconds from the start to the last voice; None without any."""
    detector = VoiceActivityDetector(activity, VoiceActivityOptions())
    last = None
    for step in detector.push(sound):
        if step.kind is ActivityKind.WINDOW and step.voiced_seconds > 0:
            last = step.position / SAMPLE_RATE
    return last


def background(samples: Samples, seconds: float, rng: random.Random) -> Samples:
    """Return background noise as between the words: the quietest pieces in random order."""
    length = SAMPLE_RATE // 50
    pieces = samples[: len(samples) - len(samples) % length].reshape(-1, length)
    loudness = np.square(pieces).mean(axis=1)
    quiet = pieces[np.argsort(loudness)[: max(4, len(pieces) // 20)]]
    fade = np.hanning(length + 1)[:-1].astype(np.float32)
    count = round(seconds * SAMPLE_RATE) // (length // 2) - 1
    noise = np.zeros((count + 1) * (length // 2), dtype=np.float32)
    for index in range(count):
        start = index * (length // 2)
        noise[start : start + length] += fade * quiet[rng.randrange(len(quiet))]
    return noise


def _quietest(samples: Samples, position: int) -> int:
    length = SAMPLE_RATE // 100
    begin = max(0, position - _SEARCH_SAMPLES)
    near = samples[begin : position + _SEARCH_SAMPLES]
    pieces = near[: len(near) - len(near) % length].reshape(-1, length)
    return begin + int(np.argmin(np.square(pieces).mean(axis=1))) * length + length // 2

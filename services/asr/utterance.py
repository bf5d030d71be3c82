"""One utterance while it is heard: its audio, its pauses and what is known of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..audio.samples import SAMPLE_RATE, quietest_place
from ..inference import DynamicPriority
from .events import ASREvent, ASREventKind
from .transcription import Transcription, join_transcriptions

Samples = NDArray[np.float32]

TAIL_SAMPLES = SAMPLE_RATE * 6 // 100
"""Silence that a decode must have heard after the last voice to count for the whole utterance."""
_COMMIT_SHARE = 0.5
"""Of the recogniser's window: open audio beyond this is settled at its last pause. The demo model,
which hears 10 s, gets 12 % of the words in long speech wrong, and 20 % with 0.6."""
_CUT_SAMPLES = SAMPLE_RATE // 10
"""Audio is cut so far behind the voice, or at the end of a shorter pause."""
_LEAST_VOICE_SAMPLES = SAMPLE_RATE * 3 // 10
"""Voice that must follow a pause before what lies before it is settled."""


@dataclass(slots=True)
class Decode:
    """A decode of everything up to sample `end` of the stream."""

    end: int
    urgency: DynamicPriority
    task: asyncio.Task[Transcription]


@dataclass(frozen=True, slots=True)
class Pause:
    """Where it was silent, in samples of the stream."""

    start: int
    end: int
    voiced: int
    """Samples of the utterance that had been voiced before."""

    @property
    def cut(self) -> int:
        """Where audio may be cut."""
        return min(self.start + _CUT_SAMPLES, self.end)


class Utterance:
    """Audio of one utterance and what is known of it; belongs to one event loop.

    Places are samples of the stream, at 16 kHz.
    """

    def __init__(self, start: int, samples: Samples) -> None:
        self.start = start
        self.chunks: list[Samples] = [samples]
        self.open_start = start
        """First sample that is not decoded once and for all."""
        self.end = start + len(samples)
        self.last_voice = self.end
        self.voiced = 0
        """Samples with voice in them."""
        self.pauses: list[Pause] = []
        self.committed: list[Transcription] = []
        self.decode: Decode | None = None
        self.previous: list[str] = []
        self.stable: list[str] = []
        self.emitted: tuple[ASREventKind, str] | None = None
        self.held: list[ASREvent] | None = None
        """Events that wait for the final of an earlier utterance; None once its turn has come."""
        self.last_interim = 0.0
        """Monotonic time at which an interim transcript was last begun."""

    @property
    def audio_bytes(self) -> int:
        """Of the open audio; from any thread."""
        return sum(samples.nbytes for samples in tuple(self.chunks))

    def push(self, samples: Samples) -> None:
        """Take mono float32 audio at 16 kHz."""
        self.chunks.append(samples)
        self.end += len(samples)

    def note_pause(self) -> None:
        """It is silent: remember the pause, or that it lasts."""
        if self.pauses and self.pauses[-1].start == self.last_voice:
            self.pauses.pop()
        self.pauses.append(Pause(self.last_voice, self.end, self.voiced))

    def audio(self) -> Samples:
        """The open audio, as one array."""
        if len(self.chunks) > 1:
            self.chunks = [np.concatenate(self.chunks)]
        return self.chunks[0]

    def commit(self, heard: Transcription, until: int) -> None:
        """Take `heard` as the transcript of the audio up to sample `until`."""
        self.committed.append(heard)
        # Audio may have been dropped while it was transcribed.
        until = max(until, self.open_start)
        self.chunks = [self.audio()[until - self.open_start :].copy()]
        self.open_start = until
        self.pauses = [pause for pause in self.pauses if pause.cut > until]
        self.previous = []
        self.stable = []

    def drop_oldest(self, keep: int) -> int:
        """Keep only the last `keep` samples of the open audio; returns how many were dropped."""
        excess = self.end - self.open_start - keep
        if excess <= 0:
            return 0
        self.chunks = [self.audio()[excess:].copy()]
        self.open_start += excess
        return excess

    def attempted(self) -> bool:
        """Whether everything said so far has been given to a decode, whatever came of it."""
        decode = self.decode
        return decode is not None and decode.end >= self.last_voice + TAIL_SAMPLES

    def covered(self) -> bool:
        """Whether a decode of everything said so far runs or has succeeded."""
        decode = self.decode
        if decode is None or not self.attempted():
            return False
        return not decode.task.done() or (
            not decode.task.cancelled() and decode.task.exception() is None
        )

    def cut(self, window_seconds: float, commit_seconds: float) -> int | None:
        """Where the open audio may be cut for good: a pause, or a quiet place if it must be."""
        commit = round(min(commit_seconds, _COMMIT_SHARE * window_seconds) * SAMPLE_RATE)
        open_samples = self.end - self.open_start
        if open_samples <= commit:
            return None
        earliest = self.open_start + SAMPLE_RATE
        latest = self.open_start + round(0.95 * window_seconds * SAMPLE_RATE)
        # A recogniser makes words up for a rest in which hardly anything is said.
        pauses = [
            pause
            for pause in self.pauses
            if earliest <= pause.cut <= latest
            and self.voiced - pause.voiced >= _LEAST_VOICE_SAMPLES
        ]
        if pauses:
            # The longest is most likely one between sentences.
            return max(pauses, key=lambda pause: pause.end - pause.start).cut
        limit = round(0.85 * window_seconds * SAMPLE_RATE)
        if open_samples < limit:
            return None
        return self.open_start + quietest_place(self.audio(), limit // 2, limit)

    def stabilised(self, heard: Transcription) -> str:
        """Words shown twice in a row no longer change until the whole has been heard."""
        words = [*self.stable, *heard.text.split()[len(self.stable) :]]
        agreed = 0
        for old, new in zip(self.previous, words, strict=False):
            if old != new:
                break
            agreed += 1
        self.previous = words
        self.stable = words[: max(agreed, len(self.stable))]
        return " ".join(words)

    def whole(self, tail: Transcription) -> Transcription:
        """What is settled, and then `tail`."""
        return join_transcriptions([*self.committed, tail])

    def event(
        self,
        kind: ASREventKind,
        heard: Transcription,
        *,
        error: Exception | None = None,
    ) -> ASREvent:
        """What became known of this utterance, with times of the stream."""
        start = self.start / SAMPLE_RATE
        return ASREvent(
            kind=kind,
            text=heard.text,
            language=heard.language or "en",
            confidence=heard.confidence,
            mean_log_probability=heard.mean_log_probability,
            words=tuple(
                replace(w, start_seconds=w.start_seconds + start, end_seconds=w.end_seconds + start)
                for w in heard.words
            ),
            start_seconds=start,
            end_seconds=self.last_voice / SAMPLE_RATE,
            audio_seconds=(self.end - self.start) / SAMPLE_RATE,
            tokens=heard.tokens,
            error=error,
        )

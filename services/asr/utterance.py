"""One utterance in progress: its audio, its pauses and its transcript so far."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np

from ..audio.samples import SAMPLE_RATE, Samples, quietest_place
from ..inference import DynamicPriority
from .events import ASREvent, ASREventKind
from .scripts import join_words, split_words
from .transcription import Transcription, join_transcriptions

TAIL_SAMPLES = SAMPLE_RATE * 6 // 100
"""Silence after the last voice that a decode must include to cover the whole utterance."""
_COMMIT_SHARE = 0.5
"""Of the recogniser's window: open audio beyond this is committed at its last pause. The demo
model, whose window is 10 s, gets 12 % of the words in long speech wrong, and 20 % with 0.6."""
_CUT_SAMPLES = SAMPLE_RATE // 10
"""Audio is cut this far after the voice, or at the end of a shorter pause."""
_LEAST_VOICE_SAMPLES = SAMPLE_RATE * 3 // 10
"""Voice that must follow a pause before the audio ahead of it is committed."""


@dataclass(slots=True)
class Decode:
    """A decode of everything up to sample `end` of the stream."""

    end: int
    priority: DynamicPriority
    task: asyncio.Task[Transcription]


@dataclass(frozen=True, slots=True)
class Pause:
    """A stretch of silence, in samples of the stream."""

    start: int
    end: int
    voiced: int
    """Voiced samples of the utterance up to the pause."""

    @property
    def cut(self) -> int:
        """Where the audio may be cut."""
        return min(self.start + _CUT_SAMPLES, self.end)


class Utterance:
    """The audio and the transcript of one utterance; belongs to one event loop.

    Positions are samples of the stream, at 16 kHz.
    """

    def __init__(self, start: int, samples: Samples) -> None:
        self.start = start
        self.chunks: list[Samples] = [samples]
        self.open_start = start
        """First sample that is not committed yet."""
        self.end = start + len(samples)
        self.last_voice = self.end
        self.voiced = 0
        """Samples with voice."""
        self.pauses: list[Pause] = []
        self.committed: list[Transcription] = []
        self.decode: Decode | None = None
        self.previous: list[str] = []
        self.stable: list[str] = []
        self.emitted: tuple[ASREventKind, str] | None = None
        self.held: list[ASREvent] | None = None
        """Events that wait for the final of an earlier utterance; None if there is none."""
        self.last_interim = 0.0
        """Monotonic time at which the latest interim decode began."""

    @property
    def audio_bytes(self) -> int:
        """Size of the open audio; from any thread."""
        return sum(samples.nbytes for samples in tuple(self.chunks))

    def push(self, samples: Samples) -> None:
        """Append mono float32 audio at 16 kHz."""
        self.chunks.append(samples)
        self.end += len(samples)

    def note_pause(self) -> None:
        """Record that a pause has begun, or still lasts."""
        if self.pauses and self.pauses[-1].start == self.last_voice:
            self.pauses.pop()
        self.pauses.append(Pause(self.last_voice, self.end, self.voiced))

    def audio(self) -> Samples:
        """Return the open audio as one array."""
        if len(self.chunks) > 1:
            self.chunks = [np.concatenate(self.chunks)]
        return self.chunks[0]

    def commit(self, heard: Transcription, until: int) -> None:
        """Settle the transcript of the audio up to sample `until`."""
        self.committed.append(heard)
        # Audio may have been dropped during the transcription.
        until = max(until, self.open_start)
        self.chunks = [self.audio()[until - self.open_start :].copy()]
        self.open_start = until
        self.pauses = [pause for pause in self.pauses if pause.cut > until]
        self.previous = []
        self.stable = []

    def drop_oldest(self, keep: int) -> int:
        """Keep the last `keep` samples of the open audio; return how many were dropped."""
        excess = self.end - self.open_start - keep
        if excess <= 0:
            return 0
        self.chunks = [self.audio()[excess:].copy()]
        self.open_start += excess
        return excess

    def attempted(self) -> bool:
        """Whether a decode of everything said so far was started, whatever its result."""
        decode = self.decode
        return decode is not None and decode.end >= self.last_voice + TAIL_SAMPLES

    def covered(self) -> bool:
        """Whether a decode of everything said so far is running or has succeeded."""
        decode = self.decode
        if decode is None or not self.attempted():
            return False
        return not decode.task.done() or (
            not decode.task.cancelled() and decode.task.exception() is None
        )

    def cut(self, window_seconds: float, commit_seconds: float) -> int | None:
        """Return where to commit the open audio: at a pause, or at a quiet place if it must be."""
        commit = round(min(commit_seconds, _COMMIT_SHARE * window_seconds) * SAMPLE_RATE)
        open_samples = self.end - self.open_start
        if open_samples <= commit:
            return None
        earliest = self.open_start + SAMPLE_RATE
        latest = self.open_start + round(0.95 * window_seconds * SAMPLE_RATE)
        # A recogniser invents words for a rest that contains hardly any speech.
        pauses = [
            pause
            for pause in self.pauses
            if earliest <= pause.cut <= latest
            and self.voiced - pause.voiced >= _LEAST_VOICE_SAMPLES
        ]
        if pauses:
            # The longest pause is most likely one between sentences.
            return max(pauses, key=lambda pause: pause.end - pause.start).cut
        limit = round(0.85 * window_seconds * SAMPLE_RATE)
        if open_samples < limit:
            return None
        return self.open_start + quietest_place(self.audio(), limit // 2, limit)

    def stabilised(self, heard: Transcription) -> str:
        """Return the text of an interim; words shown twice in a row no longer change."""
        words = [*self.stable, *split_words(heard.text)[len(self.stable) :]]
        agreed = 0
        for old, new in zip(self.previous, words, strict=False):
            if old.strip() != new.strip():
                break
            agreed += 1
        self.previous = words
        self.stable = words[: max(agreed, len(self.stable))]
        return join_words(words)

    def whole(self, tail: Transcription) -> Transcription:
        """Return the committed transcript followed by `tail`."""
        return join_transcriptions([*self.committed, tail])

    def event(
        self,
        kind: ASREventKind,
        heard: Transcription,
        *,
        error: Exception | None = None,
    ) -> ASREvent:
        """Make an event of this utterance."""
        return ASREvent(
            kind=kind,
            text=heard.text,
            language=heard.language or "en",
            language_probability=heard.language_probability,
            confidence=heard.confidence,
            mean_log_probability=heard.mean_log_probability,
            end=heard.end,
            words=heard.words,
            start_seconds=self.start / SAMPLE_RATE,
            end_seconds=self.last_voice / SAMPLE_RATE,
            audio_seconds=(self.end - self.start) / SAMPLE_RATE,
            tokens=heard.tokens,
            error=error,
        )

"""Finds the segments of speech in a long recording while it is being read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from ..audio.samples import SAMPLE_RATE, Samples, quietest_place
from .silero import (
    WINDOW_SAMPLES,
    Activity,
    ActivityKind,
    VoiceActivityDetector,
    VoiceActivityModel,
    VoiceActivityOptions,
)

_MARGIN_SAMPLES = SAMPLE_RATE * 3 // 10
"""Audio kept before and after the voice."""
_PAUSE_SECONDS = 1.0
"""A shorter pause does not end a segment."""


@dataclass(frozen=True, slots=True)
class SpeechSegment:
    """Speech with a little audio around it."""

    start_seconds: float
    """From the start of the recording."""
    samples: Samples
    """Mono in [-1, 1] at 16 kHz."""


def speech_segments(
    chunks: Iterable[Samples], model: VoiceActivityModel, *, limit_seconds: float
) -> Iterator[SpeechSegment]:
    """Yield the speech in consecutive `chunks` of mono audio at 16 kHz, in order.

    Speech longer than `limit_seconds` is cut at the quietest place in the second half of that
    time. Holds no more audio than the limit and one chunk. Takes about 5 ms per second of audio.
    """
    finder = _Finder(model, round(limit_seconds * SAMPLE_RATE))
    for chunk in chunks:
        yield from finder.push(chunk)
    # The detector processes whole windows.
    yield from finder.push(np.zeros(WINDOW_SAMPLES, dtype=np.float32))
    yield from finder.finish()


class _Finder:
    def __init__(self, model: VoiceActivityModel, limit: int) -> None:
        self._detector = VoiceActivityDetector(
            model, VoiceActivityOptions(min_silence_seconds=_PAUSE_SECONDS)
        )
        self._limit = limit
        self._kept = np.empty(0, dtype=np.float32)
        self._kept_from = 0
        """Position of the first kept sample in the recording."""
        self._start: int | None = None
        """Where the open segment begins."""
        self._last_voice = 0

    def push(self, chunk: Samples) -> Iterator[SpeechSegment]:
        self._kept = np.concatenate((self._kept, chunk))
        for activity in self._detector.push(chunk):
            yield from self._judge(activity)
        if self._start is None:
            # Speech is detected some windows after it has begun.
            self._drop(self._end - 2 * _MARGIN_SAMPLES)

    def finish(self) -> Iterator[SpeechSegment]:
        yield from self._take_to_last_voice()

    @property
    def _end(self) -> int:
        return self._kept_from + len(self._kept)

    def _judge(self, activity: Activity) -> Iterator[SpeechSegment]:
        if activity.kind is ActivityKind.STARTED:
            voiced = round(activity.voiced_seconds * SAMPLE_RATE)
            self._start = max(self._kept_from, activity.position - voiced - _MARGIN_SAMPLES)
        if activity.voiced_seconds > 0:
            self._last_voice = activity.position
        if self._start is None:
            return
        if activity.kind is ActivityKind.ENDED:
            yield from self._take_to_last_voice()
            self._start = None
        elif activity.position - self._start >= self._limit:
            first = self._start - self._kept_from
            cut = quietest_place(self._kept, first + self._limit // 2, first + self._limit)
            yield self._take(self._kept_from + cut)
            self._start = self._kept_from

    def _take_to_last_voice(self) -> Iterator[SpeechSegment]:
        # After a cut within a pause there may be nothing left.
        if self._start is not None and self._last_voice > self._start:
            yield self._take(self._last_voice + _MARGIN_SAMPLES)

    def _take(self, end: int) -> SpeechSegment:
        assert self._start is not None
        first = self._start - self._kept_from
        samples = self._kept[first : end - self._kept_from].copy()
        segment = SpeechSegment(self._start / SAMPLE_RATE, samples)
        self._drop(end)
        return segment

    def _drop(self, before: int) -> None:
        count = min(max(0, before - self._kept_from), len(self._kept))
        self._kept = self._kept[count:]
        self._kept_from += count

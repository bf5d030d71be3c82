"""One reply while it is spoken: its words with their times, its sound, and how far it has come."""

from __future__ import annotations

import asyncio
import time
from collections import deque

import numpy as np
from livekit import rtc
from livekit.agents.types import TimedString
from numpy.typing import NDArray

from ..audio.samples import Samples
from .playhead import Playhead

_LONGEST_SOUND_SECONDS = 3.0
"""Of audio that was played: more than any echo takes to come back."""


class SpokenReply:
    """One reply: its words with their times, and how far it has been played."""

    def __init__(self, *, paused: bool = False) -> None:
        self.playhead = Playhead()
        if paused:
            self.playhead.hold(time.monotonic())
        self._words: list[tuple[str, float, float]] = []
        self._sent = 0
        self._text_ended = False
        self._audio_ended = False
        self.pushed_seconds = 0.0
        self._closed = False
        self._sound: deque[rtc.AudioFrame] = deque()
        self._sound_start = 0.0
        self._heard_seconds: float | None = None
        self._news = asyncio.Event()

    @property
    def text_ended(self) -> bool:
        """Whether all words are known."""
        return self._text_ended

    @property
    def audio_ended(self) -> bool:
        """Whether all audio is known."""
        return self._audio_ended

    @property
    def has_begun(self) -> bool:
        """Whether any of it has been played."""
        return self.playhead.started is not None

    def was_played(self, moment: float) -> bool:
        """Whether it was being played then (monotonic), pauses included."""
        started, ended = self.playhead.started, self.playhead.ended
        return started is not None and started <= moment and (ended is None or moment < ended)

    def words_around(self, before_seconds: float, ahead_seconds: float) -> str:
        """The words from so long before now to so long after, as far as they are known."""
        now = time.monotonic()
        place = self.playhead.place(now)
        if place is None:
            return ""
        if self.playhead.ended is not None:
            place += now - self.playhead.ended
            ahead_seconds = self.playhead.ended - now
        first, last = place - before_seconds, place + ahead_seconds
        return "".join(text for text, start, end in self._words if end > first and start < last)

    def add_sound(self, frame: rtc.AudioFrame) -> None:
        """Add the next audio; what was played long ago is forgotten."""
        self._sound.append(frame)
        self.pushed_seconds += frame.duration
        place = self.playhead.place(time.monotonic()) or 0.0
        oldest = min(place, self.pushed_seconds) - _LONGEST_SOUND_SECONDS
        while self._sound_start + self._sound[0].duration < oldest:
            self._sound_start += self._sound.popleft().duration

    def sound_before(self, seconds: float) -> Samples:
        """What was played in the last so many seconds, mono in [-1, 1].

        Silence in pauses and after its end; shorter where it has begun later.
        """
        now = time.monotonic()
        place = self.playhead.place(now)
        if place is None or not self._sound:
            return np.empty(0, dtype=np.float32)
        rate = self._sound[0].sample_rate
        samples = np.concatenate([np.frombuffer(f.data, dtype=np.int16) for f in self._sound])
        silences = [(pause.place, pause.seconds) for pause in self.playhead.pauses]
        if self.playhead.ended is not None:
            silences.append((place, now - self.playhead.ended))
        elif self.playhead.held_since is not None:
            silences.append((place, now - self.playhead.held_since))
        parts: list[NDArray[np.int16]] = []
        end = place
        for start, lasted in reversed(silences):
            parts.append(self._cut(samples, start, end, rate))
            parts.append(np.zeros(round(min(lasted, seconds) * rate), dtype=np.int16))
            end = start
        parts.append(self._cut(samples, end - seconds, end, rate))
        played = np.concatenate(parts[::-1])[-round(seconds * rate) :]
        sound: Samples = played.astype(np.float32) / np.float32(32768.0)
        return sound

    def _cut(
        self, samples: NDArray[np.int16], start: float, end: float, rate: int
    ) -> NDArray[np.int16]:
        first = round((start - self._sound_start) * rate)
        last = round((end - self._sound_start) * rate)
        return samples[max(0, first) : max(0, last)]

    def add_text(self, text: str) -> None:
        """Add the next word; without a time of its own it follows the one before."""
        last = self._words[-1][2] if self._words else 0.0
        start, end = last, last
        if isinstance(text, TimedString):
            start = text.start_time if isinstance(text.start_time, float) else last
            end = text.end_time if isinstance(text.end_time, float) else start
        self._words.append((str(text), start, end))
        self._news.set()

    def end_text(self) -> None:
        """Record that all words are known."""
        self._text_ended = True
        self._news.set()

    def end_audio(self) -> None:
        """Record that all audio is known; without any, words need not wait."""
        self._audio_ended = True
        self._news.set()

    def playback_started(self, seconds_ago: float) -> None:
        """Record that playback began."""
        if self.playhead.started is None:
            self.playhead.start(time.monotonic() - max(0.0, seconds_ago))
            self._news.set()

    def playback_progressed(self, last: float) -> None:
        """Record that playback stopped, or had stopped, at `last`."""
        self.playhead.report(last, time.monotonic())
        self._news.set()

    def pause(self, paused: bool) -> None:
        """Pause or resume with the playback."""
        if paused:
            self.playhead.hold(time.monotonic())
        else:
            self.playhead.go_on(time.monotonic())
        self._news.set()

    def finish(self, heard_seconds: float, *, interrupted: bool) -> str:
        """Record that playback ended; return the words that were heard."""
        if interrupted:
            self._heard_seconds = heard_seconds
        self.playhead.end(time.monotonic())
        self._closed = True
        self._news.set()
        return "".join(text for text, start, end in self._words if self._was_heard(start, end))

    def close(self) -> None:
        """Record that nothing more will be played: publish the rest at once."""
        self.playhead.end(time.monotonic())
        self._closed = True
        self._text_ended = True
        self._news.set()

    async def next_due(self) -> str | None:
        """Wait for the time of the next word and return it, or None after the last."""
        while True:
            self._news.clear()
            wait: float | None = None
            if self._sent < len(self._words):
                text, start, end = self._words[self._sent]
                if self._closed and not self._was_heard(start, end):
                    return None
                wait = self._until(start)
                if wait is not None and wait <= 0:
                    self._sent += 1
                    return text
            elif self._text_ended:
                return None
            try:
                await asyncio.wait_for(self._news.wait(), wait)
            except TimeoutError:
                continue

    def _was_heard(self, start: float, end: float) -> bool:
        return self._heard_seconds is None or (start + end) / 2 < self._heard_seconds

    def _until(self, start: float) -> float | None:
        """Return the seconds until that moment of playback, or None if not known yet."""
        if self._closed or (self._audio_ended and self.pushed_seconds == 0.0):
            return 0.0
        place = self.playhead.place(time.monotonic())
        if place is None or self.playhead.held_since is not None:
            return None
        return start - place

"""Publishes each word of a reply when it is spoken, by the word times of the voice."""

from __future__ import annotations

import asyncio
import time
from collections import deque

import numpy as np
from livekit import rtc
from livekit.agents import utils
from livekit.agents.types import TimedString
from livekit.agents.voice import io
from numpy.typing import NDArray

from ..audio.samples import SAMPLE_RATE, Samples
from .sending import is_sent

_LONGEST_SOUND_SECONDS = 3.0
"""Of audio that was played: more than any echo takes to come back."""
_REMEMBERED_PAUSES = 4


class SpokenTranscript:
    """Synchronises an agent's text with its audio, word by word.

    The framework's own synchronizer estimates a speaking rate from the audio, on the room's event
    loop, for voices without word times. Here each word is published at its own time, and after an
    interruption the words that count as spoken are those of which the larger part was heard. Text
    without times is published with the audio it came with.

    Belongs to one event loop; `aclose` ends its task.
    """

    def __init__(self, audio: io.AudioOutput, text: io.TextOutput) -> None:
        self.audio = SpokenAudio(self, audio)
        self.text = _SpokenText(self, text)
        self._next_text = text
        self._reply = _Reply()
        self._before = _Reply()
        self._paused = False
        self._open: list[asyncio.Task[None]] = []
        self._start(self._reply)

    @property
    def reply(self) -> _Reply:
        """The current reply, or the next one."""
        return self._reply

    def was_audible(self, moment: float) -> bool:
        """Whether a reply was being played at that monotonic time, pauses included."""
        return self._reply.was_played(moment) or self._before.was_played(moment)

    def words_around(self, before_seconds: float, ahead_seconds: float) -> str:
        """The words played from so long before now to so long after, pauses left out."""
        parts = (r.words_around(before_seconds, ahead_seconds) for r in (self._before, self._reply))
        return " ".join(part for part in parts if part)

    def sound_before(self, seconds: float) -> tuple[Samples, int]:
        """The last audio played up to now, at most so much of it, and its sample rate."""
        return self._reply.sound_before(seconds), self.audio.sample_rate or SAMPLE_RATE

    def rotate(self) -> None:
        """End the current reply and begin another."""
        self._reply.close()
        if self._reply.has_begun:
            self._before = self._reply
        self._reply = _Reply(paused=self._paused)
        self._start(self._reply)

    def pause(self, paused: bool) -> None:
        """Pause or resume with the playback."""
        self._paused = paused
        self._reply.pause(paused)

    def cut(self) -> None:
        """Publish no more words, and end the open message before the room's outputs are closed.

        The framework ends the message of a finished reply in the background, where a lost
        connection is only logged; a message still open when it closes makes its close fail.
        """
        self._reply.close()
        for task in self._open:
            task.cancel()
        self._next_text.flush()

    async def aclose(self) -> None:
        """End all tasks."""
        self._reply.close()
        await utils.aio.cancel_and_wait(*self._open)

    def _start(self, reply: _Reply) -> None:
        self._open = [task for task in self._open if not task.done()]
        before = self._open[-1] if self._open else None
        work = self._pass_on(reply, before)
        self._open.append(asyncio.create_task(work, name="spoken-transcript"))

    async def _pass_on(self, reply: _Reply, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        sent = False
        while (word := await reply.next_due()) is not None:
            sent = True
            if not await is_sent("word of a reply", self._next_text.capture_text(word)):
                # The next word begins another message.
                self._next_text.flush()
        if sent:
            self._next_text.flush()


class _Reply:
    """One reply: its words with their times, and how far it has been played."""

    def __init__(self, *, paused: bool = False) -> None:
        self._words: list[tuple[str, float, float]] = []
        self._sent = 0
        self._text_ended = False
        self._audio_ended = False
        self.pushed_seconds = 0.0
        self._started: float | None = None
        self._held_since: float | None = time.monotonic() if paused else None
        self._held_seconds = 0.0
        self._closed = False
        self._ended: float | None = None
        self._sound: deque[rtc.AudioFrame] = deque()
        self._sound_start = 0.0
        self._pauses: deque[tuple[float, float]] = deque(maxlen=_REMEMBERED_PAUSES)
        """Where it was paused, and for how long."""
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
        return self._started is not None

    def was_played(self, moment: float) -> bool:
        """Whether it was being played then (monotonic), pauses included."""
        started, ended = self._started, self._ended
        return started is not None and started <= moment and (ended is None or moment < ended)

    def words_around(self, before_seconds: float, ahead_seconds: float) -> str:
        """The words from so long before now to so long after, as far as they are known."""
        place = self._place()
        if place is None:
            return ""
        if self._ended is not None and self._heard_seconds is not None:
            ahead_seconds = min(ahead_seconds, self._heard_seconds - place)
        first, last = place - before_seconds, place + ahead_seconds
        return "".join(text for text, start, end in self._words if end > first and start < last)

    def add_sound(self, frame: rtc.AudioFrame) -> None:
        """Add the next audio; what was played long ago is forgotten."""
        self._sound.append(frame)
        self.pushed_seconds += frame.duration
        place = self._place() or 0.0
        oldest = min(place, self.pushed_seconds) - _LONGEST_SOUND_SECONDS
        while self._sound_start + self._sound[0].duration < oldest:
            self._sound_start += self._sound.popleft().duration

    def sound_before(self, seconds: float) -> Samples:
        """What was played in the last so many seconds, mono in [-1, 1]: silence in pauses."""
        place = self._place()
        if place is None or not self._sound:
            return np.empty(0, dtype=np.float32)
        rate = self._sound[0].sample_rate
        samples = np.concatenate([np.frombuffer(f.data, dtype=np.int16) for f in self._sound])
        pauses = [*self._pauses]
        if self._held_since is not None:
            pauses.append((place, time.monotonic() - self._held_since))
        parts: list[NDArray[np.int16]] = []
        end = place
        for start, length in reversed(pauses):
            parts.append(self._cut(samples, start, end, rate))
            parts.append(np.zeros(round(min(length, seconds) * rate), dtype=np.int16))
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

    def _place(self) -> float | None:
        """Seconds of it that were played; None before it has begun."""
        if self._started is None:
            return None
        now = time.monotonic()
        held = self._held_seconds
        if self._held_since is not None:
            held += now - max(self._held_since, self._started)
        return now - self._started - held

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
        if self._started is None:
            self._started = time.monotonic() - max(0.0, seconds_ago)
            self._news.set()

    def pause(self, paused: bool) -> None:
        """Pause or resume with the playback."""
        now = time.monotonic()
        if paused and self._held_since is None:
            self._held_since = now
        elif not paused and self._held_since is not None:
            if self._started is not None:
                place = self._place()
                lasted = now - max(self._held_since, self._started)
                self._held_seconds += lasted
                if place is not None:
                    self._pauses.append((place, lasted))
            self._held_since = None
        self._news.set()

    def finish(self, heard_seconds: float, *, interrupted: bool) -> str:
        """Record that playback ended; return the words that were heard."""
        if interrupted:
            self._heard_seconds = heard_seconds
        self._ended = time.monotonic()
        self._closed = True
        self._news.set()
        return "".join(text for text, start, end in self._words if self._was_heard(start, end))

    def close(self) -> None:
        """Record that nothing more will be played: publish the rest at once."""
        if self._ended is None:
            self._ended = time.monotonic()
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
        if self._started is None or self._held_since is not None:
            return None
        return start - (time.monotonic() - self._started - self._held_seconds)


class SpokenAudio(io.AudioOutput):
    """Passes audio on and records its playback."""

    def __init__(self, owner: SpokenTranscript, next_in_chain: io.AudioOutput) -> None:
        super().__init__(
            label="SpokenTranscript",
            next_in_chain=next_in_chain,
            capabilities=io.AudioOutputCapabilities(pause=True),
            sample_rate=next_in_chain.sample_rate,
        )
        self._owner = owner

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        if self._owner.reply.audio_ended:
            self._owner.rotate()
        assert self.next_in_chain is not None
        await self.next_in_chain.capture_frame(frame)
        await super().capture_frame(frame)
        self._owner.reply.add_sound(frame)

    def flush(self) -> None:
        super().flush()
        assert self.next_in_chain is not None
        self.next_in_chain.flush()
        reply = self._owner.reply
        reply.end_audio()
        if reply.pushed_seconds == 0.0 and reply.text_ended:
            self._owner.rotate()

    def clear_buffer(self) -> None:
        assert self.next_in_chain is not None
        self.next_in_chain.clear_buffer()

    def on_playback_started(self, *, created_at: float) -> None:
        super().on_playback_started(created_at=created_at)
        self._owner.reply.playback_started(time.time() - created_at)

    def on_playback_finished(
        self,
        *,
        playback_position: float,
        interrupted: bool,
        synchronized_transcript: str | None = None,
    ) -> None:
        said = self._owner.reply.finish(playback_position, interrupted=interrupted)
        super().on_playback_finished(
            playback_position=playback_position,
            interrupted=interrupted,
            synchronized_transcript=said,
        )
        self._owner.rotate()

    def pause(self) -> None:
        super().pause()
        self._owner.pause(True)

    def resume(self) -> None:
        super().resume()
        self._owner.pause(False)


class _SpokenText(io.TextOutput):
    """Receives the words of the reply."""

    def __init__(self, owner: SpokenTranscript, next_in_chain: io.TextOutput) -> None:
        super().__init__(label="SpokenTranscript", next_in_chain=next_in_chain)
        self._owner = owner

    async def capture_text(self, text: str) -> None:
        if self._owner.reply.text_ended:
            self._owner.rotate()
        self._owner.reply.add_text(text)

    def flush(self) -> None:
        reply = self._owner.reply
        reply.end_text()
        if reply.audio_ended and reply.pushed_seconds == 0.0:
            self._owner.rotate()

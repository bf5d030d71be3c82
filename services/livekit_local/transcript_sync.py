"""Publishes each word of a reply when it is spoken, by the word times of the voice."""

from __future__ import annotations

import asyncio
import time

import numpy as np
from livekit import rtc
from livekit.agents import utils
from livekit.agents.voice import io

from ..audio.samples import SAMPLE_RATE, Samples
from .sending import is_sent
from .spoken_reply import SpokenReply


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
        self._reply = SpokenReply()
        self._before = SpokenReply()
        self._paused = False
        self._open: list[asyncio.Task[None]] = []
        self._start(self._reply)

    @property
    def reply(self) -> SpokenReply:
        """The current reply, or the next one."""
        return self._reply

    def was_audible(self, moment: float) -> bool:
        """Whether a reply was being played at that monotonic time, pauses included."""
        return self._reply.was_played(moment) or self._before.was_played(moment)

    def words_around(self, before_seconds: float, ahead_seconds: float) -> str:
        """The words played from so long before now to so long after, pauses left out."""
        parts = (r.words_around(before_seconds, ahead_seconds) for r in (self._before, self._reply))
        return " ".join(part for part in parts if part)

    def latest_words_around(self, before_seconds: float, ahead_seconds: float) -> str:
        """The same of the latest reply that was played, without the one before."""
        latest = self._reply if self._reply.has_begun else self._before
        return latest.words_around(before_seconds, ahead_seconds)

    def sound_before(self, seconds: float) -> tuple[Samples, int]:
        """What was played in the last so many seconds, silence included, and its sample rate."""
        rate = self.audio.sample_rate or SAMPLE_RATE
        played = np.zeros(round(seconds * rate), dtype=np.float32)
        # The last words of a reply may still come back once the next one has begun.
        for reply in (self._before, self._reply):
            sound = reply.sound_before(seconds)
            if len(sound):
                played[-len(sound) :] += sound
        return played, rate

    def rotate(self) -> None:
        """End the current reply and begin another."""
        self._reply.close()
        if self._reply.has_begun:
            self._before = self._reply
        self._reply = SpokenReply(paused=self._paused)
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

    def _start(self, reply: SpokenReply) -> None:
        self._open = [task for task in self._open if not task.done()]
        before = self._open[-1] if self._open else None
        work = self._pass_on(reply, before)
        self._open.append(asyncio.create_task(work, name="spoken-transcript"))

    async def _pass_on(self, reply: SpokenReply, before: asyncio.Task[None] | None) -> None:
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

    def on_playback_progressed(self, *, started_at: float, offset: float, duration: float) -> None:
        super().on_playback_progressed(started_at=started_at, offset=offset, duration=duration)
        self._owner.reply.playback_progressed(offset + duration)

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

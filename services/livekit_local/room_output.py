"""The agent's voice in a room: an audio output that pauses at once, and loses nothing by it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from livekit import rtc
from livekit.agents.utils import aio, log_exceptions
from livekit.agents.voice import io

logger = logging.getLogger("services.livekit_local")

QUEUED_SECONDS: Final = 0.2
"""Audio that is handed to the sender ahead of its time, so that a busy loop leaves no gap."""

_TRACK_NAME = "roomio_audio"
"""As the framework names it."""
_SAMPLE_BYTES = 2
_FRAMES_PER_SECOND = 20
"""Of what is handed to the sender."""
_SENT_PER_SECOND = 100
"""The sender sends whole frames of 10 ms, and keeps a rest until more follows."""


@dataclass(slots=True)
class _Segment:
    """Speech that is played without a gap; lengths in samples."""

    waiting: deque[rtc.AudioFrame] = field(default_factory=deque)
    given: deque[rtc.AudioFrame] = field(default_factory=deque)
    """The latest frames handed to the sender."""
    pushed: int = 0
    played: int = 0
    """Handed to the sender; the end of it may still be in its queue."""
    reported: int = 0
    started: bool = False
    complete: bool = False
    """Whether nothing more will be added."""


class RoomAudioOutput(io.AudioOutput):
    """Publishes a track and plays on it what it is given, one segment after the other.

    The framework's own output notices a pause with its next frame, up to 50 ms later, and drops
    the audio that the sender had in its queue. This one takes that audio back at once, and goes on
    with it.

    Belongs to the room's event loop; `aclose` ends its task.
    """

    def __init__(self, room: rtc.Room, *, sample_rate: int) -> None:
        """Take mono frames of `sample_rate` Hz; nothing is heard before `begin`."""
        super().__init__(
            label="RoomAudioOutput",
            capabilities=io.AudioOutputCapabilities(pause=True),
            sample_rate=sample_rate,
        )
        self._room = room
        self._rate = sample_rate
        self._source = rtc.AudioSource(sample_rate, 1, queue_size_ms=round(1000 * QUEUED_SECONDS))
        self._subscribed = asyncio.Event()
        self._news = asyncio.Event()
        self._segments: deque[_Segment] = deque()
        self._open: _Segment | None = None
        self._refusing = False
        """Whether to drop the rest of a segment that was cleared."""
        self._paused = False
        self._dry_at = 0.0
        """When the sender has played what it has, in seconds since the epoch."""
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Publish the track in the room, which is joined, and play."""
        self._task = asyncio.create_task(self._run(), name="room-audio-output")

    async def aclose(self) -> None:
        """Stop playing. Idempotent."""
        if self._task is not None:
            await aio.cancel_and_wait(self._task)
        await self._source.aclose()

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        """Add audio to the open segment; the first waits until somebody has subscribed."""
        await self._subscribed.wait()
        await super().capture_frame(frame)
        if self._refusing:
            return
        if self._open is None:
            self._open = _Segment()
            self._segments.append(self._open)
        self._push(self._open, bytes(frame.data))
        self._news.set()

    def flush(self) -> None:
        """End the open segment."""
        super().flush()
        self._refusing = False
        segment, self._open = self._open, None
        if segment is not None:
            rest = -segment.pushed % (self._rate // _SENT_PER_SECOND)
            self._push(segment, bytes(rest * _SAMPLE_BYTES))
            segment.complete = True
            self._news.set()

    def clear_buffer(self) -> None:
        """End every segment where it is."""
        self._take_back()
        cleared = list(self._segments)
        self._segments.clear()
        self._refusing = self._open is not None
        self._open = None
        for segment in cleared:
            self._finish(segment, interrupted=True)

    def pause(self) -> None:
        """Fall silent."""
        super().pause()
        if not self._paused:
            self._paused = True
            self._take_back()

    def resume(self) -> None:
        """Go on where playback was paused."""
        super().resume()
        self._paused = False
        self._news.set()

    @log_exceptions(logger=logger)
    async def _run(self) -> None:
        track = rtc.LocalAudioTrack.create_audio_track(_TRACK_NAME, self._source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        publication = await self._room.local_participant.publish_track(track, options)
        await publication.wait_for_subscription()
        self._subscribed.set()
        loop = asyncio.get_running_loop()
        while True:
            self._news.clear()
            wait = await self._play()
            # `asyncio.wait_for` of Python 3.11 may swallow a cancellation.
            timer = loop.call_later(wait, self._news.set) if wait is not None else None
            await self._news.wait()
            if timer is not None:
                timer.cancel()

    async def _play(self) -> float | None:
        """Do what is due; return the seconds until more is, None: not before there is news."""
        segment = self._segments[0] if self._segments else None
        if self._paused or segment is None:
            return None
        if segment.waiting:
            await self._give(segment)
            return 0.0
        if not segment.complete:
            return None
        if (left := self._source.queued_duration) > 0.0:
            return left
        self._segments.popleft()
        self._report(segment, self._dry_at)
        self._finish(segment, interrupted=False)
        return 0.0

    async def _give(self, segment: _Segment) -> None:
        """Hand the next frame to the sender, once there is room for it."""
        if not segment.started:
            segment.started = True
            self.on_playback_started(created_at=time.time())
        elif self._source.queued_duration <= 0.0:
            # It ran out before this frame came.
            self._report(segment, min(self._dry_at, time.time()))
        frame = segment.waiting.popleft()
        segment.given.append(frame)
        segment.played += frame.samples_per_channel
        kept = sum(given.duration for given in segment.given)
        while kept - segment.given[0].duration > 2 * QUEUED_SECONDS:
            kept -= segment.given.popleft().duration
        try:
            await self._source.capture_frame(frame)
        except Exception as error:
            logger.warning("audio not sent", extra={"error": repr(error)})
        self._dry_at = time.time() + self._source.queued_duration

    def _take_back(self) -> None:
        """Empty the sender's queue; what was in it waits again."""
        queued = round(self._source.queued_duration * self._rate)
        self._source.clear_queue()
        segment = self._segments[0] if self._segments else None
        if segment is None:
            return
        while queued > 0 and segment.given:
            frame = segment.given.pop()
            length = frame.samples_per_channel
            if length > queued:
                data = bytes(frame.data)
                split = (length - queued) * _SAMPLE_BYTES
                segment.given.append(self._frame(data[:split]))
                frame = self._frame(data[split:])
            segment.waiting.appendleft(frame)
            segment.played -= frame.samples_per_channel
            queued -= frame.samples_per_channel
        self._report(segment, time.time())

    def _push(self, segment: _Segment, data: bytes) -> None:
        size = self._rate // _FRAMES_PER_SECOND * _SAMPLE_BYTES
        segment.pushed += len(data) // _SAMPLE_BYTES
        parts = (data[start : start + size] for start in range(0, len(data), size))
        segment.waiting.extend(self._frame(part) for part in parts)

    def _report(self, segment: _Segment, ended_at: float) -> None:
        """Tell what was played up to now since the last such report."""
        samples = segment.played - segment.reported
        if samples <= 0:
            return
        duration = samples / self._rate
        self.on_playback_progressed(
            started_at=ended_at - duration,
            offset=segment.reported / self._rate,
            duration=duration,
        )
        segment.reported = segment.played

    def _finish(self, segment: _Segment, *, interrupted: bool) -> None:
        self.on_playback_finished(
            playback_position=segment.played / self._rate, interrupted=interrupted
        )

    def _frame(self, data: bytes) -> rtc.AudioFrame:
        return rtc.AudioFrame(data, self._rate, 1, len(data) // _SAMPLE_BYTES)

"""Audio input and output of a session, for the threads of a microphone and a speaker."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from livekit import rtc
from livekit.agents.voice import io

SAMPLE_RATE = 48_000
"""Hz, both ways: the native rate of most devices."""
BLOCK_SAMPLES = SAMPLE_RATE // 50
"""Samples per call of a device: 20 ms."""

_SAMPLE_BYTES = 2
_FILTER_BYTES = SAMPLE_RATE // 100 * _SAMPLE_BYTES
"""The echo canceller works on frames of 10 ms."""
_WAITING_FRAMES = 250
"""5 s; older frames are dropped if nobody takes them."""


class EchoCanceller:
    """Removes the speaker's sound and background noise from the microphone's.

    Each method is called from the thread of its device.
    """

    def __init__(self) -> None:
        self._filter = rtc.AudioProcessingModule(
            echo_cancellation=True,
            noise_suppression=True,
            high_pass_filter=True,
            auto_gain_control=True,
        )

    def set_delay(self, seconds: float) -> None:
        """Set the time from playing a sound to hearing its echo."""
        with contextlib.suppress(RuntimeError):
            self._filter.set_stream_delay_ms(round(1000 * seconds))

    def heard(self, pcm: bytes) -> bytes:
        """Filter a block from the microphone: mono int16, a multiple of 10 ms."""
        frames = [_frame(part) for part in _parts(pcm)]
        for frame in frames:
            self._filter.process_stream(frame)
        return b"".join(bytes(frame.data) for frame in frames)

    def played(self, pcm: bytes) -> None:
        """Pass a block that the speaker plays."""
        for part in _parts(pcm):
            self._filter.process_reverse_stream(_frame(part))


class Microphone(io.AudioInput):
    """The session's audio input, fed by a device."""

    def __init__(self) -> None:
        """Create it on the session's event loop."""
        super().__init__(label="microphone")
        self._loop = asyncio.get_running_loop()
        self._frames: asyncio.Queue[rtc.AudioFrame] = asyncio.Queue(_WAITING_FRAMES)
        self._attached = True

    def push(self, pcm: bytes) -> None:
        """Add mono int16 samples at `SAMPLE_RATE`; from any thread."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._put, _frame(pcm))

    async def __anext__(self) -> rtc.AudioFrame:
        return await self._frames.get()

    def on_attached(self) -> None:
        self._attached = True

    def on_detached(self) -> None:
        self._attached = False

    def _put(self, frame: rtc.AudioFrame) -> None:
        if not self._attached:
            return
        if self._frames.full():
            self._frames.get_nowait()
        self._frames.put_nowait(frame)


@dataclass(slots=True)
class _Segment:
    """Speech that is played without a gap."""

    waiting: bytearray = field(default_factory=bytearray)
    played_bytes: int = 0
    complete: bool = False
    """Whether nothing more will be added."""

    @property
    def played_seconds(self) -> float:
        return self.played_bytes / _SAMPLE_BYTES / SAMPLE_RATE


class Speaker(io.AudioOutput):
    """The session's audio output, for a device that pulls what it plays."""

    def __init__(self) -> None:
        """Create it on the session's event loop."""
        super().__init__(
            label="speaker",
            capabilities=io.AudioOutputCapabilities(pause=True),
            sample_rate=SAMPLE_RATE,
        )
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._segments: deque[_Segment] = deque()
        self._open: _Segment | None = None
        self._refusing = False
        """Whether to drop the rest of a segment that was cleared."""
        self._paused = False

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        with self._lock:
            if self._refusing:
                return
            if self._open is None:
                self._open = _Segment()
                self._segments.append(self._open)
            self._open.waiting += bytes(frame.data)

    def flush(self) -> None:
        super().flush()
        with self._lock:
            self._refusing = False
            segment, self._open = self._open, None
            if segment is None:
                return
            segment.complete = True
            over = not segment.waiting
            if over:
                self._segments.remove(segment)
        if over:
            self._finish(segment, interrupted=False)

    def clear_buffer(self) -> None:
        with self._lock:
            cleared = list(self._segments)
            self._segments.clear()
            self._refusing = self._open is not None
            self._open = None
        for segment in cleared:
            self._finish(segment, interrupted=True)

    def pause(self) -> None:
        super().pause()
        self._paused = True

    def resume(self) -> None:
        super().resume()
        self._paused = False

    def render(self, samples: int) -> bytes:
        """Return the next mono int16 samples, silence if there are none; from any thread."""
        wanted = samples * _SAMPLE_BYTES
        sound = bytearray()
        news: list[Callable[[], None]] = []
        with self._lock:
            while self._segments and not self._paused and len(sound) < wanted:
                segment = self._segments[0]
                part = segment.waiting[: wanted - len(sound)]
                del segment.waiting[: len(part)]
                if part and not segment.played_bytes:
                    news.append(self._started_now())
                segment.played_bytes += len(part)
                sound += part
                if segment.waiting or not segment.complete:
                    break
                self._segments.popleft()
                news.append(self._finished_now(segment))
        for call in news:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(call)
        return bytes(sound.ljust(wanted, b"\0"))

    def _started_now(self) -> Callable[[], None]:
        created_at = time.time()
        return lambda: self.on_playback_started(created_at=created_at)

    def _finished_now(self, segment: _Segment) -> Callable[[], None]:
        return lambda: self._finish(segment, interrupted=False)

    def _finish(self, segment: _Segment, *, interrupted: bool) -> None:
        self.on_playback_finished(playback_position=segment.played_seconds, interrupted=interrupted)


def _frame(pcm: bytes) -> rtc.AudioFrame:
    return rtc.AudioFrame(
        data=pcm,
        sample_rate=SAMPLE_RATE,
        num_channels=1,
        samples_per_channel=len(pcm) // _SAMPLE_BYTES,
    )


def _parts(pcm: bytes) -> list[bytes]:
    return [pcm[start : start + _FILTER_BYTES] for start in range(0, len(pcm), _FILTER_BYTES)]

"""The voices of a room as one audio input: every caller is heard, one at a time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Final

import numpy as np
from livekit import rtc
from livekit.agents.utils import aio, log_exceptions
from livekit.agents.utils.audio import silence_frame
from livekit.agents.voice import io
from numpy.typing import NDArray

from ..audio.samples import SAMPLE_RATE
from ..livekit_server.callers import is_caller
from ..vad.silero import (
    ActivityKind,
    VoiceActivityDetector,
    VoiceActivityModel,
)
from .callers import Speaker, carries_voice
from .noise import NoiseSuppressor
from .vad import LocalVAD

logger = logging.getLogger("services.livekit_local")

MOST_TRACKS: Final = 32
"""Tracks of a room that are followed; further ones are ignored."""
MOST_TRACKS_OF_ONE: Final = 3
"""Tracks of one caller, so that nobody keeps others from being heard."""

_FLOOR_PAUSE_SECONDS = 0.6
"""Silence of the speaker before another may get the floor."""
_LONGEST_PAUSE_SECONDS = 3.0
"""Longest such silence while the speaker's words are not recognised yet."""
_STALLED_SECONDS = 0.5
"""A track without frames for this long counts as silent: it has ended or lost its network."""
_PREROLL_SECONDS = 0.5
_LONGEST_HELD_SECONDS = 3.0
"""Most speech kept of a caller without the floor, to be heard once the floor is free."""
_SAMPLE_BYTES = 2
_INAUDIBLE = 64
"""Peak of 16-bit samples, -54 dB, below which no detector runs."""
_END_SILENCE_SECONDS = 0.5
"""Added at the end of a track, so that its last words are recognised as complete."""


class RoomAudioInput(io.AudioInput):
    """Passes one voice at a time to the session.

    One track has the floor, and its audio goes to the session as it arrives. Each other track has a
    voice activity detector, which runs only while there is sound, and the last seconds of it are
    kept. Its caller gets the floor once the speaker has been silent for a moment and their words
    are recognised, beginning with the audio that was kept. Agents, recorders and the audio of
    shared screens are ignored.

    Belongs to the room's event loop. Create it before the room is joined; `aclose` ends its tasks.
    """

    def __init__(
        self,
        room: rtc.Room,
        model: VoiceActivityModel,
        vad: LocalVAD,
        *,
        frame_milliseconds: int,
        recognising: Callable[[], bool],
        on_speaker: Callable[[Speaker], None],
        is_noisy: Callable[[rtc.RemoteParticipant], bool] = lambda _: False,
    ) -> None:
        """Follow the tracks of `room`.

        Args:
            room: the room, joined or about to be.
            model: detects the voices of callers without the floor.
            vad: the room's detector, which processes the audio passed on.
            frame_milliseconds: length of the frames, mono at 16 kHz.
            recognising: whether words of the speaker are still to be recognised.
            on_speaker: called with each new speaker.
            is_noisy: whether the noise of this caller is to be suppressed here.
        """
        super().__init__(label="RoomAudioInput")
        self._room = room
        self._model = model
        self._vad = vad
        self._frame_milliseconds = frame_milliseconds
        self._recognising = recognising
        self._on_speaker = on_speaker
        self._is_noisy = is_noisy
        self._frames: aio.Chan[rtc.AudioFrame] = aio.Chan()
        self._followed: dict[str, asyncio.Task[None]] = {}
        self._owners: dict[str, str] = {}
        """Identity of the publisher of each followed track."""
        self._closing: set[asyncio.Task[None]] = set()
        self._floor: HeldTrack | None = None
        self._attached = False
        room.on("track_subscribed", self._on_subscribed)
        room.on("track_unsubscribed", self._on_unsubscribed)

    @property
    def waiting_bytes(self) -> int:
        """Size of the audio that the session has not taken yet; from any thread."""
        frame_samples = self._frame_milliseconds * SAMPLE_RATE // 1000
        return self._frames.qsize() * frame_samples * _SAMPLE_BYTES

    async def __anext__(self) -> rtc.AudioFrame:
        return await self._frames.__anext__()

    def on_attached(self) -> None:
        """Begin to pass audio on."""
        self._attached = True

    def on_detached(self) -> None:
        """Drop audio until the session attaches again."""
        self._attached = False

    async def aclose(self) -> None:
        """Stop following tracks. Idempotent."""
        self._room.off("track_subscribed", self._on_subscribed)
        self._room.off("track_unsubscribed", self._on_unsubscribed)
        await aio.cancel_and_wait(*self._followed.values(), *self._closing)
        self._followed.clear()
        self._frames.close()

    def _on_subscribed(
        self,
        track: rtc.RemoteTrack,
        publication: rtc.RemoteTrackPublication,
        participant: rtc.RemoteParticipant,
    ) -> None:
        is_voice = carries_voice(publication)
        if not (is_voice and is_caller(participant.kind, participant.attributes)):
            return
        self._stop(publication.sid)
        if self._exceeds_limits(participant.identity):
            logger.info("track not followed", extra={"followed": len(self._followed)})
            return
        speaker = Speaker(participant.identity, publication.sid)
        heard = HeldTrack(speaker, VoiceActivityDetector(self._model, self._vad.options))
        suppressor = NoiseSuppressor() if self._is_noisy(participant) else None
        following = self._follow(track, heard, suppressor)
        task = asyncio.create_task(following, name="follow-track")
        self._followed[publication.sid] = task
        self._owners[publication.sid] = participant.identity

    def _exceeds_limits(self, identity: str) -> bool:
        of_one = sum(self._owners[sid] == identity for sid in self._followed)
        return len(self._followed) >= MOST_TRACKS or of_one >= MOST_TRACKS_OF_ONE

    def _on_unsubscribed(
        self,
        _: rtc.RemoteTrack,
        publication: rtc.RemoteTrackPublication,
        participant: rtc.RemoteParticipant,
    ) -> None:
        self._stop(publication.sid)

    def _stop(self, sid: str) -> None:
        task = self._followed.pop(sid, None)
        self._owners.pop(sid, None)
        if task is not None:
            task.cancel()
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    @log_exceptions(logger=logger)
    async def _follow(
        self, track: rtc.RemoteTrack, heard: HeldTrack, suppressor: NoiseSuppressor | None
    ) -> None:
        sid = heard.speaker.track_sid
        try:
            stream = rtc.AudioStream.from_track(
                track=track,
                sample_rate=SAMPLE_RATE,
                num_channels=1,
                frame_size_ms=self._frame_milliseconds,
            )
            try:
                async for event in stream:
                    frame = event.frame
                    self._take(heard, suppressor.process_frame(frame) if suppressor else frame)
            finally:
                await stream.aclose()
        finally:
            heard.ended = True
            if heard is self._floor:
                self._pass_on(silence_frame(_END_SILENCE_SECONDS, SAMPLE_RATE))
            if self._followed.get(sid) is asyncio.current_task():
                del self._followed[sid], self._owners[sid]

    def _take(self, heard: HeldTrack, frame: rtc.AudioFrame) -> None:
        floor = self._floor
        if heard is floor:
            heard.latest = time.monotonic()
            self._pass_on(frame)
            return
        heard.hold(frame, others_pause=self._vad.silent_since is not None)
        if floor is None or ((heard.wants_floor or floor.ended) and self._is_free(floor)):
            self._give_floor(heard)

    def _is_free(self, floor: HeldTrack) -> bool:
        """Whether the speaker has finished."""
        now = time.monotonic()
        paused = now - floor.latest
        if paused < _STALLED_SECONDS:
            silent_since = self._vad.silent_since
            paused = now - silent_since if silent_since is not None else 0.0
        if paused < _FLOOR_PAUSE_SECONDS:
            return False
        return not self._recognising() or paused >= _LONGEST_PAUSE_SECONDS

    def _give_floor(self, heard: HeldTrack) -> None:
        self._floor = heard
        heard.latest = time.monotonic()
        self._on_speaker(heard.speaker)
        for frame in heard.release():
            self._pass_on(frame)

    def _pass_on(self, frame: rtc.AudioFrame) -> None:
        if self._attached and not self._frames.closed:
            self._frames.send_nowait(frame)


class HeldTrack:
    """One track, and the audio kept of it while another has the floor."""

    def __init__(self, speaker: Speaker, detector: VoiceActivityDetector) -> None:
        self.speaker = speaker
        self.ended = False
        self.latest = 0.0
        """Monotonic time of the latest frame passed on."""
        self.wants_floor = False
        """Whether its caller speaks, or has just spoken into a pause of the speaker."""
        self._detector = detector
        self._dirty = False
        self._began_in_pause = False
        self._held: deque[rtc.AudioFrame] = deque()
        self._held_seconds = 0.0

    def hold(self, frame: rtc.AudioFrame, *, others_pause: bool) -> None:
        """Keep a frame and check it for speech; costs next to nothing in silence."""
        self._held.append(frame)
        self._held_seconds += frame.duration
        self._check(frame, others_pause)
        longest = _LONGEST_HELD_SECONDS if self.wants_floor else _PREROLL_SECONDS
        while self._held_seconds > longest:
            self._held_seconds -= self._held.popleft().duration
            # A word spoken into a pause that ended is too old by now.
            self.wants_floor = self.wants_floor and self._detector.speaking

    def release(self) -> list[rtc.AudioFrame]:
        """Return the frames kept, oldest first, and forget them."""
        held = list(self._held)
        self._held.clear()
        self._held_seconds = 0.0
        self.wants_floor = False
        self._reset()
        return held

    def _check(self, frame: rtc.AudioFrame, others_pause: bool) -> None:
        samples = np.frombuffer(frame.data, dtype=np.int16)
        speaking = self._detector.speaking
        if not speaking and not _is_audible(samples):
            self._reset()
            return
        self._dirty = True
        for activity in self._detector.push(samples.astype(np.float32) / 32768.0):
            if activity.kind is ActivityKind.STARTED:
                self.wants_floor = True
                self._began_in_pause = others_pause
            elif activity.kind is ActivityKind.ENDED and not self._began_in_pause:
                self.wants_floor = False

    def _reset(self) -> None:
        if self._dirty:
            self._dirty = False
            self._detector.reset()


def _is_audible(samples: NDArray[np.int16]) -> bool:
    return len(samples) > 0 and max(int(samples.max()), -int(samples.min())) >= _INAUDIBLE

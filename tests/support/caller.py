"""A caller: joins a room, speaks recorded audio as a microphone would, and hears the agent."""

from __future__ import annotations

import asyncio
import bisect
import contextlib
import datetime
import json
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from livekit import api, rtc
from livekit.protocol.agent_dispatch import RoomAgentDispatch
from livekit.protocol.room import RoomConfiguration

from services.audio.samples import SAMPLE_RATE, Samples
from services.protocol import AgentState, ParticipantAttribute, StreamAttribute, Topic
from tests.support.sound import AUDIBLE, audible_span, read_sound

_FRAME_SECONDS = 0.02
_FRAME_SAMPLES = round(SAMPLE_RATE * _FRAME_SECONDS)
_QUEUE_MILLISECONDS = 60


@dataclass(frozen=True, slots=True)
class Utterance:
    """One thing that was said."""

    started: float
    """Monotonic time of its first audible sample."""
    ended: float
    """Monotonic time of its last audible sample."""
    queued_seconds: float = 0.0
    """How long its samples wait after these times until they are sent."""


@dataclass(slots=True)
class Segment:
    """One transcript segment as the page would show it."""

    id: str
    identity: str
    text: str = ""
    final: bool = False
    aside: bool = False
    """Marked as said while listening."""
    created: float = field(default_factory=time.monotonic)


class Surroundings:
    """What a microphone picks up besides its caller: sound in the room, and the agent's voice."""

    def __init__(
        self,
        *,
        background: Samples | None = None,
        echo_decibels: float | None = None,
        echo_delay_seconds: float = 0.0,
        seed: int = 0,
    ) -> None:
        """Play `background` again and again, and the agent from a loudspeaker.

        The loudspeaker's sound comes back `echo_delay_seconds` later, with a room's reverberation
        (300 ms to a thousandth), its power changed by `echo_decibels`; without that, there is none.
        """
        self._background = background
        self._place = 0
        self._response: Samples | None = None
        if echo_decibels is not None:
            taps = np.arange(SAMPLE_RATE * 3 // 10)
            decay = 10.0 ** (-3.0 * taps / len(taps))
            tail = np.random.default_rng(seed).standard_normal(len(taps)) * decay
            tail[0] = 0.0
            tail *= 0.5 / np.linalg.norm(tail)
            tail[0] = 0.87
            self._response = (tail * 10.0 ** (echo_decibels / 20.0)).astype(np.float32)
        self._echo = np.zeros(round(echo_delay_seconds * SAMPLE_RATE), dtype=np.float32)
        self._rest = np.empty(0, dtype=np.float32)

    def hear(self, samples: Samples) -> None:
        """Take what the loudspeaker plays."""
        if self._response is None:
            return
        size = len(samples) + len(self._response) - 1
        product = np.fft.rfft(samples, size) * np.fft.rfft(self._response, size)
        echo: Samples = np.fft.irfft(product, size).astype(np.float32)
        echo[: len(self._rest)] += self._rest[: len(echo)]
        self._echo = np.concatenate((self._echo, echo[: len(samples)]))
        self._rest = echo[len(samples) :]

    def next_frame(self) -> Samples:
        """The next 20 ms."""
        frame = np.zeros(_FRAME_SAMPLES, dtype=np.float32)
        if self._background is not None:
            places = (self._place + np.arange(_FRAME_SAMPLES)) % len(self._background)
            frame += self._background[places]
            self._place += _FRAME_SAMPLES
        echo, self._echo = self._echo[:_FRAME_SAMPLES], self._echo[_FRAME_SAMPLES:]
        frame[: len(echo)] += echo
        return frame


def room_token(
    key: str,
    secret: str,
    room: str,
    identity: str,
    *,
    agent_name: str | None,
    kind: Literal["standard", "sip"] = "standard",
) -> str:
    """A token for one room; it asks for the agent, if there is to be one by name."""
    token = (
        api.AccessToken(key, secret)
        .with_identity(identity)
        .with_kind(kind)
        .with_grants(api.VideoGrants(room_join=True, room=room))
        .with_ttl(datetime.timedelta(minutes=10))
    )
    if agent_name is not None:
        token = token.with_room_config(
            RoomConfiguration(agents=[RoomAgentDispatch(agent_name=agent_name)])
        )
    return token.to_jwt()


class Caller:
    """One participant with an open microphone; belongs to one event loop."""

    def __init__(self, identity: str = "caller") -> None:
        self.identity = identity
        self.room = rtc.Room()
        self.segments: dict[str, Segment] = {}
        """Transcripts of both sides by segment id, in the order they began."""
        self.turns: list[dict[str, Any]] = []
        """What the agent said of its turns' timing."""
        self.notices: list[dict[str, Any]] = []
        self.heard: list[tuple[float, Samples]] = []
        """Everything heard from the agent: monotonic time of arrival, samples."""
        self._audible: list[float] = []
        self.sound_started = asyncio.Event()
        """Set when the agent becomes audible; clear it to wait for the next time."""
        self._queue: deque[Samples] = deque()
        self._spoken: asyncio.Event = asyncio.Event()
        self._marks: list[float] = []
        self._queued_seconds = 0.0
        self._source = rtc.AudioSource(SAMPLE_RATE, 1, queue_size_ms=_QUEUE_MILLISECONDS)
        self._tasks: set[asyncio.Task[None]] = set()
        self._speaking = False
        """Whether the microphone sends."""
        self._surroundings: Surroundings | None = None
        self._closed = False

    async def __aenter__(self) -> Caller:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.leave()

    async def join(
        self,
        url: str,
        token: str,
        *,
        microphone: rtc.TrackSource.ValueType | None = rtc.TrackSource.SOURCE_MICROPHONE,
    ) -> None:
        """Join and open the microphone, published as what `microphone` says; None: only listen."""
        self.room.on("track_subscribed", self._on_track)
        self.room.register_text_stream_handler(Topic.TRANSCRIPTION, self._on_transcription)
        self.room.register_text_stream_handler(Topic.TURN, self._on_turn)
        self.room.register_text_stream_handler(Topic.NOTICE, self._on_notice)
        await self.room.connect(url, token)
        if microphone is not None:
            await self.publish(microphone)

    async def publish(self, source: rtc.TrackSource.ValueType) -> rtc.LocalTrackPublication:
        """Open the microphone, published as what `source` says."""
        track = rtc.LocalAudioTrack.create_audio_track("microphone", self._source)
        publication = await self.room.local_participant.publish_track(
            track, rtc.TrackPublishOptions(source=source)
        )
        if not self._speaking:
            self._speaking = True
            self._start(self._microphone(), "caller-microphone")
        return publication

    def surround(self, surroundings: Surroundings | None) -> None:
        """From now on, have the microphone pick that up as well."""
        self._surroundings = surroundings

    async def leave(self) -> None:
        """Leave, and end everything that belongs to this caller."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(Exception):
            await self.room.disconnect()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._source.aclose()

    async def wait_for_agent(self, timeout_seconds: float = 20.0) -> rtc.RemoteParticipant:
        """Until an agent is in the room and listens."""
        end = time.monotonic() + timeout_seconds
        while time.monotonic() < end:
            for participant in self.room.remote_participants.values():
                state = participant.attributes.get(ParticipantAttribute.STATE)
                if state in (AgentState.LISTENING, AgentState.SPEAKING, AgentState.THINKING):
                    return participant
            await asyncio.sleep(0.02)
        raise TimeoutError("no agent came")

    async def say(self, samples: Samples) -> Utterance:
        """Speak; returns when the last audible sample has left the microphone."""
        first, last = audible_span(samples)
        self._spoken.clear()
        self._marks = []
        frames = -(-len(samples) // _FRAME_SAMPLES)
        padded = np.pad(samples, (0, frames * _FRAME_SAMPLES - len(samples)))
        self._queue.extend(padded.reshape(frames, _FRAME_SAMPLES))
        await self._spoken.wait()
        return Utterance(self._sent(first), self._sent(last), self._queued_seconds)

    def _sent(self, sample: int) -> float:
        """Monotonic time at which that sample of the utterance left the microphone."""
        frame, rest = divmod(sample, _FRAME_SAMPLES)
        return self._marks[frame] + rest / SAMPLE_RATE

    async def say_file(self, path: Path) -> Utterance:
        """Speak a recording."""
        return await self.say(read_sound(path))

    async def send_text(self, text: str) -> None:
        """Type instead of speaking."""
        await self.room.local_participant.send_text(text, topic=Topic.CHAT)

    def transcripts(self, *, of_agent: bool) -> list[str]:
        """What the agent said, or what it understood, oldest first; what is final."""
        return [
            s.text.strip()
            for s in self.segments.values()
            if s.final and s.text.strip() and (s.identity != self.identity) == of_agent
        ]

    def words_of(self, identity: str) -> list[str]:
        """What was heard of that participant, as anybody in the room is shown; what is final."""
        return [
            s.text.strip()
            for s in self.segments.values()
            if s.final and s.text.strip() and s.identity == identity
        ]

    async def wait_for_transcript(
        self, count: int, *, of_agent: bool, timeout_seconds: float = 20.0
    ) -> list[str]:
        """Until that many final transcripts are there."""
        end = time.monotonic() + timeout_seconds
        while len(found := self.transcripts(of_agent=of_agent)) < count:
            if time.monotonic() > end:
                raise TimeoutError(f"{len(found)} of {count} transcripts: {found}")
            await asyncio.sleep(0.02)
        return found

    async def wait_for_silence(
        self, quiet_seconds: float = 0.8, timeout_seconds: float = 30.0
    ) -> None:
        """Until the agent has not been audible for so long."""
        end = time.monotonic() + timeout_seconds
        while time.monotonic() < end:
            last = self.last_audible
            if last is None or time.monotonic() - last > quiet_seconds:
                return
            await asyncio.sleep(0.02)
        raise TimeoutError("the agent does not fall silent")

    async def wait_for_words(self, words: str, timeout_seconds: float = 20.0) -> None:
        """Until the agent has said these, at its end or not."""
        end = time.monotonic() + timeout_seconds
        while time.monotonic() < end:
            said = (s.text for s in self.segments.values() if s.identity != self.identity)
            if any(words in text for text in said):
                return
            await asyncio.sleep(0.02)
        raise TimeoutError(f"the agent does not say {words!r}")

    async def wait_for_greeting(self, timeout_seconds: float = 20.0) -> None:
        """Until the agent has greeted, in words and sound; its words may be here first."""
        await self.wait_for_transcript(1, of_agent=True, timeout_seconds=timeout_seconds)
        if await self.wait_for_sound(0.0, timeout_seconds) is None:
            raise TimeoutError("the greeting is not heard")
        await self.wait_for_silence()

    @property
    def last_audible(self) -> float | None:
        """Monotonic time of the agent's latest audible sound."""
        return self._audible[-1] if self._audible else None

    def first_audible_after(self, moment: float) -> float | None:
        """Monotonic time of the agent's first audible sound after `moment`."""
        place = bisect.bisect_right(self._audible, moment)
        return self._audible[place] if place < len(self._audible) else None

    async def wait_for_sound(self, moment: float, timeout_seconds: float) -> float | None:
        """The time of the first audible sound after `moment`; None when none comes in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                while (found := self.first_audible_after(moment)) is None:
                    self.sound_started.clear()
                    await self.sound_started.wait()
                return found
        return None

    def audible_times(self) -> list[float]:
        """Monotonic times of arrival of everything audible that was heard, oldest first."""
        return list(self._audible)

    def forget(self) -> None:
        """Forget what was heard so far."""
        self.heard.clear()
        self._audible.clear()

    def heard_since(self, moment: float) -> Samples:
        """Everything heard after `moment`, as one piece at 16 kHz."""
        parts = [samples for arrived, samples in self.heard if arrived > moment]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.float32)

    async def _microphone(self) -> None:
        """Sound or silence in real time, without a gap, as a browser sends it."""
        silence = np.zeros(_FRAME_SAMPLES, dtype=np.float32)
        next_at = time.monotonic()
        while True:
            speaking = bool(self._queue)
            samples = self._queue.popleft() if speaking else silence
            if speaking:
                if not self._marks:
                    self._queued_seconds = self._source.queued_duration
                self._marks.append(time.monotonic())
            if self._surroundings is not None:
                samples = np.clip(samples + self._surroundings.next_frame(), -1.0, 1.0)
            pcm = (samples * 32767.0).astype(np.int16)
            await self._source.capture_frame(
                rtc.AudioFrame(pcm.tobytes(), SAMPLE_RATE, 1, _FRAME_SAMPLES)
            )
            if speaking and not self._queue:
                self._spoken.set()
            next_at = max(next_at + _FRAME_SECONDS, time.monotonic() - 0.1)
            await asyncio.sleep(max(0.0, next_at - time.monotonic()))

    async def _listen(self, track: rtc.Track) -> None:
        stream = rtc.AudioStream(track, sample_rate=SAMPLE_RATE, num_channels=1)
        try:
            async for event in stream:
                samples = np.frombuffer(event.frame.data, dtype=np.int16).astype(np.float32)
                samples /= 32768.0
                now = time.monotonic()
                self.heard.append((now, samples))
                if self._surroundings is not None:
                    self._surroundings.hear(samples)
                if _is_audible(samples):
                    self._audible.append(now)
                    self.sound_started.set()
        finally:
            await stream.aclose()

    def _on_track(
        self,
        track: rtc.Track,
        publication: rtc.RemoteTrackPublication,
        participant: rtc.RemoteParticipant,
    ) -> None:
        if track.kind == rtc.TrackKind.KIND_AUDIO:
            self._start(self._listen(track), "caller-listen")

    def _on_transcription(self, reader: rtc.TextStreamReader, identity: str) -> None:
        self._start(self._read_transcription(reader, identity), "caller-transcription")

    async def _read_transcription(self, reader: rtc.TextStreamReader, identity: str) -> None:
        attributes = reader.info.attributes or {}
        key = attributes.get(StreamAttribute.SEGMENT, reader.info.stream_id)
        speaker = identity
        if track := attributes.get(StreamAttribute.TRACK):
            speaker = self._speaker_of(track, identity)
        segment = self.segments.setdefault(key, Segment(key, speaker))
        text = ""
        try:
            async for chunk in reader:
                text += chunk
                if not segment.final:
                    segment.text = text
        except rtc.data_stream.StreamError:
            # Cut off in mid-sentence, because we or the agent left.
            return
        if not segment.final:
            # Without any words it is withdrawn.
            segment.text = text
        final = (reader.info.attributes or {}).get(StreamAttribute.FINAL, "true")
        segment.aside = attributes.get(StreamAttribute.BACKCHANNEL) == "true"
        # As on the page, a correction that comes late does not undo what is final.
        segment.final = segment.final or final == "true"

    def _speaker_of(self, track_sid: str, fallback: str) -> str:
        for publication in self.room.local_participant.track_publications.values():
            if publication.sid == track_sid:
                return self.identity
        return fallback

    def _on_turn(self, reader: rtc.TextStreamReader, _: str) -> None:
        self._start(self._read_json(reader, self.turns), "caller-turn")

    def _on_notice(self, reader: rtc.TextStreamReader, _: str) -> None:
        self._start(self._read_json(reader, self.notices), "caller-notice")

    @staticmethod
    async def _read_json(reader: rtc.TextStreamReader, into: list[dict[str, Any]]) -> None:
        into.append(json.loads(await reader.read_all()))

    def _start(self, work: Any, name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _is_audible(samples: Samples) -> bool:
    return bool(len(samples)) and float(np.max(np.abs(samples))) > AUDIBLE

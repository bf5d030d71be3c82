"""Clients of the Wyoming server, by the protocol's own library."""

from __future__ import annotations

import asyncio
import contextlib
import io
import wave
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from wyoming.asr import Transcribe, Transcript, TranscriptChunk
from wyoming.audio import AudioChunk, AudioStart, AudioStop, wav_to_chunks
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.event import Event, Eventable
from wyoming.info import Describe, Info
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop
from wyoming.tts import SynthesizeVoice as Voice

PATIENCE_SECONDS = 60.0
_CHUNK_SAMPLES = 1024
"""As Home Assistant sends it."""


class ServerError(Exception):
    """The server's answer was an error."""

    def __init__(self, code: str | None, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text


@dataclass
class Spoken:
    """The answer to a text."""

    rate: int = 0
    sound: bytes = b""
    kinds: list[str] = field(default_factory=list)
    """The types of all events, those of sound as one."""

    @property
    def samples(self) -> NDArray[np.int16]:
        """Mono."""
        return np.frombuffer(self.sound, dtype="<i2")

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return len(self.samples) / self.rate


@dataclass
class Heard:
    """The answer to a recording."""

    text: str = ""
    language: str | None = None
    chunks: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    """The types of all events, in order."""


class WyomingClient:
    """One connection."""

    def __init__(self, client: AsyncTcpClient) -> None:
        self._client = client

    async def send(self, *messages: Eventable) -> None:
        """Send events."""
        for message in messages:
            await self._client.write_event(message.event())

    async def next(self) -> Event | None:
        """Return the next event, None at the end of the connection. Raises ServerError."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                event = await self._client.read_event()
        except asyncio.IncompleteReadError:
            return None
        if event is not None and Error.is_type(event.type):
            error = Error.from_event(event)
            raise ServerError(error.code, error.text)
        return event

    async def until(self, kind: str) -> list[Event]:
        """Return the events up to the first of this type.

        Raises ServerError, or ConnectionError at the end of the connection.
        """
        found: list[Event] = []
        while not found or found[-1].type != kind:
            event = await self.next()
            if event is None:
                raise ConnectionError(f"the connection ended after {[e.type for e in found]}")
            found.append(event)
        return found

    async def describe(self) -> Info:
        """Ask what there is."""
        await self.send(Describe())
        return Info.from_event((await self.until("info"))[-1])

    async def hear(
        self, sound: Path | bytes, *, language: str | None = "en", **request: list[str]
    ) -> Heard:
        """Have a WAV file, or the bytes of one, recognised, as Home Assistant does."""
        await self.send(Transcribe(language=language, **request))  # type: ignore[arg-type]
        await self.send(*wav_events(sound))
        return heard(await self.until("transcript-stop"))

    async def speak(self, text: str, voice: Voice | None = None) -> Spoken:
        """Have a whole text spoken."""
        await self.send(Synthesize(text, voice=voice))
        return spoken(await self.until("audio-stop"))

    async def speak_in_pieces(self, pieces: Sequence[str]) -> Spoken:
        """Have a text spoken that is still being written, as Home Assistant does."""
        await self.send(SynthesizeStart())
        await self.send(*(SynthesizeChunk(piece) for piece in pieces))
        await self.send(Synthesize("".join(pieces)), SynthesizeStop())
        return spoken(await self.until("synthesize-stopped"))


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[WyomingClient]:
    """A connection to a server on this machine."""
    client = AsyncTcpClient("127.0.0.1", port)
    await client.connect()
    try:
        yield WyomingClient(client)
    finally:
        with contextlib.suppress(ConnectionError):
            await client.disconnect()


def wav_events(sound: Path | bytes) -> Iterable[AudioStart | AudioChunk | AudioStop]:
    """The events by which a WAV file is sent."""
    file = io.BytesIO(sound) if isinstance(sound, bytes) else sound.open("rb")
    with file, wave.open(file, "rb") as recording:
        yield from wav_to_chunks(recording, _CHUNK_SAMPLES, start_event=True, stop_event=True)


def heard(events: Iterable[Event]) -> Heard:
    """What the events of an answer say."""
    answer = Heard()
    for event in events:
        answer.kinds.append(event.type)
        if TranscriptChunk.is_type(event.type):
            answer.chunks.append(TranscriptChunk.from_event(event).text)
        elif Transcript.is_type(event.type):
            transcript = Transcript.from_event(event)
            answer.text, answer.language = transcript.text, transcript.language
    return answer


def spoken(events: Iterable[Event]) -> Spoken:
    """The sound in the events of an answer."""
    answer = Spoken()
    for event in events:
        if AudioChunk.is_type(event.type):
            chunk = AudioChunk.from_event(event)
            assert (chunk.width, chunk.channels) == (2, 1)
            answer.rate = chunk.rate
            answer.sound += chunk.audio
        if not answer.kinds or answer.kinds[-1] != event.type:
            answer.kinds.append(event.type)
    return answer

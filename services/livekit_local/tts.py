"""Speech synthesis as LiveKit's interface, with the shared voice."""

from __future__ import annotations

import asyncio
import uuid
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Literal

from livekit.agents import APIConnectOptions, tts
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS
from livekit.agents.utils import aio

from .. import defaults
from ..shared.engines import SharedEngines, SharedVoice
from ..shared.process_engines import shared_engines
from ..tts.interface import TTSEngine
from ..tts.text.sentences import SentenceSplitter, split_sentences
from ..tts.types import Delivery
from .speaking import Speaking


class LocalTTS(tts.TTS[Literal["error"]]):
    """Piper for LiveKit agents; belongs to one room, shares the voice with all others.

    `engines` provides the voice, loaded on first use; by default it is the process's own.
    """

    def __init__(
        self,
        *,
        engines: SharedEngines | None = None,
        voice: str | Iterable[str] | None = None,
        language_voices: Mapping[str, str] | None = None,
        language: Callable[[], str] | None = None,
        speaker: int | None = None,
        speed: float | None = None,
        room: str | None = None,
        timeout_seconds: float = defaults.TTS_TIMEOUT_SECONDS,
        ahead_seconds: float | None = None,
        in_service: Callable[[], bool] | None = None,
    ) -> None:
        """Open no stream yet.

        Args:
            engines: provide the voice.
            voice: a catalogue name or an `.onnx` file; of several, the first available one is
                used. None for that of the process.
            language_voices: voices of further languages, by their codes.
            language: returns the code of the language that the next reply is spoken in; `voice`
                speaks where none of the others does.
            speaker: of a voice with several; None for the voice's own.
            speed: 2 is twice the voice's pace; None for that of the process.
            room: the key by which its calls are scheduled.
            timeout_seconds: engine time that one sentence may take.
            ahead_seconds: how far a stream may synthesise ahead of playback; None for all at once.
            in_service: while it returns False, streams fail at once without computing anything.
        """
        engines = engines or shared_engines()
        self._voice = engines.voice((voice,) if isinstance(voice, str) else voice)
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=True, aligned_transcript=True),
            sample_rate=engines.voice_sample_rate(self._voice),
            num_channels=1,
        )
        self._language = language or str
        self._language_voices = {
            code: engines.voice((name,)) for code, name in (language_voices or {}).items()
        }
        self._leases = [v.use() for v in (self._voice, *self._language_voices.values())]
        for lease in self._leases:
            # For those who drop it without closing it.
            weakref.finalize(self, lease.close)
        self._speaking = Speaking(
            engine=self._engine,
            delivery=Delivery(speaker, speed),
            room=room or f"tts-{uuid.uuid4().hex[:8]}",
            timeout_seconds=timeout_seconds,
            ahead_seconds=ahead_seconds,
            in_service=in_service or _always,
        )
        self._streams: set[LocalTTSStream | LocalChunkedStream] = set()

    @property
    def voice(self) -> SharedVoice:
        """The voice that speaks the next reply."""
        return self._language_voices.get(self._language(), self._voice)

    @property
    def model(self) -> str:
        """The name of the loaded voice."""
        voice = self._voice.peek()
        return voice.name if voice is not None else "piper"

    @property
    def provider(self) -> str:
        return "piper"

    @property
    def audio_bytes(self) -> int:
        """Size of the speech not played yet, of replies in progress; from any thread."""
        return sum(speech.ahead_bytes for speech in tuple(self._speaking.unfinished))

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> LocalChunkedStream:
        """Synthesise a whole text."""
        stream = LocalChunkedStream(
            owner=self,
            text=text,
            speaking=replace(self._speaking, ahead_seconds=None),
            conn_options=conn_options,
            on_close=self._streams.discard,
        )
        self._streams.add(stream)
        return stream

    def stream(
        self, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> LocalTTSStream:
        """Synthesise a text that is still being written, sentence by sentence."""
        stream = LocalTTSStream(
            owner=self,
            speaking=self._speaking,
            conn_options=conn_options,
            on_close=self._streams.discard,
        )
        self._streams.add(stream)
        return stream

    async def aclose(self) -> None:
        """Close every stream; the shared voice stays loaded."""
        for stream in tuple(self._streams):
            await stream.aclose()
        for lease in self._leases:
            lease.close()

    async def _engine(self) -> TTSEngine:
        return await self.voice.get()


class LocalChunkedStream(tts.ChunkedStream):
    """The speech of a complete text."""

    def __init__(
        self,
        *,
        owner: LocalTTS,
        text: str,
        speaking: Speaking,
        conn_options: APIConnectOptions,
        on_close: Callable[[LocalChunkedStream], None],
    ) -> None:
        self._speaking = speaking
        self._on_close = on_close
        super().__init__(tts=owner, input_text=text, conn_options=conn_options)

    async def aclose(self) -> None:
        """End the synthesis and its tasks."""
        try:
            await super().aclose()
        finally:
            self._on_close(self)

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(
            request_id=uuid.uuid4().hex,
            sample_rate=self._tts.sample_rate,
            num_channels=1,
            mime_type="audio/pcm",
        )
        sentences = aio.Chan[str]()
        language = await self._speaking.language()
        for sentence in split_sentences(self._input_text, language=language):
            sentences.send_nowait(sentence)
        sentences.close()
        await self._speaking.speak(
            sentences, output_emitter, self._tts.sample_rate, self._conn_options.timeout
        )


class LocalTTSStream(tts.SynthesizeStream):
    """One reply: text in, in any pieces, and speech out as soon as there is a sentence."""

    def __init__(
        self,
        *,
        owner: LocalTTS,
        speaking: Speaking,
        conn_options: APIConnectOptions,
        on_close: Callable[[LocalTTSStream], None],
    ) -> None:
        self._speaking = speaking
        self._on_close = on_close
        super().__init__(tts=owner, conn_options=conn_options)

    async def aclose(self) -> None:
        """End the reply and its tasks."""
        try:
            await super().aclose()
        finally:
            self._on_close(self)

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(
            request_id=uuid.uuid4().hex,
            sample_rate=self._tts.sample_rate,
            num_channels=1,
            mime_type="audio/pcm",
            stream=True,
        )
        output_emitter.start_segment(segment_id=uuid.uuid4().hex)
        sentences = aio.Chan[str]()
        reading = asyncio.create_task(self._read(sentences), name="tts-read")
        try:
            await self._speaking.speak(
                sentences, output_emitter, self._tts.sample_rate, self._conn_options.timeout
            )
            await reading
        finally:
            await aio.cancel_and_wait(reading)
        output_emitter.end_segment()

    async def _read(self, sentences: aio.Chan[str]) -> None:
        """Split the text into sentences as it arrives."""
        try:
            splitter = SentenceSplitter(language=await self._speaking.language())
            async for item in self._input_ch:
                if isinstance(item, str):
                    self._mark_started()
                    found = splitter.push(item)
                else:
                    found = splitter.flush()
                for sentence in found:
                    sentences.send_nowait(sentence)
            for sentence in splitter.flush():
                sentences.send_nowait(sentence)
        finally:
            sentences.close()


def _always() -> bool:
    return True

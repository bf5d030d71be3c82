"""Speech synthesis as LiveKit's interface, with the shared voice."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
import uuid
import weakref
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from livekit import rtc
from livekit.agents import APIConnectOptions, tts
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, TimedString
from livekit.agents.utils import aio

from .. import defaults
from ..inference import InferenceError, Priority
from ..shared.engines import SharedEngines, SharedVoice, shared_engines
from ..tts.interface import TTSEngine
from ..tts.text.sentences import SentenceSplitter, split_sentences
from ..tts.types import PCM, Delivery, SynthesisPiece, TTSError
from .errors import api_error

logger = logging.getLogger("services.livekit_local")

_URGENT_SECONDS = 1.0
"""With less speech than this ahead of playback, the next piece is urgent."""
_INAUDIBLE = 0.005 * 32768
"""Below -46 dB of full scale; a voice begins a sentence with some 40 ms of that."""
_KEPT_SILENCE_SECONDS = 0.005
_LONGEST_FRAME_SECONDS = 0.2
"""As the framework's own frames; its tests of plugins allow 0.25 s."""
_SAMPLE_BYTES = 2


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
        self._speaking = _Speaking(
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
        speaking: _Speaking,
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
        speaking: _Speaking,
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


@dataclass(frozen=True, slots=True)
class _Speaking:
    """How a room's sentences are synthesised."""

    engine: Callable[[], Awaitable[TTSEngine]]
    delivery: Delivery
    room: str
    timeout_seconds: float
    """Engine time of one sentence."""
    ahead_seconds: float | None
    """How far to synthesise ahead of playback; None for no bound."""
    in_service: Callable[[], bool]
    unfinished: set[_ReplyAudio] = field(default_factory=set)
    """Speech in progress."""

    async def language(self) -> str:
        """Return the language of the voice; English if it cannot be loaded, as `speak` says why."""
        try:
            return (await self.engine()).language
        except Exception:
            return "en"

    async def speak(
        self,
        sentences: AsyncIterable[str],
        emitter: tts.AudioEmitter,
        sample_rate: int,
        timeout_seconds: float,
    ) -> None:
        """Speak the sentences at `sample_rate` Hz, leaving out those that fail.

        `timeout_seconds` bounds the engine time of a sentence as well. Raises APIError if nothing
        could be spoken.
        """
        try:
            voice = await self.engine()
        except Exception as error:
            raise api_error("speech synthesis", error) from error
        speech = _ReplyAudio(emitter, voice.sample_rate, sample_rate, self.ahead_seconds)
        self.unfinished.add(speech)
        try:
            failure = await self._speak(voice, sentences, speech, timeout_seconds)
        finally:
            self.unfinished.discard(speech)
        if speech.seconds == 0.0:
            if failure is not None:
                raise api_error("speech synthesis", failure) from failure
            # The text had nothing to say, such as an emoji; the framework expects some audio.
            speech.push_silence(0.01)
        speech.finish()

    async def _speak(
        self,
        voice: TTSEngine,
        sentences: AsyncIterable[str],
        speech: _ReplyAudio,
        timeout_seconds: float,
    ) -> Exception | None:
        """Speak as many sentences as possible; return the last failure."""
        failure: Exception | None = None
        async for sentence in sentences:
            await speech.wait_until_needed()
            if not self.in_service():
                failure = TTSError("the voice is out of service for a while")
                continue
            urgent = speech.ahead_seconds < _URGENT_SECONDS
            pieces = voice.synthesize(
                sentence,
                owner=self.room,
                priority=Priority.FINAL if urgent else Priority.SPECULATIVE,
                deadline_seconds=min(self.timeout_seconds, timeout_seconds),
                delivery=self.delivery,
            )
            speech.begin_sentence()
            try:
                async with contextlib.aclosing(pieces):
                    async for piece in pieces:
                        speech.push(piece)
                        await speech.wait_until_needed()
            except (TTSError, InferenceError) as error:
                failure = error
                logger.warning(
                    "sentence not spoken",
                    extra={"error": str(error), "characters": len(sentence)},
                )
        return failure


class _ReplyAudio:
    """The speech of one reply so far, measured against its playback."""

    def __init__(
        self,
        emitter: tts.AudioEmitter,
        voice_rate: int,
        output_rate: int,
        limit_seconds: float | None,
    ) -> None:
        self._emitter = emitter
        self._limit_seconds = limit_seconds
        self._rate = output_rate
        self._resampler = (
            rtc.AudioResampler(voice_rate, output_rate, quality=rtc.AudioResamplerQuality.HIGH)
            if voice_rate != output_rate
            else None
        )
        self._voice_rate = voice_rate
        self._sentence_start = 0.0
        self._begun = False
        self._plays_until = 0.0
        self.seconds = 0.0
        """Speech emitted so far."""

    @property
    def ahead_seconds(self) -> float:
        """Speech emitted but not played yet."""
        return max(0.0, self._plays_until - time.monotonic())

    @property
    def ahead_bytes(self) -> int:
        """Size of the speech emitted but not played yet."""
        return round(self.ahead_seconds * self._rate) * _SAMPLE_BYTES

    async def wait_until_needed(self) -> None:
        """Wait while far enough ahead, so that an interruption wastes little."""
        if self._limit_seconds is None:
            return
        excess = self.ahead_seconds - self._limit_seconds
        if excess > 0:
            await asyncio.sleep(excess)

    def begin_sentence(self) -> None:
        """Count the times of the following words from here."""
        self._sentence_start = self.seconds

    def push(self, piece: SynthesisPiece) -> None:
        """Emit audio and the words that begin in it, without silence ahead of the reply."""
        samples = piece.samples
        if not self._begun:
            samples = samples[self._silent_samples(samples) :]
            self._begun = bool(len(samples))
            self._sentence_start -= (len(piece.samples) - len(samples)) / self._voice_rate
        for word in piece.words:
            self._emitter.push_timed_transcript(
                TimedString(
                    text=f"{word.text} ",
                    start_time=max(0.0, self._sentence_start + word.start_seconds),
                    end_time=max(0.0, self._sentence_start + word.end_seconds),
                )
            )
        if len(samples):
            self._push_samples(samples)

    def _silent_samples(self, samples: PCM) -> int:
        """Return how many samples to skip ahead of the first audible one."""
        audible = np.flatnonzero(np.abs(samples.astype(np.int32)) > _INAUDIBLE)
        if not len(audible):
            return len(samples)
        return max(0, int(audible[0]) - round(_KEPT_SILENCE_SECONDS * self._voice_rate))

    def push_silence(self, seconds: float) -> None:
        """Emit silence."""
        self._push_samples(np.zeros(round(seconds * self._voice_rate), dtype=np.int16))

    def finish(self) -> None:
        """Emit what the resampler still holds."""
        if self._resampler is not None:
            for ready in self._resampler.flush():
                self._emit(ready.data, ready.sample_rate)

    def _push_samples(self, samples: PCM) -> None:
        if self._resampler is None:
            self._emit(samples, self._voice_rate)
        else:
            for ready in self._resampler.push(bytearray(samples.tobytes())):
                self._emit(ready.data, ready.sample_rate)
        seconds = len(samples) / self._voice_rate
        self.seconds += seconds
        self._plays_until = max(self._plays_until, time.monotonic()) + seconds

    def _emit(self, samples: PCM | memoryview, sample_rate: int) -> None:
        """Emit frames of equal length, no longer than the framework expects."""
        pcm = np.asarray(samples, dtype=np.int16)
        parts = math.ceil(len(pcm) / (sample_rate * _LONGEST_FRAME_SECONDS))
        for part in np.array_split(pcm, max(1, parts)):
            self._emitter.push_frame(
                rtc.AudioFrame(
                    data=part.tobytes(),
                    sample_rate=sample_rate,
                    num_channels=1,
                    samples_per_channel=len(part),
                )
            )


def _always() -> bool:
    return True

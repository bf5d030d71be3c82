"""Speech recognition as LiveKit's interface, with the shared recogniser."""

from __future__ import annotations

import uuid
import weakref
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Literal

import numpy as np
from livekit.agents import APIConnectOptions, stt
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, NotGivenOr
from livekit.agents.utils import AudioBuffer, is_given

from ..asr.config import DecodeOptions
from ..asr.events import ASREvent, ASREventKind
from ..asr.recognizer import RecognizerTiming
from ..audio.samples import SAMPLE_RATE, Samples
from ..inference import Priority
from ..shared.engines import SharedASR, SharedEngines
from ..shared.process_engines import shared_engines
from ..shared.shared_model import Lease
from ..vad.silero import speech_span
from .errors import api_error
from .events import speech_data
from .frames import FrameConverter
from .speech_stream import WHAT, LocalSpeechStream
from .vad import LocalVAD

_CONTEXT_CHARACTERS = 400
"""More than the recogniser's token limit admits."""
END_SILENCE_SECONDS = 0.4
"""Silence that ends an utterance if there is neither a turn detector nor a setting."""


class LocalSTT(stt.STT[Literal["error"]]):
    """faster-whisper for LiveKit agents; belongs to one room, shares the model with all others.

    `engines` provides the models, loaded on first use; by default they are the process's own.
    `model` is a catalogue name or a folder; without, it is the process's recogniser. With `vad`,
    the room's detector, it transcribes the audio that the detector receives and emits a final when
    the framework requests one (`manual_flush`). Without, it detects the ends of utterances itself,
    so that it also works alone and inside a FallbackAdapter.
    """

    def __init__(
        self,
        *,
        engines: SharedEngines | None = None,
        model: str | None = None,
        vad: LocalVAD | None = None,
        room: str | None = None,
        language: str | None = None,
        keyterms: list[str] | None = None,
        prompt: str = "",
        carry_context: bool = False,
        word_times: bool = False,
        interim_results: bool = True,
        timing: RecognizerTiming | None = None,
        min_silence_seconds: float = END_SILENCE_SECONDS,
    ) -> None:
        super().__init__(
            capabilities=stt.STTCapabilities(
                streaming=True,
                interim_results=interim_results,
                aligned_transcript="word" if word_times else False,
                offline_recognize=True,
                keyterms=True,
                manual_flush=vad is not None,
            )
        )
        self._given = engines
        self._model = model
        self._lease: Lease | None = None
        self._listeners: list[Callable[[ASREvent], None]] = []
        self.screen: Callable[[ASREvent], Iterable[ASREvent]] | None = None
        """Returns what the framework shall have in place of an event; subscribers have them all."""
        self._vad = vad
        self._room = room or f"stt-{uuid.uuid4().hex[:8]}"
        self._keyterms = tuple(keyterms or ())
        self._session_keyterms: tuple[str, ...] = ()
        self._options = DecodeOptions(language=language, prompt=prompt, words=word_times)
        self._carry_context = carry_context
        self._timing = timing or RecognizerTiming()
        self._silence = min_silence_seconds
        self._streams: set[LocalSpeechStream] = set()

    @property
    def model(self) -> str:
        """The name of the loaded model."""
        # Without holding it: the framework asks for names after the end of a room too.
        asr = self.engines.recogniser(self._model).peek()
        return asr.facts.name if asr is not None else "whisper"

    @property
    def provider(self) -> str:
        return "faster-whisper"

    @property
    def engines(self) -> SharedEngines:
        """Provides the models."""
        return self._given or shared_engines()

    @property
    def recogniser(self) -> SharedASR:
        """The shared recogniser, which stays loaded from the first use until this is closed."""
        recogniser = self.engines.recogniser(self._model)
        if self._lease is None:
            self._lease = recogniser.use()
            # For those who drop it without closing it.
            weakref.finalize(self, self._lease.close)
        return recogniser

    @property
    def busy(self) -> bool:
        """Whether a transcript of something already said is still to come."""
        return any(stream.busy for stream in self._streams)

    @property
    def audio_bytes(self) -> int:
        """Size of the audio that is not recognised yet; from any thread."""
        return sum(stream.audio_bytes for stream in tuple(self._streams))

    def prewarm(self) -> None:
        """Do nothing: the shared recogniser is warm before rooms are accepted."""

    def stream(
        self,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> LocalSpeechStream:
        """Open a stream, which takes audio of any rate."""
        options = self._decode_options(language)
        stream = LocalSpeechStream(
            owner=self,
            engines=self.engines,
            recogniser=self.recogniser,
            vad=self._vad,
            room=self._room,
            options=options,
            timing=self._timing,
            silence_seconds=self._silence,
            interim_results=self.capabilities.interim_results,
            conn_options=conn_options,
            on_heard=self._publish,
            screen=lambda heard: (heard,) if self.screen is None else self.screen(heard),
            on_close=self._streams.discard,
        )
        self._streams.add(stream)
        return stream

    def update_options(
        self, *, language: NotGivenOr[str] = NOT_GIVEN, keyterms: NotGivenOr[list[str]] = NOT_GIVEN
    ) -> None:
        """Change the language or the expected words, for open streams too."""
        if is_given(keyterms):
            self._keyterms = tuple(keyterms)
        self._options = self._decode_options(language)
        for stream in self._streams:
            stream.update_options(self._options, keep_language=not is_given(language))

    def expect_language(self, language: str) -> None:
        """Where the language is detected: take this one unless another is clearly more probable."""
        if self._options.likely_language == language:
            return
        self._options = replace(self._options, likely_language=language)
        for stream in self._streams:
            stream.update_options(self._options)

    def finish_utterance(self) -> None:
        """End the open utterances: their finals follow."""
        for stream in tuple(self._streams):
            stream.finish_utterance()

    def subscribe(self, listener: Callable[[ASREvent], None]) -> Callable[[], None]:
        """Have `listener` receive every event; return a function that ends that."""
        self._listeners.append(listener)

        def unsubscribe() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return unsubscribe

    async def aclose(self) -> None:
        """Close every stream; the shared model stays loaded."""
        for stream in tuple(self._streams):
            await stream.aclose()
        if self._lease is not None:
            self._lease.close()
            self._lease = None

    def _update_session_keyterms(self, keyterms: list[str]) -> None:
        self._session_keyterms = tuple(keyterms)
        self.update_options()

    def _decode_options(self, language: NotGivenOr[str]) -> DecodeOptions:
        return replace(
            self._options,
            language=language if is_given(language) else self._options.language,
            hotwords=tuple(dict.fromkeys((*self._keyterms, *self._session_keyterms))),
        )

    def _publish(self, heard: ASREvent) -> None:
        if self._carry_context and heard.kind is ASREventKind.FINAL and heard.text:
            said = f"{self._options.context} {heard.text}"[-_CONTEXT_CHARACTERS:]
            self._options = replace(self._options, context=said)
            for stream in self._streams:
                stream.update_options(self._options)
        for listener in tuple(self._listeners):
            listener(heard)

    async def _recognize_impl(
        self,
        buffer: AudioBuffer,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions,
    ) -> stt.SpeechEvent:
        samples = _samples(buffer)
        try:
            asr = await self.recogniser.get()
            model = await self.engines.voice_activity.get()
            span = await self.engines.scheduler.run(
                lambda _: speech_span(model, samples),
                engine="voice activity",
                owner=self._room,
                priority=Priority.FINAL,
                deadline_seconds=self._timing.deadline_seconds,
            )
            start, end = span or (0, 0)
            heard = await asr.transcribe(
                samples[start:end],
                owner=self._room,
                priority=Priority.FINAL,
                deadline_seconds=self._timing.deadline_seconds,
                queue_seconds=conn_options.timeout,
                options=self._decode_options(language),
                start_seconds=start / SAMPLE_RATE,
            )
        except Exception as error:
            raise api_error(WHAT, error) from error
        return stt.SpeechEvent(
            type=stt.SpeechEventType.FINAL_TRANSCRIPT,
            request_id=uuid.uuid4().hex,
            alternatives=[speech_data(heard, len(samples) / SAMPLE_RATE)],
        )


def _samples(buffer: AudioBuffer) -> Samples:
    frames = buffer if isinstance(buffer, list) else [buffer]
    converter = FrameConverter()
    parts = [converter.convert(frame) for frame in frames]
    parts.append(converter.flush())
    return np.concatenate(parts)

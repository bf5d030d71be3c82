"""One open microphone, recognised by the shared recogniser."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from livekit import rtc
from livekit.agents import APIConnectOptions, stt

from ..asr.config import DecodeOptions
from ..asr.events import ASREvent, ASREventKind
from ..asr.recognizer import RecognizerTiming, StreamingRecognizer
from ..audio.samples import Samples
from ..shared.engines import SharedASR, SharedEngines
from ..vad.silero import VoiceActivityDetector, VoiceActivityOptions, windows
from .errors import api_error
from .events import speech_event
from .frames import FrameConverter
from .vad import LocalVAD

logger = logging.getLogger("services.livekit_local")

WHAT = "speech recognition"
"""What fails, in errors."""
_FAILURES_BEFORE_GIVING_UP = 3


class LocalSpeechStream(stt.RecognizeStream):
    """One open microphone."""

    def __init__(
        self,
        *,
        owner: stt.STT[Any],
        engines: SharedEngines,
        recogniser: SharedASR,
        vad: LocalVAD | None,
        room: str,
        options: DecodeOptions,
        timing: RecognizerTiming,
        silence_seconds: float,
        interim_results: bool,
        conn_options: APIConnectOptions,
        on_heard: Callable[[ASREvent], None],
        screen: Callable[[ASREvent], Iterable[ASREvent]],
        on_close: Callable[[LocalSpeechStream], None],
    ) -> None:
        self._engines = engines
        self._asr = recogniser
        self._vad = vad
        self._room = room
        self._options = options
        self._timing = timing
        self._silence = silence_seconds
        self._interims = interim_results
        self._on_heard = on_heard
        self._screen = screen
        self._on_close = on_close
        self._recognizer: StreamingRecognizer | None = None
        self._failures = 0
        self._failure: Exception | None = None
        super().__init__(stt=owner, conn_options=conn_options)

    def update_options(self, options: DecodeOptions, *, keep_language: bool = True) -> None:
        """Change the options of the next decodes; by default the stream keeps its language."""
        language = self._options.language if keep_language else options.language
        self._options = replace(options, language=language)
        if self._recognizer is not None:
            self._recognizer.options = self._options

    @property
    def busy(self) -> bool:
        """Whether a transcript of something already said is still to come."""
        return self._recognizer is not None and self._recognizer.busy

    @property
    def audio_bytes(self) -> int:
        """Size of the audio that is not recognised yet; from any thread."""
        recognizer = self._recognizer
        return recognizer.audio_bytes if recognizer is not None else 0

    def finish_utterance(self) -> None:
        """End the open utterance, if there is one: its final follows."""
        if self._recognizer is not None:
            self._recognizer.finish()

    def push_frame(self, frame: rtc.AudioFrame) -> None:
        """Push audio of any rate and channel count; malformed frames are dropped."""
        self._check_input_not_ended()
        self._check_not_closed()
        if frame.sample_rate > 0 and frame.num_channels > 0 and frame.samples_per_channel > 0:
            self._input_ch.send_nowait(frame)

    async def aclose(self) -> None:
        """End the stream with its tasks and decodes."""
        try:
            await super().aclose()
        finally:
            self._on_close(self)

    async def _run(self) -> None:
        try:
            await self._asr.get()
            if self._vad is None:
                await self._engines.voice_activity.get()
        except Exception as error:
            raise api_error(WHAT, error) from error
        recognizer = StreamingRecognizer(
            self._asr.get,
            owner=self._room,
            emit=self._publish,
            options=self._options,
            timing=self._timing,
            auto_finish=self._vad is None,
            interim_results=self._interims,
        )
        self._recognizer = recognizer
        try:
            if self._vad is None:
                await self._detect_and_recognize(recognizer)
            else:
                await self._follow(self._vad, recognizer)
            await recognizer.drain()
        finally:
            self._recognizer = None
            await recognizer.aclose()
        self._raise_repeated_failure()

    async def _detect_and_recognize(self, recognizer: StreamingRecognizer) -> None:
        """Detect the ends of utterances without a room's detector."""
        detector = VoiceActivityDetector(
            await self._engines.voice_activity.get(),
            VoiceActivityOptions(min_silence_seconds=self._silence),
        )
        converter = FrameConverter()

        def hear(samples: Samples) -> None:
            for window in windows(samples):
                recognizer.push(window)
                for activity in detector.push(window):
                    recognizer.observe(activity)

        async for item in self._input_ch:
            if not self._input_ch.empty():
                # Audio that has piled up must not keep others from their turn.
                await asyncio.sleep(0)
            if isinstance(item, rtc.AudioFrame):
                hear(converter.convert(item))
            else:
                hear(converter.flush())
                recognizer.finish()
                detector.reset()
            self._raise_repeated_failure()

    async def _follow(self, vad: LocalVAD, recognizer: StreamingRecognizer) -> None:
        """Recognise the audio that the room's detector receives; only flushes come from here."""
        unsubscribe = vad.subscribe(recognizer)
        try:
            async for item in self._input_ch:
                if not isinstance(item, rtc.AudioFrame):
                    recognizer.finish()
                self._raise_repeated_failure()
        finally:
            unsubscribe()

    def _publish(self, heard: ASREvent) -> None:
        self._on_heard(heard)
        if heard.kind is ASREventKind.FAILED:
            self._failures += 1
            self._failure = heard.error
            logger.warning(
                "utterance lost",
                extra={"error": str(heard.error), "in_a_row": self._failures},
            )
            return
        if heard.kind is ASREventKind.FINAL and heard.text:
            self._failures = 0
        for passed in self._screen(heard):
            if passed.kind is ASREventKind.WORDLESS:
                continue
            self._event_ch.send_nowait(speech_event(passed, self.start_time_offset))
        if heard.kind is ASREventKind.FINAL and heard.audio_seconds:
            self._event_ch.send_nowait(
                stt.SpeechEvent(
                    type=stt.SpeechEventType.RECOGNITION_USAGE,
                    recognition_usage=stt.RecognitionUsage(
                        audio_duration=heard.audio_seconds, output_tokens=heard.tokens
                    ),
                )
            )

    def _raise_repeated_failure(self) -> None:
        """Absorb single failures; repeated ones are the framework's to handle."""
        if self._failures >= _FAILURES_BEFORE_GIVING_UP and self._failure is not None:
            failure, self._failure, self._failures = self._failure, None, 0
            raise api_error(WHAT, failure) from failure

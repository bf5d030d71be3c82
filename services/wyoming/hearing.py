"""One request to hear: sound in, transcripts out while it arrives."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

from wyoming import asr as messages

from ..asr.config import AUTO, DecodeOptions
from ..asr.events import ASREvent, ASREventKind
from ..asr.interface import ASREngine
from ..asr.recognizer import RecognizerTiming, StreamingRecognizer
from ..asr.scripts import join_texts
from ..audio.pcm import PCMStream
from ..audio.samples import SAMPLE_RATE, Samples
from ..inference import Priority
from ..models.languages import base_language
from ..vad.silero import (
    VoiceActivityDetector,
    VoiceActivityModel,
    VoiceActivityOptions,
    windows,
)
from .errors import WyomingError
from .limits import QUEUE_SECONDS, WyomingLimits
from .outlet import Outlet
from .requests import AudioChunk, Transcribe

_PAUSE_SECONDS = 0.25
"""After which what was said is decoded as if it were all. Home Assistant ends a command after 0.7 s
of silence, unless set otherwise, so that the transcript is mostly there by then."""
_SILENCE_SECONDS = 0.8
"""Ends a stretch of speech, whose transcript is sent at once. After a shorter one the context is
worth more."""
_LONGEST_STRETCH_SAMPLES = 30 * SAMPLE_RATE
"""Speech without such a pause is cut here, so that its transcript need not wait for the end."""
_STEP_SECONDS = 0.5
"""Sound that is judged before others get their turn."""
_SLOWEST = 2.0
"""Times the sound's duration in which it must arrive, and the idle time once more."""


class Hearing:
    """Belongs to one event loop; `aclose` ends whatever is not done."""

    def __init__(
        self,
        recogniser: Callable[[], Awaitable[ASREngine]],
        voice_activity: VoiceActivityModel,
        outlet: Outlet,
        limits: WyomingLimits,
        *,
        owner: str,
        options: DecodeOptions,
    ) -> None:
        """Begin to hear; `owner` is the key by which calls are scheduled."""
        self._outlet = outlet
        self._limits = limits
        self._detector = VoiceActivityDetector(
            voice_activity, VoiceActivityOptions(min_silence_seconds=_SILENCE_SECONDS)
        )
        self._stream: PCMStream | None = None
        self._seconds = 0.0
        self._until = time.monotonic() + _SLOWEST * limits.utterance_seconds + limits.idle_seconds
        self._stretch_samples = 0
        self._heard: asyncio.Queue[ASREvent | None] = asyncio.Queue()
        self._text = ""
        self._language: str | None = None
        self._failure: Exception | None = None
        self._recognizer = StreamingRecognizer(
            recogniser,
            owner=owner,
            emit=self._heard.put_nowait,
            options=options,
            timing=RecognizerTiming(
                pause_seconds=_PAUSE_SECONDS,
                limit_seconds=limits.utterance_seconds + 1.0,
                deadline_seconds=limits.decode_seconds,
                queue_seconds=QUEUE_SECONDS,
            ),
            auto_finish=True,
            interim_results=False,
            priority=Priority.BATCH,
        )
        self._sending = asyncio.create_task(self._send_chunks(), name="wyoming-transcripts")

    async def push(self, chunk: AudioChunk) -> None:
        """Take some sound. Raises WyomingError if there is too much of it."""
        form = chunk.rate, chunk.width, chunk.channels
        if self._stream is None or self._stream.format != form:
            await self._hear(self._rest())
            self._stream = PCMStream(*form)
        self._seconds += len(chunk.audio) / self._stream.bytes_per_second
        if self._seconds > self._limits.utterance_seconds:
            raise WyomingError(
                "too-long",
                f"the sound is longer than {self._limits.utterance_seconds:g} s "
                "(WYOMING_MAX_SECONDS)",
            )
        if time.monotonic() > self._until:
            raise WyomingError("idle", "the sound does not come to an end")
        step = max(1, int(self._stream.bytes_per_second * _STEP_SECONDS))
        for start in range(0, len(chunk.audio), step):
            await self._hear(self._stream.push(chunk.audio[start : start + step]))

    async def finish(self) -> None:
        """Send the whole transcript. Raises WyomingError if some of it is missing."""
        await self._hear(self._rest())
        await self._recognizer.drain()
        self._heard.put_nowait(None)
        await self._sending
        if self._failure is not None:
            raise WyomingError("engine", f"the speech was not recognised: {self._failure}")
        if not self._text:
            await self._outlet.send(messages.TranscriptStart(language=self._language))
        await self._outlet.send(messages.Transcript(self._text, language=self._language))
        with contextlib.suppress(OSError):
            # Home Assistant leaves when it has the transcript.
            await self._outlet.send(messages.TranscriptStop())

    async def aclose(self) -> None:
        """End all decoding at once. Idempotent."""
        await self._recognizer.aclose()
        self._sending.cancel()
        await asyncio.gather(self._sending, return_exceptions=True)

    def _rest(self) -> Samples | None:
        return self._stream.flush() if self._stream is not None else None

    async def _hear(self, samples: Samples | None) -> None:
        if samples is None:
            return
        for window in windows(samples):
            self._recognizer.push(window)
            for activity in self._detector.push(window):
                self._recognizer.observe(activity)
            self._stretch_samples = (
                self._stretch_samples + len(window) if self._detector.speaking else 0
            )
            if self._stretch_samples >= _LONGEST_STRETCH_SAMPLES:
                self._recognizer.finish()
                self._stretch_samples = 0
        # Sound that comes faster than speech must not keep others from their turn.
        await asyncio.sleep(0)

    async def _send_chunks(self) -> None:
        """Send the transcript of each stretch of speech as soon as it is final."""
        while (event := await self._heard.get()) is not None:
            if event.kind is ASREventKind.FAILED:
                self._failure = event.error or self._failure
            if event.kind is not ASREventKind.FINAL or not event.text or self._failure:
                continue
            if not self._text:
                self._language = event.language
                await self._outlet.send(messages.TranscriptStart(language=self._language))
            whole = join_texts((self._text, event.text))
            added, self._text = whole[len(self._text) :], whole
            await self._outlet.send(messages.TranscriptChunk(added))


def decode_options(request: Transcribe, asr: ASREngine) -> DecodeOptions:
    """Return how to hear. Raises WyomingError for a language that the recogniser does not know."""
    return DecodeOptions(language=_language(request, asr), hotwords=request.hotwords)


def _language(request: Transcribe, asr: ASREngine) -> str | None:
    if not request.language:
        return None
    language = base_language(request.language)
    known = sorted(asr.facts.languages)
    if language == AUTO:
        return AUTO if len(known) > 1 else None
    if language not in known:
        few = f"it knows {', '.join(known)}" if len(known) < 10 else f"it knows {len(known)} others"
        raise WyomingError(
            "not-available",
            f"the recogniser {asr.facts.name} does not know the language "
            f"{request.language[:35]!r}: {few}",
        )
    return language

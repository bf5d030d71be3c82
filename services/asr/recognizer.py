"""Streaming recognition: audio and voice activity in, interim, preflight and final events out."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import numpy as np

from .. import defaults
from ..audio.samples import SAMPLE_RATE, Samples
from ..inference import (
    DynamicPriority,
    EngineUnavailable,
    InferenceError,
    InferenceTimeout,
    Priority,
    QueueFull,
    Superseded,
)
from ..vad.silero import WINDOW_SAMPLES, Activity, ActivityKind
from .config import ASRError, DecodeOptions
from .events import ASREvent, ASREventKind
from .interface import ASREngine
from .transcription import Transcription, join_transcriptions
from .utterance import TAIL_SAMPLES, Decode, Utterance

logger = logging.getLogger("services.asr.recognizer")

_LONGEST_TAIL_SAMPLES = SAMPLE_RATE // 2
"""Silence decoded after the last voice, at most."""
_WORDLESS_VOICE_SECONDS = 0.8
"""Voice in which somebody who speaks has said a word."""


@dataclass(frozen=True, slots=True)
class RecognizerTiming:
    """When audio is decoded."""

    preroll_seconds: float = 0.5
    """Audio kept from before speech was noticed."""
    pause_seconds: float = 0.064
    """Silence after which the utterance is decoded as if it had ended."""
    interim_seconds: float = 0.4
    """Least time between two interim transcripts."""
    interim_share: float = defaults.ASR_INTERIM_SHARE
    """Share of one core that the interim transcripts of one stream may cost."""
    commit_seconds: float = 12.0
    """Beyond this much open audio, the part before a pause is committed: decoded for good."""
    limit_seconds: float = 120.0
    """Longest open audio: older audio is dropped when recognition does not keep up."""
    deadline_seconds: float = defaults.ASR_TIMEOUT_SECONDS
    """Engine time of one decode."""
    queue_seconds: float = 10.0
    """Longest wait of a decode for its turn."""


class StreamingRecognizer:
    """Turns one stream of audio into transcripts; belongs to one event loop.

    Call `push` with audio and `observe` with voice activity in the order in which they occur; both
    return at once. `emit` receives the events in order. With `auto_finish` an utterance ends at the
    detector's end of speech, otherwise when `finish` is called. `priority` is the class of every
    decode of a stream without interim results; None: it follows from what the decode is for.
    """

    def __init__(
        self,
        asr: Callable[[], Awaitable[ASREngine]],
        *,
        owner: str,
        emit: Callable[[ASREvent], None],
        options: DecodeOptions | None = None,
        timing: RecognizerTiming | None = None,
        auto_finish: bool,
        interim_results: bool = True,
        priority: Priority | None = None,
    ) -> None:
        self._asr = asr
        self._owner = owner
        self._emit = emit
        self.options = options or DecodeOptions()
        self._timing = timing or RecognizerTiming()
        self._auto_finish = auto_finish
        self._interim_results = interim_results
        self._priority = priority
        self._preroll: list[Samples] = []
        self._preroll_samples = 0
        self._position = 0
        self._utterance: Utterance | None = None
        self._interim_cost_seconds = 0.0
        self._finals: asyncio.Queue[Utterance | None] = asyncio.Queue()
        self._unfinished: list[Utterance] = []
        self._finishing = asyncio.create_task(self._finish_in_order(), name="recognizer-finals")
        self._tasks: set[asyncio.Task[Transcription]] = set()

    @property
    def busy(self) -> bool:
        """Whether a transcript of something already said is still to come."""
        return self._utterance is not None or bool(self._unfinished)

    @property
    def audio_bytes(self) -> int:
        """Size of the audio held: the preroll and what is not recognised yet; from any thread."""
        preroll = sum(samples.nbytes for samples in tuple(self._preroll))
        held = (self._utterance, *self._unfinished)
        return preroll + sum(utterance.audio_bytes for utterance in held if utterance is not None)

    def push(self, samples: Samples) -> None:
        """Take mono float32 audio at 16 kHz."""
        self._position += len(samples)
        if self._utterance is None:
            self._preroll.append(samples)
            self._preroll_samples += len(samples)
            limit = round(self._timing.preroll_seconds * SAMPLE_RATE)
            while self._preroll and self._preroll_samples - len(self._preroll[0]) >= limit:
                self._preroll_samples -= len(self._preroll.pop(0))
            return
        self._utterance.push(samples)
        dropped = self._utterance.drop_oldest(round(self._timing.limit_seconds * SAMPLE_RATE))
        if dropped:
            logger.warning(
                "recognition does not keep up: audio dropped",
                extra={"seconds": round(dropped / SAMPLE_RATE, 2)},
            )

    def observe(self, activity: Activity) -> None:
        """Take the voice activity of the latest audio."""
        if activity.speaking and activity.voiced_seconds > 0:
            # Not only at the start of speech: `finish` may have been called in the middle of it.
            self._begin(activity.voiced_seconds)
        utterance = self._utterance
        if utterance is None:
            return
        if activity.kind is ActivityKind.ENDED:
            if self._auto_finish:
                self.finish()
            return
        if activity.voiced_seconds > 0:
            utterance.last_voice = utterance.end
            utterance.voiced += WINDOW_SAMPLES
            if activity.speaking:
                self._consider_interim(utterance)
        elif activity.silent_seconds >= self._timing.pause_seconds:
            utterance.note_pause()
            if not utterance.attempted():
                self._start_decode(utterance, Priority.SPECULATIVE)

    def finish(self) -> None:
        """End the utterance: its final follows, empty if nothing was said."""
        utterance, self._utterance = self._utterance, None
        if utterance is None:
            utterance = Utterance(self._position, np.empty(0, dtype=np.float32))
        else:
            tail = utterance.audio()[-round(self._timing.preroll_seconds * SAMPLE_RATE) :]
            silent_since = max(0, self._position - utterance.last_voice)
            keep = min(len(tail), silent_since)
            self._preroll = [tail[len(tail) - keep :].copy()] if keep else []
            self._preroll_samples = keep
        self._unfinished.append(utterance)
        self._finals.put_nowait(utterance)

    async def drain(self) -> None:
        """Finish the open utterance and wait until its final has been emitted."""
        if self._utterance is not None:
            self.finish()
        self._finals.put_nowait(None)
        await self._finishing

    async def aclose(self) -> None:
        """End all decoding at once and emit nothing more; the model stays loaded."""
        tasks = [self._finishing, *self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._utterance = None
        self._preroll = []

    def _begin(self, voiced_seconds: float) -> None:
        if self._utterance is not None:
            return
        samples = np.concatenate(self._preroll) if self._preroll else np.empty(0, np.float32)
        self._preroll, self._preroll_samples = [], 0
        start = self._position - len(samples)
        self._utterance = utterance = Utterance(start, samples)
        utterance.last_interim = time.monotonic()
        utterance.held = [] if self._unfinished else None
        onset = self._position / SAMPLE_RATE - voiced_seconds
        onset = max(start / SAMPLE_RATE, onset)
        self._emit_in_turn(utterance, ASREvent(ASREventKind.SPEECH_STARTED, start_seconds=onset))

    def _emit_in_turn(self, utterance: Utterance, heard: ASREvent) -> None:
        """Emit an event of the open utterance once the earlier ones have their finals."""
        if utterance.held is None:
            self._emit(heard)
        else:
            utterance.held.append(heard)

    def _release(self, utterance: Utterance) -> None:
        held, utterance.held = utterance.held or [], None
        for heard in held:
            self._emit(heard)

    def _consider_interim(self, utterance: Utterance) -> None:
        if not self._interim_results:
            return
        decode = utterance.decode
        if decode is not None and not decode.task.done():
            return
        pace = max(
            self._timing.interim_seconds, self._interim_cost_seconds / self._timing.interim_share
        )
        if time.monotonic() - utterance.last_interim >= pace:
            utterance.last_interim = time.monotonic()
            self._start_decode(utterance, Priority.INTERIM)

    def _start_decode(self, utterance: Utterance, priority: Priority) -> Decode:
        if utterance.decode is not None and not utterance.decode.task.done():
            utterance.decode.task.cancel()
        dynamic = DynamicPriority(priority if self._priority is None else self._priority)
        task = asyncio.create_task(self._decode(utterance, dynamic), name="recognizer-decode")
        decode = Decode(utterance.end, dynamic, task)
        utterance.decode = decode
        self._tasks.add(task)
        task.add_done_callback(lambda _: self._decoded(utterance, decode))
        return decode

    async def _decode(self, utterance: Utterance, priority: DynamicPriority) -> Transcription:
        """Transcribe the open audio up to now, after committing the part before a pause."""
        interim = priority.current is Priority.INTERIM
        end = min(utterance.end, utterance.last_voice + _LONGEST_TAIL_SAMPLES)
        cut = utterance.cut((await self._asr()).facts.window_seconds, self._timing.commit_seconds)
        if cut is not None:
            # It is decoded for good, so it is worth more than the interim that needs it.
            self._raise(priority, Priority.SPECULATIVE)
            utterance.commit(await self._transcribe(utterance, cut, priority), cut)
        tail = await self._transcribe(utterance, end, priority, supersede=interim)
        if interim:
            old = self._interim_cost_seconds or tail.compute_seconds
            self._interim_cost_seconds = 0.7 * old + 0.3 * tail.compute_seconds
        return tail

    def _raise(self, priority: DynamicPriority, to: Priority) -> None:
        if self._priority is None:
            priority.raise_to(to)

    async def _transcribe(
        self,
        utterance: Utterance,
        until: int,
        priority: DynamicPriority,
        *,
        supersede: bool = False,
    ) -> Transcription:
        """Transcribe the open audio up to sample `until` of the stream."""
        asr = await self._asr()
        start = utterance.open_start
        return await asr.transcribe(
            utterance.audio()[: max(0, until - start)],
            owner=self._owner,
            priority=priority,
            deadline_seconds=self._timing.deadline_seconds,
            queue_seconds=self._timing.queue_seconds,
            options=self.options,
            start_seconds=start / SAMPLE_RATE,
            supersede=f"recognizer-{id(self)}" if supersede else None,
            work=f"{self._owner}-{id(utterance)}",
        )

    def _decoded(self, utterance: Utterance, decode: Decode) -> None:
        """Publish the result of a decode as long as the utterance is open."""
        self._tasks.discard(decode.task)
        if decode.task.cancelled():
            return
        error = decode.task.exception()
        if error is not None:
            if not isinstance(error, (Superseded, QueueFull, EngineUnavailable)):
                logger.warning("decode failed", extra={"error": str(error)})
            return
        if utterance is not self._utterance or utterance.decode is not decode:
            return
        heard = utterance.whole(decode.task.result())
        if decode.end >= utterance.last_voice + TAIL_SAMPLES:
            self._publish(utterance, ASREventKind.PREFLIGHT, heard, heard.text)
        elif self._interim_results:
            self._publish(utterance, ASREventKind.INTERIM, heard, utterance.stabilised(heard))

    def _publish(
        self, utterance: Utterance, kind: ASREventKind, heard: Transcription, text: str
    ) -> None:
        last = utterance.emitted
        lasts = utterance.voiced >= _WORDLESS_VOICE_SECONDS * SAMPLE_RATE
        none_yet = last is None or last[0] is ASREventKind.WORDLESS
        if not heard.text and none_yet and (lasts or kind is ASREventKind.PREFLIGHT):
            kind = ASREventKind.WORDLESS
            text = ""
        elif not text or last == (kind, text):
            return
        if kind is ASREventKind.INTERIM and last is not None and last[1] == text:
            return
        utterance.emitted = (kind, text)
        self._emit_in_turn(utterance, utterance.event(kind, replace(heard, text=text)))

    async def _finish_in_order(self) -> None:
        while (utterance := await self._finals.get()) is not None:
            self._release(utterance)
            heard = await self._final(utterance)
            self._emit(utterance.event(ASREventKind.FINAL, heard))
            if len(utterance.audio()):
                self._emit(utterance.event(ASREventKind.SPEECH_ENDED, heard))
            self._unfinished.remove(utterance)
            if self._utterance is not None and not self._unfinished:
                self._release(self._utterance)

    async def _final(self, utterance: Utterance) -> Transcription:
        if utterance.end == utterance.open_start and not utterance.committed:
            return Transcription("", self.options.language or "en")
        for attempt in range(2):
            if attempt == 0 and utterance.covered() and utterance.decode is not None:
                decode = utterance.decode
                self._raise(decode.priority, Priority.FINAL)
            else:
                decode = self._start_decode(utterance, Priority.FINAL)
            try:
                return utterance.whole(await asyncio.shield(decode.task))
            except asyncio.CancelledError:
                if not decode.task.cancelled():
                    raise
            except Exception as error:
                if not isinstance(error, (InferenceError, ASRError)):
                    logger.exception("recognition failed")
                # A second attempt at what took too long keeps the caller waiting for as long again,
                # and an open circuit breaker is still open a moment later.
                if attempt == 1 or isinstance(error, (InferenceTimeout, EngineUnavailable)):
                    self._emit(utterance.event(ASREventKind.FAILED, Transcription(""), error=error))
                    break
        return join_transcriptions(utterance.committed or [Transcription("", "en")])

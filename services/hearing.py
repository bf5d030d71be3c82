"""Hearing one person: audio and voice activity in, interim, preflight and final transcripts out."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from services.asr import (
    SAMPLE_RATE,
    ASRError,
    DecodeOptions,
    HeardWord,
    StreamingASR,
    Transcription,
    join_transcriptions,
    quietest_place,
    shift_words,
)
from services.inference import (
    DeskFull,
    InferenceError,
    InferenceTimeout,
    Priority,
    Superseded,
    Urgency,
)
from services.voice_activity import WINDOW_SAMPLES, Activity, ActivityKind

logger = logging.getLogger("services.hearing")

Samples = NDArray[np.float32]

_TAIL_SAMPLES = SAMPLE_RATE * 6 // 100
"""Silence that a decode must have heard after the last voice to count for the whole utterance."""

_LONGEST_TAIL_SAMPLES = SAMPLE_RATE // 2
"""Silence after the last voice beyond this is not decoded."""
_COMMIT_SHARE = 0.5
"""Of the recogniser's window: open audio beyond this is settled at its last pause. The demo model,
which hears 10 s, gets 12 % of the words in long speech wrong, and 20 % with 0.6."""

_CUT_SAMPLES = SAMPLE_RATE // 10
"""Audio is cut so far behind the voice, or at the end of a shorter pause."""
_LEAST_VOICE_SAMPLES = SAMPLE_RATE * 3 // 10
"""Voice that must follow a pause before what lies before it is settled."""


class HeardKind(Enum):
    """What became known."""

    SPEECH_STARTED = "speech started"
    INTERIM = "interim"
    """The utterance so far; may still change."""
    PREFLIGHT = "preflight"
    """The whole utterance, if nothing more is said."""
    FINAL = "final"
    """The utterance, never changed again; empty when nothing was said."""
    SPEECH_ENDED = "speech ended"
    FAILED = "failed"
    """Recognition failed; a final with what is known follows."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One event; times are seconds of the stream, from its first sample."""

    kind: HeardKind
    text: str = ""
    language: str = "en"
    confidence: float = 0.0
    mean_log_probability: float = 0.0
    words: tuple[HeardWord, ...] = ()
    start_seconds: float = 0.0
    end_seconds: float = 0.0
    audio_seconds: float = 0.0
    """Audio decoded for this final, for usage accounting."""
    tokens: int = 0
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class HearingTiming:
    """When decodes are made."""

    preroll_seconds: float = 0.5
    """Audio kept from before speech was noticed."""
    pause_seconds: float = 0.064
    """Silence after which the utterance is decoded as if it were over."""
    interim_seconds: float = 0.4
    """The shortest time between two interim transcripts."""
    interim_share: float = 0.15
    """Of one core: the most that interim transcripts of a room may cost."""
    commit_seconds: float = 12.0
    """Beyond this much open audio, what lies before a pause is decoded once and for all."""
    limit_seconds: float = 120.0
    """Open audio is never longer: older audio is dropped when recognition does not keep up."""
    deadline_seconds: float = 10.0
    """Engine time of one decode."""
    queue_seconds: float = 10.0
    """The longest wait of a decode for its turn."""


@dataclass(slots=True)
class _Decode:
    """A decode of everything up to sample `end` of the stream."""

    end: int
    urgency: Urgency
    task: asyncio.Task[Transcription]


@dataclass(frozen=True, slots=True)
class _Pause:
    """Where it was silent, in samples of the stream."""

    start: int
    end: int
    voiced: int
    """Samples of the utterance that had been voiced before."""

    @property
    def cut(self) -> int:
        """Where audio may be cut."""
        return min(self.start + _CUT_SAMPLES, self.end)


class _Utterance:
    """Audio of one utterance and what is known of it."""

    def __init__(self, start: int, samples: Samples) -> None:
        self.start = start
        self.chunks: list[Samples] = [samples]
        self.open_start = start
        """First sample that is not decoded once and for all."""
        self.end = start + len(samples)
        self.last_voice = self.end
        self.voiced = 0
        """Samples with voice in them."""
        self.pauses: list[_Pause] = []
        self.committed: list[Transcription] = []
        self.decode: _Decode | None = None
        self.previous: list[str] = []
        self.stable: list[str] = []
        self.emitted: tuple[HeardKind, str] | None = None
        self.held: list[Heard] | None = None
        """Events that wait for the final of an earlier utterance; None once its turn has come."""
        self.last_interim = time.monotonic()

    def push(self, samples: Samples) -> None:
        self.chunks.append(samples)
        self.end += len(samples)

    def note_pause(self) -> None:
        """It is silent: remember the pause, or that it lasts."""
        if self.pauses and self.pauses[-1].start == self.last_voice:
            self.pauses.pop()
        self.pauses.append(_Pause(self.last_voice, self.end, self.voiced))

    def audio(self) -> Samples:
        """The open audio, as one array."""
        if len(self.chunks) > 1:
            self.chunks = [np.concatenate(self.chunks)]
        return self.chunks[0]

    def commit(self, heard: Transcription, until: int) -> None:
        """Take `heard` as the transcript of the audio up to sample `until`."""
        self.committed.append(heard)
        # Audio may have been dropped while it was transcribed.
        until = max(until, self.open_start)
        self.chunks = [self.audio()[until - self.open_start :].copy()]
        self.open_start = until
        self.pauses = [pause for pause in self.pauses if pause.cut > until]
        self.previous = []
        self.stable = []

    def drop_oldest(self, keep: int) -> int:
        """Keep only the last `keep` samples of the open audio; returns how many were dropped."""
        excess = self.end - self.open_start - keep
        if excess <= 0:
            return 0
        self.chunks = [self.audio()[excess:].copy()]
        self.open_start += excess
        return excess


class Hearing:
    """Turns one stream of audio into transcripts; belongs to one event loop.

    `push` audio and `observe` voice activity in the order they happen; every method returns at
    once. Events go to `emit`, in order. With `auto_finish` an utterance ends at the detector's
    end of speech, otherwise when `finish` is called.
    """

    def __init__(
        self,
        asr: Callable[[], Awaitable[StreamingASR]],
        *,
        room: str,
        emit: Callable[[Heard], None],
        options: DecodeOptions | None = None,
        timing: HearingTiming | None = None,
        auto_finish: bool,
        interim_results: bool = True,
    ) -> None:
        self._asr = asr
        self._room = room
        self._emit = emit
        self.options = options or DecodeOptions()
        self._timing = timing or HearingTiming()
        self._auto_finish = auto_finish
        self._interim_results = interim_results
        self._preroll: list[Samples] = []
        self._preroll_samples = 0
        self._position = 0
        self._utterance: _Utterance | None = None
        self._interim_cost_seconds = 0.0
        self._finals: asyncio.Queue[_Utterance | None] = asyncio.Queue()
        self._unfinished = 0
        self._finishing = asyncio.create_task(self._finish_in_order(), name="hearing-finals")
        self._tasks: set[asyncio.Task[Transcription]] = set()

    @property
    def open_utterance(self) -> bool:
        """Whether an utterance has begun and not been finished."""
        return self._utterance is not None

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
        """Take the detector's judgement of the latest audio."""
        if activity.speaking and activity.voiced_seconds > 0:
            # Not only at the start of speech: `finish` may have come in the middle of it.
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
            if not self._attempted(utterance):
                self._start_decode(utterance, Priority.SPECULATIVE)

    def finish(self) -> None:
        """End the utterance: its final follows, an empty one when nothing was said."""
        utterance, self._utterance = self._utterance, None
        if utterance is None:
            utterance = _Utterance(self._position, np.empty(0, dtype=np.float32))
        else:
            tail = utterance.audio()[-round(self._timing.preroll_seconds * SAMPLE_RATE) :]
            silent_since = max(0, self._position - utterance.last_voice)
            keep = min(len(tail), silent_since)
            self._preroll = [tail[len(tail) - keep :].copy()] if keep else []
            self._preroll_samples = keep
        self._unfinished += 1
        self._finals.put_nowait(utterance)

    async def drain(self) -> None:
        """Finish what is open and wait until its final has been emitted."""
        if self._utterance is not None:
            self.finish()
        self._finals.put_nowait(None)
        await self._finishing

    async def aclose(self) -> None:
        """End all work at once; nothing is emitted afterwards. The recogniser stays loaded."""
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
        self._utterance = utterance = _Utterance(start, samples)
        utterance.held = [] if self._unfinished else None
        onset = self._position / SAMPLE_RATE - voiced_seconds
        onset = max(start / SAMPLE_RATE, onset)
        self._emit_in_turn(utterance, Heard(HeardKind.SPEECH_STARTED, start_seconds=onset))

    def _emit_in_turn(self, utterance: _Utterance, heard: Heard) -> None:
        """Emit what concerns the open utterance, once those before it have their finals."""
        if utterance.held is None:
            self._emit(heard)
        else:
            utterance.held.append(heard)

    def _release(self, utterance: _Utterance) -> None:
        held, utterance.held = utterance.held or [], None
        for heard in held:
            self._emit(heard)

    def _attempted(self, utterance: _Utterance) -> bool:
        """Whether everything said so far has been given to a decode, whatever came of it."""
        decode = utterance.decode
        return decode is not None and decode.end >= utterance.last_voice + _TAIL_SAMPLES

    def _covered(self, utterance: _Utterance) -> bool:
        """Whether a decode of everything said so far runs or has succeeded."""
        decode = utterance.decode
        if decode is None or not self._attempted(utterance):
            return False
        return not decode.task.done() or (
            not decode.task.cancelled() and decode.task.exception() is None
        )

    def _consider_interim(self, utterance: _Utterance) -> None:
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

    def _start_decode(self, utterance: _Utterance, priority: Priority) -> _Decode:
        if utterance.decode is not None and not utterance.decode.task.done():
            utterance.decode.task.cancel()
        urgency = Urgency(priority)
        task = asyncio.create_task(self._decode(utterance, urgency), name="hearing-decode")
        decode = _Decode(utterance.end, urgency, task)
        utterance.decode = decode
        self._tasks.add(task)
        task.add_done_callback(lambda _: self._decoded(utterance, decode))
        return decode

    async def _decode(self, utterance: _Utterance, urgency: Urgency) -> Transcription:
        """Transcribe the utterance up to now; what lies before a pause is committed first.

        Words are timed from the utterance's start.
        """
        interim = urgency.priority is Priority.INTERIM
        end = min(utterance.end, utterance.last_voice + _LONGEST_TAIL_SAMPLES)
        cut = self._cut(utterance, (await self._asr()).config.window_seconds)
        if cut is not None:
            # Committed for good, so worth more than the interim that asked for it.
            urgency.raise_to(Priority.SPECULATIVE)
            utterance.commit(await self._transcribe(utterance, cut, urgency), cut)
        tail = await self._transcribe(utterance, end, urgency, supersede=interim)
        if interim:
            old = self._interim_cost_seconds or tail.compute_seconds
            self._interim_cost_seconds = 0.7 * old + 0.3 * tail.compute_seconds
        return tail

    async def _transcribe(
        self, utterance: _Utterance, until: int, urgency: Urgency, *, supersede: bool = False
    ) -> Transcription:
        """Transcribe the open audio up to sample `until` of the stream."""
        asr = await self._asr()
        start = utterance.open_start
        heard = await asr.transcribe(
            utterance.audio()[: max(0, until - start)],
            room=self._room,
            priority=urgency,
            deadline_seconds=self._timing.deadline_seconds,
            queue_seconds=self._timing.queue_seconds,
            options=self.options,
            supersede=f"hearing-{id(self)}" if supersede else None,
        )
        return shift_words(heard, (start - utterance.start) / SAMPLE_RATE)

    def _cut(self, utterance: _Utterance, window: float) -> int | None:
        """Where the open audio may be cut for good: a pause, or a quiet place if it must be."""
        commit = round(min(self._timing.commit_seconds, _COMMIT_SHARE * window) * SAMPLE_RATE)
        open_samples = utterance.end - utterance.open_start
        if open_samples <= commit:
            return None
        earliest = utterance.open_start + SAMPLE_RATE
        latest = utterance.open_start + round(0.95 * window * SAMPLE_RATE)
        # A recogniser makes words up for a rest in which hardly anything is said.
        pauses = [
            pause
            for pause in utterance.pauses
            if earliest <= pause.cut <= latest
            and utterance.voiced - pause.voiced >= _LEAST_VOICE_SAMPLES
        ]
        if pauses:
            # The longest is most likely one between sentences.
            return max(pauses, key=lambda pause: pause.end - pause.start).cut
        limit = round(0.85 * window * SAMPLE_RATE)
        if open_samples < limit:
            return None
        return utterance.open_start + quietest_place(utterance.audio(), limit // 2, limit)

    def _decoded(self, utterance: _Utterance, decode: _Decode) -> None:
        """A decode has ended: publish what it says, as long as the utterance is open."""
        self._tasks.discard(decode.task)
        if decode.task.cancelled():
            return
        error = decode.task.exception()
        if error is not None:
            if not isinstance(error, (Superseded, DeskFull)):
                logger.warning("decode failed", extra={"error": str(error)})
            return
        if utterance is not self._utterance or utterance.decode is not decode:
            return
        heard = self._whole(utterance, decode.task.result())
        if decode.end >= utterance.last_voice + _TAIL_SAMPLES:
            self._publish(utterance, HeardKind.PREFLIGHT, heard, heard.text)
        elif self._interim_results:
            self._publish(utterance, HeardKind.INTERIM, heard, self._stabilised(utterance, heard))

    def _publish(
        self, utterance: _Utterance, kind: HeardKind, heard: Transcription, text: str
    ) -> None:
        last = utterance.emitted
        if not text or last == (kind, text):
            return
        if kind is HeardKind.INTERIM and last is not None and last[1] == text:
            return
        utterance.emitted = (kind, text)
        self._emit_in_turn(utterance, self._event(kind, utterance, replace(heard, text=text)))

    def _stabilised(self, utterance: _Utterance, heard: Transcription) -> str:
        """Words shown twice in a row no longer change until the whole has been heard."""
        words = [*utterance.stable, *heard.text.split()[len(utterance.stable) :]]
        agreed = 0
        for old, new in zip(utterance.previous, words, strict=False):
            if old != new:
                break
            agreed += 1
        utterance.previous = words
        utterance.stable = words[: max(agreed, len(utterance.stable))]
        return " ".join(words)

    def _whole(self, utterance: _Utterance, tail: Transcription) -> Transcription:
        return join_transcriptions([*utterance.committed, tail])

    async def _finish_in_order(self) -> None:
        while (utterance := await self._finals.get()) is not None:
            self._release(utterance)
            heard = await self._final(utterance)
            self._emit(self._event(HeardKind.FINAL, utterance, heard))
            if len(utterance.audio()):
                self._emit(self._event(HeardKind.SPEECH_ENDED, utterance, heard))
            self._unfinished -= 1
            if self._utterance is not None and not self._unfinished:
                self._release(self._utterance)

    async def _final(self, utterance: _Utterance) -> Transcription:
        if utterance.end == utterance.open_start and not utterance.committed:
            return Transcription("", self.options.language or "en")
        for attempt in range(2):
            if attempt == 0 and self._covered(utterance) and utterance.decode is not None:
                decode = utterance.decode
                decode.urgency.raise_to(Priority.FINAL)
            else:
                decode = self._start_decode(utterance, Priority.FINAL)
            try:
                return self._whole(utterance, await asyncio.shield(decode.task))
            except asyncio.CancelledError:
                if not decode.task.cancelled():
                    raise
            except Exception as error:
                if not isinstance(error, (InferenceError, ASRError)):
                    logger.exception("recognition failed")
                # What took too long would keep the caller waiting for as long again.
                if attempt == 1 or isinstance(error, InferenceTimeout):
                    self._emit(
                        self._event(HeardKind.FAILED, utterance, Transcription(""), error=error)
                    )
                    break
        return join_transcriptions(utterance.committed or [Transcription("", "en")])

    def _event(
        self,
        kind: HeardKind,
        utterance: _Utterance,
        heard: Transcription,
        *,
        error: Exception | None = None,
    ) -> Heard:
        start = utterance.start / SAMPLE_RATE
        return Heard(
            kind=kind,
            text=heard.text,
            language=heard.language or "en",
            confidence=heard.confidence,
            mean_log_probability=heard.mean_log_probability,
            words=tuple(
                replace(w, start_seconds=w.start_seconds + start, end_seconds=w.end_seconds + start)
                for w in heard.words
            ),
            start_seconds=start,
            end_seconds=utterance.last_voice / SAMPLE_RATE,
            audio_seconds=(utterance.end - utterance.start) / SAMPLE_RATE,
            tokens=heard.tokens,
            error=error,
        )

"""Transcribes audio files of any length."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ..audio.files import AudioFile, AudioFileError
from ..audio.samples import SAMPLE_RATE
from ..host.cancellation import in_thread
from ..inference import Priority
from ..vad.segments import SpeechSegment, speech_segments
from ..vad.silero import VoiceActivityModel
from .config import DecodeOptions
from .interface import ASREngine
from .transcription import RecognizedWord, Transcription

_PADDING_SECONDS = 1.5
"""The part of the model's window that the recogniser's padding takes."""
_DEADLINE_SECONDS = 600.0
"""No conversation depends on it: a large model on a small machine may take its time."""
_CANCELLED_SECONDS = 1.0
"""Less is as likely music in which the channels differ."""
_CANCELLED = (
    "has two channels that cancel each other for {:.0f} s, as with one cable connected the wrong "
    "way round; there the louder one alone was transcribed"
)


@dataclass(frozen=True, slots=True)
class Segment:
    """The transcript of one stretch of speech; times count from the start of the file."""

    start_seconds: float
    end_seconds: float
    text: str
    language: str
    confidence: float
    """In [0, 1]."""
    words: tuple[RecognizedWord, ...]
    """Empty unless asked for."""
    speaker: str = ""
    """Empty if not known."""
    no_speech_probability: float = 0.0
    """As the recogniser puts it."""


async def transcribe_file(
    path: Path,
    asr: ASREngine,
    voice_activity: VoiceActivityModel,
    *,
    options: DecodeOptions,
    owner: str = "files",
    max_seconds: float | None = None,
    channel: int | None = None,
    speaker: str = "",
    on_progress: Callable[[float, float | None], None] | None = None,
    on_notice: Callable[[str], None] | None = None,
) -> AsyncGenerator[Segment, None]:
    """Yield the segments that contain words, in order, each as soon as it is ready.

    As many stretches of speech are recognised at once as the recogniser has workers. `channel` is
    the only one to transcribe, counted from 0, and `speaker` whose it is. `on_progress` is called
    on the event loop with the seconds of the file that are done, and with its length if that is
    known, as it is in the last call; `on_notice` with what is odd about the file, once it is read.
    Close the iterator (`contextlib.aclosing`) to stop early. Raises AudioFileError
    (AudioTooLongError if the file is longer than `max_seconds`), ASRError or InferenceError.
    """
    window = asr.facts.window_seconds
    waiting: deque[tuple[SpeechSegment, asyncio.Task[Transcription]]] = deque()

    async def oldest() -> Segment | None:
        stretch, task = waiting[0]
        heard = await task
        waiting.popleft()
        end_seconds = stretch.start_seconds + len(stretch.samples) / SAMPLE_RATE
        if on_progress is not None:
            on_progress(end_seconds, file.duration_seconds)
        if not heard.text:
            return None
        return replace(_segment(stretch.start_seconds, end_seconds, heard), speaker=speaker)

    opening = partial(
        AudioFile, path, sample_rate=SAMPLE_RATE, max_seconds=max_seconds, channel=channel
    )
    with await in_thread(opening) as file:
        stretches = speech_segments(
            file.chunks(), voice_activity, limit_seconds=max(window / 2, window - _PADDING_SECONDS)
        )
        try:
            async for stretch in _in_thread(stretches, file.stop):
                task = asyncio.create_task(
                    asr.transcribe(
                        stretch.samples,
                        owner=owner,
                        priority=Priority.BATCH,
                        deadline_seconds=_DEADLINE_SECONDS,
                        options=options,
                        start_seconds=stretch.start_seconds,
                    ),
                    name="transcribe-stretch",
                )
                waiting.append((stretch, task))
                if len(waiting) > asr.facts.workers and (segment := await oldest()):
                    yield segment
            while waiting:
                if segment := await oldest():
                    yield segment
            if on_progress is not None:
                on_progress(file.read_seconds, file.read_seconds)
            if file.cancelled_seconds >= _CANCELLED_SECONDS and on_notice is not None:
                on_notice(_CANCELLED.format(file.cancelled_seconds))
        finally:
            for _, task in waiting:
                task.cancel()
            await asyncio.gather(*(task for _, task in waiting), return_exceptions=True)


async def transcribe_speakers(
    path: Path,
    asr: ASREngine,
    voice_activity: VoiceActivityModel,
    speakers: Sequence[str],
    *,
    options: DecodeOptions,
    owner: str = "files",
    max_seconds: float | None = None,
    on_progress: Callable[[float, float | None], None] | None = None,
) -> list[Segment]:
    """Transcribe a file with a channel for each speaker, one after the other; segments by time.

    As `transcribe_file`; AudioFileError too if the file has another number of channels.
    """
    segments: list[Segment] = []
    await asyncio.to_thread(_check_channels, path, len(speakers))
    for channel, speaker in enumerate(speakers):

        def progress(done: float, total: float | None, before: int = channel) -> None:
            if on_progress is not None and total:
                on_progress(done + before * total, total * len(speakers))

        found = transcribe_file(
            path,
            asr,
            voice_activity,
            options=options,
            owner=owner,
            max_seconds=max_seconds,
            channel=channel,
            speaker=speaker,
            on_progress=progress,
        )
        async with contextlib.aclosing(found):
            segments.extend([segment async for segment in found])
    return sorted(segments, key=lambda segment: segment.start_seconds)


def _check_channels(path: Path, speakers: int) -> None:
    with AudioFile(path, sample_rate=SAMPLE_RATE) as file:
        if file.channels != speakers:
            channels = f"{file.channels} channel{'s' if file.channels != 1 else ''}"
            raise AudioFileError(f"has {channels}, not one for each of {speakers} speakers")


async def _in_thread(
    items: Iterator[SpeechSegment], stop: Callable[[], None]
) -> AsyncIterator[SpeechSegment]:
    """Compute the items of a generator in a thread; when cancelled, `stop` it there."""
    while True:
        item: SpeechSegment | None = await in_thread(next, items, None, on_cancel=stop)
        if item is None:
            return
        yield item


def _segment(start_seconds: float, end_seconds: float, heard: Transcription) -> Segment:
    words = heard.words
    return Segment(
        start_seconds=words[0].start_seconds if words else start_seconds,
        end_seconds=words[-1].end_seconds if words else end_seconds,
        text=heard.text,
        language=heard.language,
        confidence=heard.confidence,
        words=tuple(replace(w, end_seconds=max(w.start_seconds, w.end_seconds)) for w in words),
        no_speech_probability=heard.no_speech_probability,
    )

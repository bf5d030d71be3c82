"""`POST /v1/audio/transcriptions`: a file in, its words out; conversations never wait for it."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from ...asr.config import AUTO, ASRError, DecodeOptions
from ...asr.files import Segment, transcribe_file, transcribe_speakers
from ...asr.interface import ASREngine
from ...asr.scripts import join_texts
from ...asr.subtitles import srt, vtt
from ...audio.files import AudioFileError, AudioTooLongError
from ...inference import InferenceError
from ...shared.engines import SharedEngines
from ..http.errors import ApiError
from . import transcript_json
from .access import BUSY_SECONDS, ApiAccess, ApiLimits
from .answers import EVENT_STREAM, PieceByPiece
from .api_keys import ApiKey
from .form import FormReader
from .models import ApiModels
from .transcription_form import TranscriptionRequest

NewFile = Callable[[], AbstractContextManager[Path]]


class Transcriptions:
    """Receives files and transcribes them, in the scheduler's last class.

    Work for a client who disconnects is cancelled, and its file removed.
    """

    def __init__(
        self,
        access: ApiAccess,
        models: ApiModels,
        speech: SharedEngines,
        new_file: NewFile,
        reader: FormReader,
    ) -> None:
        self._access = access
        self._models = models
        self._speech = speech
        self._new_file = new_file
        self._reader = reader

    async def answer(self, request: web.Request, key: ApiKey) -> web.StreamResponse:
        """Answer a request of a holder of a key."""
        with self._access.place(key) as limits, _file_errors(), self._new_file() as path:
            form = await self._reader.receive(request, path, max_bytes=limits.max_bytes)
            wanted = TranscriptionRequest.of(form)
            self._models.check_recogniser(wanted.model)
            asr = await self._models.recogniser_engine()
            wanted.check_languages(asr)
            work = _Work(path, asr, wanted, limits, owner=f"api {key.name}")
            if wanted.stream:
                return await self._stream(request, work)
            return _written(await self._whole(work), work)

    async def _whole(self, work: _Work) -> list[Segment]:
        voice_activity = await self._speech.voice_activity.get()
        if work.wanted.speakers:
            return await transcribe_speakers(
                work.path,
                work.asr,
                voice_activity,
                work.wanted.speakers,
                options=work.options,
                owner=work.owner,
                max_seconds=work.limits.max_seconds,
                on_progress=work.on_progress,
            )
        found = transcribe_file(
            work.path,
            work.asr,
            voice_activity,
            options=work.options,
            owner=work.owner,
            max_seconds=work.limits.max_seconds,
            on_progress=work.on_progress,
            on_notice=work.notices.append,
        )
        async with contextlib.aclosing(found):
            return [segment async for segment in found]

    async def _stream(self, request: web.Request, work: _Work) -> web.StreamResponse:
        """Send each stretch of speech as soon as it is recognised, as server-sent events."""
        answer = PieceByPiece(request, EVENT_STREAM)
        voice_activity = await self._speech.voice_activity.get()
        texts: list[str] = []
        sent = ""
        found = transcribe_file(
            work.path,
            work.asr,
            voice_activity,
            options=work.options,
            owner=work.owner,
            max_seconds=work.limits.max_seconds,
        )
        try:
            async with contextlib.aclosing(found):
                async for segment in found:
                    texts.append(segment.text)
                    joined = join_texts(texts)
                    delta, sent = joined[len(sent) :], joined
                    await answer.send_event({"type": "transcript.text.delta", "delta": delta})
            await answer.send_event({"type": "transcript.text.done", "text": sent})
        except (AudioFileError, ASRError, InferenceError) as error:
            if not answer.begun:
                raise
            await answer.send_error(_refusal(error))
        return await answer.end()


@dataclass(slots=True)
class _Work:
    """A file to transcribe, and what is learnt of it."""

    path: Path
    asr: ASREngine
    wanted: TranscriptionRequest
    limits: ApiLimits
    owner: str
    seconds: float = 0.0
    notices: list[str] = field(default_factory=list)

    @property
    def options(self) -> DecodeOptions:
        """As OpenAI's: the language is detected unless it is named, though ours is expected."""
        languages = self.wanted.languages
        return DecodeOptions(
            language=next(iter(languages)) if len(languages) == 1 else AUTO,
            likely_language=self.asr.facts.language,
            hotwords=self.wanted.keywords,
            prompt=self.wanted.prompt,
            words=self.wanted.timed,
        )

    def on_progress(self, done: float, total: float | None) -> None:
        """Remember the length of the file, which the last call has."""
        self.seconds = total or done


def _written(segments: list[Segment], work: _Work) -> web.Response:
    wanted = work.wanted
    match wanted.format:
        case "text":
            lines = [f"{s.speaker}: {s.text}" if s.speaker else s.text for s in segments]
            text = "\n".join(lines) if wanted.speakers else join_texts(lines)
            return web.Response(text=f"{text}\n", content_type="text/plain")
        case "srt":
            return web.Response(text=srt(segments), content_type="application/x-subrip")
        case "vtt":
            return web.Response(text=vtt(segments), content_type="text/vtt")
        case "verbose_json":
            content = transcript_json.verbose(
                segments,
                work.seconds,
                work.notices,
                language=next(iter(wanted.languages), work.asr.facts.language or "en"),
                granularities=wanted.granularities or ("segment",),
            )
        case _:
            content = transcript_json.plain(segments, work.seconds, work.notices)
    return web.json_response(content)


@contextlib.contextmanager
def _file_errors() -> Iterator[None]:
    """Turn what goes wrong with a file into refusals."""
    try:
        yield
    except (AudioFileError, ASRError, InferenceError) as error:
        raise _refusal(error) from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise ApiError(
            507, "disk_full", "The server has no room on its disk for this file."
        ) from error


def _refusal(error: Exception) -> ApiError:
    if isinstance(error, AudioTooLongError):
        return ApiError(413, "too_long", f"The audio {error}.", field="file")
    if isinstance(error, AudioFileError):
        return ApiError(
            400, "bad_audio", f"The file {error}. Send audio, such as WAV or MP3.", field="file"
        )
    return ApiError(
        503,
        "engine",
        f"The recogniser is not available: {error}.",
        retry_after_seconds=BUSY_SECONDS,
    )

"""Transcribes files over HTTP, for holders of the admin token; conversations never wait for it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from ...asr.config import ASRError, DecodeOptions
from ...asr.engine import StreamingASR
from ...asr.files import Segment, transcribe_file, transcribe_speakers
from ...asr.subtitles import srt, vtt
from ...audio.files import AudioFileError, AudioTooLongError
from ...inference import InferenceError
from ...vad.silero import VoiceActivityModel
from ..http.errors import ApiError
from .admin import AdminAccess

logger = logging.getLogger("services.web")

_FORMATS = ("json", "srt", "vtt")
_OWNER = "api"
_BUSY_SECONDS = 10.0
_PIECE_BYTES = 64 * 1024

MOST_UPLOADS: Final = 4
"""Concurrent uploads; further ones must wait."""
PIECE_SECONDS: Final = 10.0
"""Time for the next piece of a file to arrive."""
UPLOAD_SECONDS: Final = 300.0
"""Time for the whole file to arrive."""

Engines = Callable[[], Awaitable[tuple[StreamingASR, VoiceActivityModel]]]
NewFile = Callable[[], AbstractContextManager[Path]]


class TranscribeRoute:
    """`POST /api/transcribe`: the body is an audio file of any format, the answer JSON.

    `?words=true` adds the time of each word, `?format=srt` or `vtt` answers with subtitles, and
    `?speakers=Ada,Ben` names who speaks in each channel of a file that has one for each.
    One file at a time, in the scheduler's last class; 429 for another one meanwhile, 413 for one
    that is too big or too long, 408 for one that does not arrive, 507 if the disk is full. Work for
    a caller who disconnects is cancelled.
    """

    def __init__(
        self,
        access: AdminAccess,
        engines: Engines,
        new_file: NewFile,
        *,
        max_bytes: int,
        max_seconds: float,
        piece_seconds: float = PIECE_SECONDS,
        upload_seconds: float = UPLOAD_SECONDS,
    ) -> None:
        """Configure it; `max_bytes` and `max_seconds` limit a file, the others its upload."""
        self._access = access
        self._engines = engines
        self._new_file = new_file
        self._max_bytes = max_bytes
        self._max_seconds = max_seconds
        self._piece_seconds = piece_seconds
        self._upload_seconds = upload_seconds
        self._uploads = 0
        self._busy = False

    def __call__(self, app: web.Application) -> None:
        app.router.add_post("/api/transcribe", self._answer)

    async def _answer(self, request: web.Request) -> web.Response:
        self._access.check(request)
        wanted = _Wanted.of(request)
        try:
            with self._new_file() as path:
                with self._uploading():
                    await self._receive(request, path)
                with self._transcribing():
                    return await self._transcribe(path, wanted)
        except AudioTooLongError as error:
            raise ApiError(
                413, "too_long", f"The audio {error} (TRANSCRIBE_MAX_SECONDS)."
            ) from error
        except AudioFileError as error:
            raise ApiError(
                422, "audio", f"The body {error}. Send an audio file, such as WAV or MP3."
            ) from error
        except (ASRError, InferenceError) as error:
            raise ApiError(
                503,
                "engine",
                f"The recogniser is not available: {error}.",
                retry_after_seconds=_BUSY_SECONDS,
            ) from error
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise ApiError(
                507, "disk_full", "The server has no room on its disk for this file."
            ) from error

    @contextlib.contextmanager
    def _uploading(self) -> Iterator[None]:
        if self._busy or self._uploads >= MOST_UPLOADS:
            raise _busy()
        self._uploads += 1
        try:
            yield
        finally:
            self._uploads -= 1

    @contextlib.contextmanager
    def _transcribing(self) -> Iterator[None]:
        # Only after the upload: a file that never arrives must not block others.
        if self._busy:
            raise _busy()
        self._busy = True
        try:
            yield
        finally:
            self._busy = False

    async def _receive(self, request: web.Request, path: Path) -> None:
        received = 0
        try:
            with path.open("wb") as file:
                async with asyncio.timeout(self._upload_seconds):
                    while piece := await self._next_piece(request):
                        received += len(piece)
                        if received > self._max_bytes:
                            raise self._too_big()
                        await asyncio.to_thread(file.write, piece)
        except TimeoutError:
            raise ApiError(
                408, "too_slow", "The file did not arrive in time; send it again, or a smaller one."
            ) from None
        except (web.RequestPayloadError, ValueError):
            # The sender disconnected, or data declared as compressed is not.
            raise ApiError(400, "broken", "The file is incomplete; send it again.") from None

    async def _next_piece(self, request: web.Request) -> bytes:
        async with asyncio.timeout(self._piece_seconds):
            return await request.content.read(_PIECE_BYTES)

    def _too_big(self) -> ApiError:
        return ApiError(
            413,
            "too_big",
            f"The file is larger than {self._max_bytes // 10**6} MB (TRANSCRIBE_MAX_MB).",
        )

    async def _transcribe(self, path: Path, wanted: _Wanted) -> web.Response:
        asr, voice_activity = await self._engines()
        options = DecodeOptions(words=wanted.words)
        notices: list[str] = []
        if wanted.speakers:
            segments = await transcribe_speakers(
                path,
                asr,
                voice_activity,
                wanted.speakers,
                options=options,
                owner=_OWNER,
                max_seconds=self._max_seconds,
            )
        else:
            found = transcribe_file(
                path,
                asr,
                voice_activity,
                options=options,
                owner=_OWNER,
                max_seconds=self._max_seconds,
                on_notice=notices.append,
            )
            async with contextlib.aclosing(found):
                segments = [segment async for segment in found]
        if wanted.format == "srt":
            return web.Response(text=srt(segments), content_type="application/x-subrip")
        if wanted.format == "vtt":
            return web.Response(text=vtt(segments), content_type="text/vtt")
        content: dict[str, Any] = {"segments": [_content(segment) for segment in segments]}
        if notices:
            content["notices"] = [f"The audio {notice}." for notice in notices]
        return web.json_response(content)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the query asks for."""

    format: str
    words: bool
    speakers: tuple[str, ...]

    @classmethod
    def of(cls, request: web.Request) -> _Wanted:
        form = request.query.get("format", "json")
        if form not in _FORMATS:
            raise ApiError(400, "format", f"The format is one of {', '.join(_FORMATS)}.")
        words = request.query.get("words", "false").lower()
        if words not in ("true", "false"):
            raise ApiError(400, "words", "The query has words=true or words=false.")
        named = request.query.get("speakers", "")
        speakers = tuple(" ".join(name.split()) for name in named.split(",")) if named else ()
        if named and (len(speakers) < 2 or not all(speakers)):
            raise ApiError(
                400, "speakers", "The query names the speaker of each channel: speakers=Ada,Ben."
            )
        return cls(form, form != "json" or words == "true", speakers)


def _content(segment: Segment) -> dict[str, Any]:
    content: dict[str, Any] = {
        "start_seconds": round(segment.start_seconds, 3),
        "end_seconds": round(segment.end_seconds, 3),
        "text": segment.text,
        "language": segment.language,
        "confidence": round(segment.confidence, 3),
    }
    if segment.speaker:
        content["speaker"] = segment.speaker
    if segment.words:
        content["words"] = [
            {
                "word": word.text,
                "start_seconds": round(word.start_seconds, 3),
                "end_seconds": round(word.end_seconds, 3),
                "probability": round(word.probability, 3),
            }
            for word in segment.words
        ]
    return content


def _busy() -> ApiError:
    return ApiError(
        429,
        "transcribing",
        "Another file is being transcribed; try again when that is done.",
        retry_after_seconds=_BUSY_SECONDS,
    )

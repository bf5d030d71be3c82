"""Transcribing files over HTTP, for who has the token; a conversation never waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from aiohttp import web

from services.asr import ASRError, DecodeOptions, StreamingASR
from services.audio_file import AudioFileError
from services.file_transcription import transcribe_file
from services.inference import InferenceError
from services.voice_activity import VoiceActivityModel
from services.web.admin import AdminAccess
from services.web.errors import ApiError

logger = logging.getLogger("services.web")

_BUSY_SECONDS = 10.0
_PIECE_BYTES = 64 * 1024

Engines = Callable[[], Awaitable[tuple[StreamingASR, VoiceActivityModel]]]
NewFile = Callable[[], AbstractContextManager[Path]]


class TranscribeRoute:
    """`POST /api/transcribe`: the body is an audio file of any format, the answer JSON.

    One file at a time, in the desk's last class; 429 for another one meanwhile, 413 for one
    that is too big or too long, 507 where the disk is full.
    """

    def __init__(
        self,
        access: AdminAccess,
        engines: Engines,
        new_file: NewFile,
        *,
        max_bytes: int,
        max_seconds: float,
    ) -> None:
        self._access = access
        self._engines = engines
        self._new_file = new_file
        self._max_bytes = max_bytes
        self._max_seconds = max_seconds
        self._busy = False

    def __call__(self, app: web.Application) -> None:
        """Add the route."""
        app.router.add_post("/api/transcribe", self._answer)

    async def _answer(self, request: web.Request) -> web.Response:
        self._access.check(request)
        if self._busy:
            raise ApiError(
                429,
                "transcribing",
                "Another file is being transcribed; try again when that is done.",
                retry_after_seconds=_BUSY_SECONDS,
            )
        self._busy = True
        try:
            with self._new_file() as path:
                await self._receive(request, path)
                return web.json_response({"segments": await self._transcribe(path)})
        except AudioFileError as error:
            raise ApiError(
                422, "audio", f"The body {error}. Send an audio file, such as WAV or MP3."
            ) from error
        except (ASRError, InferenceError) as error:
            raise ApiError(
                503,
                "engine",
                f"The recogniser cannot do it now: {error}.",
                retry_after_seconds=_BUSY_SECONDS,
            ) from error
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise ApiError(
                507, "disk_full", "The server has no room on its disk for this file."
            ) from error
        finally:
            self._busy = False

    async def _receive(self, request: web.Request, path: Path) -> None:
        received = 0
        with path.open("wb") as file:
            async for piece in request.content.iter_chunked(_PIECE_BYTES):
                received += len(piece)
                if received > self._max_bytes:
                    raise ApiError(
                        413,
                        "too_big",
                        f"The file is larger than {self._max_bytes // 10**6} MB "
                        "(TRANSCRIBE_MAX_MB).",
                    )
                await asyncio.to_thread(file.write, piece)

    async def _transcribe(self, path: Path) -> list[dict[str, Any]]:
        asr, voice_activity = await self._engines()
        segments: list[dict[str, Any]] = []
        found = transcribe_file(
            path,
            asr,
            voice_activity,
            options=DecodeOptions(),
            room="api",
            on_progress=self._check_length,
        )
        async with contextlib.aclosing(found):
            async for segment in found:
                segments.append(
                    {
                        "start_seconds": round(segment.start_seconds, 3),
                        "end_seconds": round(segment.end_seconds, 3),
                        "text": segment.text,
                        "language": segment.language,
                        "confidence": round(segment.confidence, 3),
                    }
                )
        return segments

    def _check_length(self, done_seconds: float, total_seconds: float | None) -> None:
        """A file does not always tell its length, so what was done counts as well."""
        if max(done_seconds, total_seconds or 0.0) > self._max_seconds:
            raise ApiError(
                413,
                "too_long",
                f"The audio is longer than {self._max_seconds:g} seconds (TRANSCRIBE_MAX_SECONDS).",
            )

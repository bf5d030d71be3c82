"""Receives a form with a file in it, as OpenAI's clients and browsers send it."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import (
    BadContentDispositionHeader,
    BadContentDispositionParam,
    BodyPartReader,
    MultipartReader,
    web,
)
from aiohttp.http_exceptions import HttpProcessingError

from ..http.errors import ApiError

PIECE_SECONDS: Final = 10.0
"""Time for the next piece of a file to arrive."""
UPLOAD_SECONDS: Final = 300.0
"""Time for the whole form to arrive."""
MOST_FIELDS: Final = 64
FIELD_BYTES: Final = 64 * 1024
"""Of all fields together, besides the file."""

_PIECE_BYTES = 64 * 1024
_FRAMING_BYTES = 64 * 1024
"""Boundaries and headers of the parts."""
_MALFORMED = (
    *(ValueError, RuntimeError, AssertionError, LookupError),
    *(HttpProcessingError, web.RequestPayloadError),
)
"""What aiohttp's reader raises at a form that is not one, or that breaks off."""


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form; `x[]` counts as `x`."""

    fields: Mapping[str, tuple[str, ...]]

    def text(self, name: str, default: str = "") -> str:
        """Return the last value of a field."""
        return self.fields[name][-1] if name in self.fields else default

    def texts(self, name: str) -> tuple[str, ...]:
        """Return all values of a field."""
        return self.fields.get(name, ())


class FormReader:
    """Receives forms within limits of size and time."""

    def __init__(
        self, *, piece_seconds: float = PIECE_SECONDS, upload_seconds: float = UPLOAD_SECONDS
    ) -> None:
        # Each warning would quote a header of the client's, and be remembered for ever.
        for kind in (BadContentDispositionHeader, BadContentDispositionParam):
            warnings.filterwarnings("ignore", category=kind)
        self._piece_seconds = piece_seconds
        self._upload_seconds = upload_seconds

    async def receive(self, request: web.Request, path: Path, *, max_bytes: int) -> Form:
        """Write the part `file` to `path` and return the fields.

        Raises:
            ApiError: 415 `not_a_form`, 413 `too_big`, 408 `too_slow` or 400 `bad_form`.
        """
        if request.content_type != "multipart/form-data":
            raise ApiError(
                415, "not_a_form", "Send a form: Content-Type multipart/form-data, with a file."
            )
        length = request.content_length
        if length is not None and length > max_bytes + FIELD_BYTES + _FRAMING_BYTES:
            raise _too_big(max_bytes)
        try:
            async with asyncio.timeout(self._upload_seconds):
                return await self._read(await request.multipart(), path, max_bytes)
        except TimeoutError:
            raise ApiError(
                408, "too_slow", "The file did not arrive in time; send it again, or a smaller one."
            ) from None
        except _MALFORMED:
            raise ApiError(
                400, "bad_form", "The form is malformed or incomplete; send it again."
            ) from None

    async def _read(self, reader: MultipartReader, path: Path, max_bytes: int) -> Form:
        fields: dict[str, tuple[str, ...]] = {}
        room = FIELD_BYTES
        has_file = False
        for _ in range(MOST_FIELDS):
            async with asyncio.timeout(self._piece_seconds):
                part = await reader.next()
            if part is None:
                break
            if not isinstance(part, BodyPartReader):
                raise ApiError(400, "bad_form", "A form within the form is not accepted.")
            name = (part.name or "").removesuffix("[]")
            if name == "file":
                if has_file:
                    raise ApiError(400, "bad_form", "Send one file at a time.", field="file")
                has_file = True
                await self._save(part, path, max_bytes)
                continue
            value = await self._value(part, room)
            room -= len(value)
            fields[name] = (*fields.get(name, ()), value.decode())
        else:
            raise ApiError(400, "bad_form", f"A form has at most {MOST_FIELDS} fields.")
        if not has_file:
            raise ApiError(
                400, "no_file", "The form has no file: send the audio as `file`.", field="file"
            )
        return Form(fields)

    async def _save(self, part: BodyPartReader, path: Path, max_bytes: int) -> None:
        received = 0
        with path.open("wb") as file:
            while piece := await self._piece(part):
                received += len(piece)
                if received > max_bytes:
                    raise _too_big(max_bytes)
                await asyncio.to_thread(file.write, piece)

    async def _value(self, part: BodyPartReader, room: int) -> bytes:
        value = b""
        while piece := await self._piece(part):
            value += piece
            if len(value) > room:
                raise ApiError(413, "too_big", "The fields of the form are too large.")
        return value

    async def _piece(self, part: BodyPartReader) -> bytes:
        async with asyncio.timeout(self._piece_seconds):
            while not part.at_eof():
                # A piece is empty too where only the start of a boundary has arrived.
                if piece := await part.read_chunk(_PIECE_BYTES):
                    return piece
        return b""


def _too_big(max_bytes: int) -> ApiError:
    size = f"{max_bytes / 10**6:g} MB"
    return ApiError(413, "too_big", f"The file is larger than {size}.", field="file")

"""Frames on the socket: two lengths, a JSON header, and raw samples."""

from __future__ import annotations

import asyncio
import json
import struct
from typing import Any, NoReturn, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..audio.samples import Samples
from ..tts.types import PCM

NAME = "local-voice-agent-speech"
"""What both sides say first, so that nothing else is taken for it."""
VERSION = 1

MAX_HEADER_BYTES = 64 * 1024
MAX_PAYLOAD_BYTES = 4 * 1024 * 1024
"""65 s of float32 at 16 kHz, more than twice a recogniser's window."""
FRAME_SECONDS = 30.0
"""A frame that has begun must be complete, and one that is written be taken, in this time."""

Header = dict[str, Any]

_LENGTHS = struct.Struct("<II")
_FLOAT32, _INT16 = "f32le", "s16le"

T = TypeVar("T")


class FrameError(Exception):
    """The other side does not keep to the protocol; the message says in which way."""


def pack(header: Header, payload: bytes = b"") -> list[bytes]:
    """Return a frame in pieces to be written one after another. Raises FrameError if too large."""
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    encoded = text.encode(errors="replace")
    size = len(payload)
    if len(encoded) > MAX_HEADER_BYTES:
        raise FrameError(f"a header of {len(encoded)} bytes, more than {MAX_HEADER_BYTES}")
    if size > MAX_PAYLOAD_BYTES:
        raise FrameError(f"a payload of {size} bytes, more than {MAX_PAYLOAD_BYTES}")
    return [_LENGTHS.pack(len(encoded), size) + encoded, *([payload] if size else [])]


async def read_frame(reader: asyncio.StreamReader) -> tuple[Header, bytes] | None:
    """Return the next frame, None at the end of the stream. Raises FrameError."""
    try:
        first = await reader.readexactly(1)
    except asyncio.IncompleteReadError:
        return None
    try:
        async with asyncio.timeout(FRAME_SECONDS):
            lengths = first + await reader.readexactly(_LENGTHS.size - 1)
            header_bytes, payload_bytes = _LENGTHS.unpack(lengths)
            if not 0 < header_bytes <= MAX_HEADER_BYTES:
                raise FrameError(f"a header of {header_bytes} bytes")
            if payload_bytes > MAX_PAYLOAD_BYTES:
                raise FrameError(f"a payload of {payload_bytes} bytes")
            header = _header(await reader.readexactly(header_bytes))
            payload = await reader.readexactly(payload_bytes) if payload_bytes else b""
    except asyncio.IncompleteReadError:
        raise FrameError("the stream ended within a frame") from None
    except TimeoutError:
        raise FrameError(f"a frame was not complete after {FRAME_SECONDS:g} s") from None
    return header, payload


def field(header: Header, name: str, kind: type[T], default: Any = ...) -> T:
    """Return a value of a header, of that type. Raises FrameError.

    `default` is returned where the value is absent or null; without one it must be there.
    Integers are accepted as float; booleans are no numbers.
    """
    value = header.get(name)
    if value is None and default is not ...:
        return default  # type: ignore[no-any-return]
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise FrameError(f"{name!r} is not of type {kind.__name__}")
    return value


def strings(header: Header, name: str) -> tuple[str, ...]:
    """Return a list of strings, empty if it is absent. Raises FrameError."""
    values = field(header, name, list, [])
    if not all(isinstance(value, str) for value in values):
        raise FrameError(f"{name!r} is not a list of strings")
    return tuple(values)


def float_samples(samples: Samples) -> tuple[Header, bytes]:
    """Return float samples, mono in [-1, 1], as fields of a header and a payload."""
    return {"encoding": _FLOAT32}, samples.astype("<f4", copy=False).tobytes()


def read_samples(header: Header, payload: bytes) -> Samples:
    """Return mono float32 samples in [-1, 1]. Raises FrameError."""
    encoding = field(header, "encoding", str, _FLOAT32)
    if encoding == _FLOAT32 and len(payload) % 4 == 0:
        floats = np.frombuffer(payload, dtype="<f4").astype(np.float32, copy=False)
        if not np.isfinite(floats).all():
            raise FrameError("samples that are not finite")
        return floats
    if encoding == _INT16:
        return (pcm(payload) / np.float32(32768.0)).astype(np.float32)
    raise FrameError(f"{len(payload)} bytes are no samples of {encoding!r}")


def pcm_payload(samples: PCM) -> bytes:
    """Return int16 samples as a payload."""
    return samples.astype("<i2", copy=False).tobytes()


def pcm(payload: bytes) -> NDArray[np.int16]:
    """Return the int16 samples of a payload. Raises FrameError."""
    if len(payload) % 2:
        raise FrameError(f"{len(payload)} bytes are no 16-bit samples")
    return np.frombuffer(payload, dtype="<i2").astype(np.int16, copy=False)


def _header(data: bytes) -> Header:
    try:
        header = json.loads(data.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise FrameError("a header that is not JSON") from None
    if not isinstance(header, dict) or not isinstance(header.get("type"), str):
        raise FrameError("a header without a type")
    return header


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)

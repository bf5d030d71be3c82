"""Reads events from a connection within bounds.

The library's own reader takes as many bytes as the other side announces, and ends the connection
without a word over an event that is none.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

from wyoming.event import Event

from .errors import WyomingError
from .limits import EVENT_SECONDS, LONGEST_JSON_BYTES, LONGEST_PAYLOAD_BYTES

_DISCARD_SECONDS = 1.0
_MOST_DISCARDED_BYTES = 16 * 2**20


async def read_header(reader: asyncio.StreamReader) -> dict[str, Any] | None:
    """Return the header of the next event, None at the end of the connection.

    Nothing is lost when it is cancelled. Raises WyomingError.
    """
    try:
        line = await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError:
        raise _too_long("the header", LONGEST_JSON_BYTES) from None
    return _json_object(line)


async def read_rest(reader: asyncio.StreamReader, header: dict[str, Any]) -> tuple[Event, int]:
    """Return the event that `header` begins, and the bytes that followed the header.

    Raises WyomingError, or IncompleteReadError if the connection ends within it.
    """
    kind = header.get("type")
    if not isinstance(kind, str) or not kind:
        raise WyomingError("protocol", "an event has no type")
    data = header.get("data")
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise WyomingError("protocol", "the data of an event is no JSON object")
    data_bytes = _length(header, "data_length", LONGEST_JSON_BYTES)
    payload_bytes = _length(header, "payload_length", LONGEST_PAYLOAD_BYTES)
    payload: bytes | None = None
    try:
        async with asyncio.timeout(EVENT_SECONDS):
            if data_bytes:
                data = {**data, **_json_object(await reader.readexactly(data_bytes))}
            if payload_bytes:
                payload = await reader.readexactly(payload_bytes)
    except TimeoutError:
        raise WyomingError("idle", "the rest of an event did not arrive") from None
    return Event(type=kind, data=data, payload=payload), data_bytes + payload_bytes


async def discard(reader: asyncio.StreamReader) -> None:
    """Take what still arrives for a moment: closed with it unread, a connection drops answers."""
    left = _MOST_DISCARDED_BYTES
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_DISCARD_SECONDS):
            while left > 0 and (data := await reader.read(LONGEST_JSON_BYTES)):
                left -= len(data)


def _length(header: dict[str, Any], name: str, most: int) -> int:
    length = header.get(name)
    if length is None:
        return 0
    if type(length) is not int or length < 0:
        raise WyomingError("protocol", f"{name} is no number of bytes")
    if length > most:
        raise _too_long(name, most)
    return length


def _json_object(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise WyomingError("protocol", "this is the Wyoming protocol: each event begins with JSON")
    return found


def _too_long(what: str, most: int) -> WyomingError:
    return WyomingError("too-long", f"{what} of an event is beyond {most} bytes")

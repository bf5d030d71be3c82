"""Callers who send what no caller would: their call goes on, and so does everybody else's."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import numpy as np
import pytest
from livekit import rtc
from numpy.typing import NDArray

from tests.room.conftest import Call, JoinRoom

QUESTION = "what is two plus three"
ANSWER = "five"
EXTREME_SECONDS = 1.0
ATTEMPTS = 3
ANSWER_SECONDS = 20.0

LARGEST = np.iinfo(np.int16).max
SMALLEST = np.iinfo(np.int16).min


def square(count: int) -> NDArray[np.int16]:
    """At full scale, 1 kHz at 48 kHz."""
    return np.where(np.arange(count) // 24 % 2, LARGEST, SMALLEST).astype(np.int16)


def random_bytes(count: int) -> NDArray[np.int16]:
    return np.random.default_rng(1).integers(SMALLEST, LARGEST, count, dtype=np.int16)


Make = Callable[[int], NDArray[np.int16]]
"""Makes so many samples."""

EXTREMES: dict[str, tuple[int, int, Make]] = {
    "square at full scale": (48_000, 1, square),
    "the largest value": (48_000, 1, lambda count: np.full(count, LARGEST, np.int16)),
    "the smallest value": (48_000, 1, lambda count: np.full(count, SMALLEST, np.int16)),
    "nothing": (48_000, 1, lambda count: np.zeros(count, np.int16)),
    "random bytes": (48_000, 2, random_bytes),
    "a telephone's rate": (8_000, 1, square),
    "a rate of nobody's": (11_025, 1, square),
    "a studio's rate": (96_000, 2, square),
}

HOSTILE_TEXTS = {
    "a hundred thousand characters": "what " * 20_000,
    "a word of a hundred thousand": "a" * 100_000,
    "right to left": "\u202ewhat is two plus three\u202c \u2067\u200f\u061c",
    "SSML": '<speak><break time="999999s"/><audio src="file:///etc/passwd"/>&xxe;</speak>',
    "control characters": "".join(map(chr, range(1, 32))) + "\x7f\x9b31m\x1b]0;title\x07",
    "NULs": "\x00" * 1000,
    "emoji": "👩\u200d👩\u200d👧\u200d👦🏳️\u200d🌈" * 2000,
    "combining marks": "z" + "\u0301" * 5000,
    "a template": "{0.__class__.__mro__} %s%n ${jndi:ldap://x} {{7*7}} '; drop table rooms; --",
    "blanks": " \t\n\r" * 5000,
}


async def answered(call: Call) -> bool:
    """Whether a typed question gets its answer, whatever was said before."""
    before = len(call.caller.transcripts(of_agent=True))
    for _ in range(ATTEMPTS):
        # A long text takes longer to arrive than what is typed after it, and then cuts its answer.
        await call.caller.send_text(QUESTION)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_SECONDS):
                while True:
                    said = call.caller.transcripts(of_agent=True)[before:]
                    if any(ANSWER in text for text in said):
                        return True
                    await asyncio.sleep(0.02)
    return False


async def publish(room: rtc.Room, rate: int, channels: int, samples: NDArray[np.int16]) -> None:
    """Send the samples from one more microphone, in real time, in frames of 10 ms."""
    source = rtc.AudioSource(rate, channels, queue_size_ms=100)
    track = rtc.LocalAudioTrack.create_audio_track("extreme", source)
    options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
    publication = await room.local_participant.publish_track(track, options)
    size = rate // 100
    for start in range(0, len(samples) - size * channels + 1, size * channels):
        piece = samples[start : start + size * channels]
        await source.capture_frame(rtc.AudioFrame(piece.tobytes(), rate, channels, size))
    await source.wait_for_playout()
    await room.local_participant.unpublish_track(publication.sid)
    await source.aclose()


@pytest.mark.parametrize("kinds", [list(EXTREMES)[:4], list(EXTREMES)[4:]], ids=" and ".join)
async def test_extreme_sound_costs_no_other_room_its_answer(
    join_room: JoinRoom, kinds: list[str]
) -> None:
    other, *loud = await asyncio.gather(*(join_room() for _ in (*kinds, "other")))

    async def shout(call: Call, kind: str) -> None:
        rate, channels, make = EXTREMES[kind]
        samples = make(round(EXTREME_SECONDS * rate) * channels)
        await publish(call.caller.room, rate, channels, samples)
        assert await answered(call), kind

    async with asyncio.TaskGroup() as group:
        for call, kind in zip(loud, kinds, strict=True):
            group.create_task(shout(call, kind))
    assert await answered(other)


@pytest.mark.timeout(240)
async def test_hostile_text_is_survived_by_its_own_room_and_every_other(
    join_room: JoinRoom,
) -> None:
    hostile, other = await asyncio.gather(join_room(), join_room())
    for kind, text in HOSTILE_TEXTS.items():
        await hostile.caller.send_text(text)
        assert await answered(hostile), kind
    assert await answered(other)

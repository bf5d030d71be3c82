"""What is known of the sound of a reply while it is played."""

from __future__ import annotations

import time

import numpy as np
import pytest
from livekit import rtc
from livekit.agents.types import TimedString
from livekit.agents.voice import io

from services.livekit_local import SpokenTranscript
from services.livekit_local.spoken_reply import SpokenReply

RATE = 16_000


def frame(value: int, seconds: float = 0.1) -> rtc.AudioFrame:
    samples = np.full(round(seconds * RATE), value, dtype=np.int16)
    return rtc.AudioFrame(samples.tobytes(), RATE, 1, len(samples))


class Clock:
    """Monotonic time that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(time, "monotonic", made)
    return made


def test_the_sound_before_now_is_what_was_played_with_silence_in_pauses(clock: Clock) -> None:
    reply = SpokenReply()
    for value in range(1, 31):
        reply.add_sound(frame(value * 100))
    assert len(reply.sound_before(1.0)) == 0
    reply.playback_started(0.0)
    clock.now += 1.0
    reply.pause(True)
    clock.now += 0.3
    assert reply.sound_before(0.3).max() == 0.0
    reply.pause(False)
    clock.now += 0.2
    heard = np.round(reply.sound_before(0.7) * 32768 / 100)
    tenths = heard.reshape(7, -1)[:, 800]
    assert list(tenths) == [9, 10, 0, 0, 0, 11, 12]


def test_a_voice_that_is_synthesised_late_loses_no_sound(clock: Clock) -> None:
    reply = SpokenReply()
    reply.add_sound(frame(1))
    reply.playback_started(0.0)
    clock.now += 60.0
    for _ in range(100):
        reply.add_sound(frame(2))
    assert reply.pushed_seconds == pytest.approx(10.1)
    # And of a long reply no more than the last seconds are kept.
    assert sum(f.duration for f in reply._sound) < 4.0


def test_the_words_around_now_are_those_of_the_time(clock: Clock) -> None:
    reply = SpokenReply()
    reply.add_text("Hello?")
    assert reply.words_around(1.0, 1.0) == ""
    assert not reply.was_played(clock.now)
    reply.playback_started(0.0)
    assert reply.words_around(1.0, 1.0) == "Hello?"
    assert reply.was_played(clock.now)
    clock.now += 2.0
    reply.finish(2.0, interrupted=False)
    assert reply.was_played(clock.now - 0.1)
    assert not reply.was_played(clock.now + 0.1)
    clock.now += 5.0
    assert reply.words_around(1.0, 1.0) == ""


async def test_the_end_of_a_reply_is_still_known_when_the_next_one_has_begun(clock: Clock) -> None:
    spoken = SpokenTranscript(_Output(), _Words())
    first = spoken.reply
    for value in range(1, 11):
        first.add_sound(frame(value * 100))
    first.add_text("Shall I?")
    first.playback_started(0.0)
    clock.now += 1.0
    first.finish(1.0, interrupted=False)
    spoken.rotate()
    clock.now += 0.2
    assert spoken.latest_words_around(2.0, 1.0) == "Shall I?"
    spoken.reply.add_sound(frame(5000))
    spoken.reply.add_text("Three.")
    spoken.reply.playback_started(0.0)
    clock.now += 0.1
    sound, rate = spoken.sound_before(0.5)
    assert rate == RATE
    tenths = np.round(sound * 32768 / 100).reshape(5, -1)[:, 800]
    assert list(tenths) == [9, 10, 0, 0, 50]
    # What was asked before is no open question any more.
    assert spoken.latest_words_around(2.0, 1.0) == "Three."
    assert spoken.words_around(2.0, 1.0) == "Shall I? Three."
    await spoken.aclose()


async def test_after_a_pause_words_count_as_heard_by_their_place(clock: Clock) -> None:
    reply = SpokenReply()
    reply.add_sound(frame(1, seconds=4.0))
    for count in range(4):
        reply.add_text(TimedString(f"{count} ", start_time=float(count), end_time=count + 0.8))
    reply.playback_started(0.0)
    clock.now += 1.0
    reply.pause(True)
    reply.playback_progressed(1.0)
    reply.pause(False)
    clock.now += 1.5
    assert reply.finish(2.5, interrupted=True) == "0 1 2 "


class _Output(io.AudioOutput):
    """Plays nothing."""

    def __init__(self) -> None:
        super().__init__(
            label="test",
            capabilities=io.AudioOutputCapabilities(pause=True),
            sample_rate=RATE,
        )

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)

    def flush(self) -> None:
        super().flush()

    def clear_buffer(self) -> None:
        pass


class _Words(io.TextOutput):
    """Shows nothing."""

    def __init__(self) -> None:
        super().__init__(label="test", next_in_chain=None)

    async def capture_text(self, text: str) -> None:
        pass

    def flush(self) -> None:
        pass

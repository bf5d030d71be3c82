"""The voice as LiveKit's interface: what is heard, when, and what becomes of a reply that fails."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from livekit import rtc
from livekit.agents import (
    APIConnectionError,
    APIConnectOptions,
    APIError,
    APITimeoutError,
    tts,
)
from livekit.agents.metrics import TTSMetrics
from livekit.agents.types import USERDATA_TIMED_TRANSCRIPT

from services.asr.config import DecodeOptions
from services.asr.engine import StreamingASR
from services.audio.samples import SAMPLE_RATE
from services.inference import InferenceScheduler, InferenceTimeout, QueueFull, Run
from services.livekit_local import LocalTTS
from services.livekit_local.errors import api_error
from services.tts.engine import StreamingTTS
from services.tts.types import SynthesisError, SynthesisTimeout
from tests.support.leaks import Snapshot, assert_nothing_left
from tests.support.provided_engines import ProvidedEngines
from tests.support.small_vits import small_voice
from tests.support.word_errors import word_errors

pytestmark = pytest.mark.usefixtures("audio_runtime")

PATIENCE_SECONDS = 60.0
NO_RETRIES = APIConnectOptions(max_retry=0, timeout=PATIENCE_SECONDS)
REPLY = "It is ten past three. The answer is eighty one. You rolled a one."
HANGS = "Internationalization " * 5 + "stops."


@pytest.fixture(scope="session")
def audio_runtime() -> None:
    """LiveKit's native library starts threads on first use, which stay."""
    rtc.AudioResampler(48_000, SAMPLE_RATE)


@pytest.fixture
async def local(tts: StreamingTTS) -> AsyncIterator[LocalTTS]:
    voice = LocalTTS(engines=ProvidedEngines(tts=tts), room="a")
    yield voice
    await voice.aclose()
    assert [piece async for piece in tts.synthesize("Yes.", owner="b")]


@pytest.fixture
def scheduler() -> Iterator[InferenceScheduler]:
    scheduler = InferenceScheduler(slots=2)
    yield scheduler
    assert scheduler.close()


@pytest.fixture
async def hanging(tmp_path: Path, scheduler: InferenceScheduler) -> AsyncIterator[LocalTTS]:
    """A voice that is never done with a long sentence, and is given 0.3 s for each."""
    engine = StreamingTTS.load(small_voice(tmp_path, hangs_above=200), scheduler=scheduler)
    voice = LocalTTS(engines=ProvidedEngines(tts=engine), room="a", timeout_seconds=0.3)
    yield voice
    await voice.aclose()


async def spoken(stream: tts.SynthesizeStream, pieces: Iterable[str]) -> list[rtc.AudioFrame]:
    """All frames of a reply whose text comes in these pieces."""
    for piece in pieces:
        stream.push_text(piece)
    stream.end_input()
    async with asyncio.timeout(PATIENCE_SECONDS), stream:
        return [audio.frame async for audio in stream]


def pcm(frames: Iterable[rtc.AudioFrame]) -> np.ndarray:
    return np.concatenate([np.frombuffer(frame.data, dtype=np.int16) for frame in frames])


def timed_words(frames: Iterable[rtc.AudioFrame]) -> list[tuple[str, float, float]]:
    return [
        (str(word).strip(), word.start_time, word.end_time)
        for frame in frames
        for word in frame.userdata.get(USERDATA_TIMED_TRANSCRIPT, [])
    ]


def heard(frames: list[rtc.AudioFrame], asr: StreamingASR) -> str:
    """What the recogniser makes of it."""
    rate = frames[0].sample_rate
    resampler = rtc.AudioResampler(rate, SAMPLE_RATE, quality=rtc.AudioResamplerQuality.HIGH)
    whole = rtc.combine_audio_frames(frames)
    sound = pcm([*resampler.push(whole), *resampler.flush()]).astype(np.float32) / np.float32(32768)
    return asr.decode(sound, DecodeOptions(), Run()).text


async def test_text_in_any_pieces_is_the_same_speech(local: LocalTTS, asr: StreamingASR) -> None:
    sentence = "Fourteen plus twelve is twenty six."
    assert word_errors(heard(await spoken(local.stream(), sentence), asr), sentence) == 0
    whole = await spoken(local.stream(), [REPLY])
    letters = await spoken(local.stream(), REPLY)
    assert [word for word, _, _ in timed_words(letters)] == REPLY.split()
    assert np.array_equal(pcm(whole), pcm(letters))


async def test_a_sentence_is_spoken_while_the_next_is_being_written(local: LocalTTS) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS), local.stream() as stream:
        stream.push_text("It is ten past three. The answer")
        first = await anext(stream)
        assert np.frombuffer(first.frame.data, dtype=np.int16).any()
        stream.push_text(" is four.")
        stream.end_input()
        frames = [first.frame] + [audio.frame async for audio in stream]
    assert [word for word, _, _ in timed_words(frames)] == (
        "It is ten past three. The answer is four.".split()
    )


async def test_a_reply_begins_with_its_first_sound(local: LocalTTS, tts: StreamingTTS) -> None:
    pieces = [piece async for piece in tts.synthesize("Hello.", owner="a")]
    plain = np.concatenate([piece.samples for piece in pieces]).astype(np.int32)
    frames = await spoken(local.stream(), ["Hello."])
    sound = pcm(frames).astype(np.int32)
    audible = 0.01 * 32768
    ten_milliseconds = tts.sample_rate // 100
    assert np.flatnonzero(np.abs(plain) > audible)[0] > 2 * ten_milliseconds
    first = int(np.flatnonzero(np.abs(sound) > audible / 2)[0])
    assert first <= ten_milliseconds
    begins = len(plain) - len(sound)
    assert np.array_equal(sound, plain[begins:])
    (_, start, end), *_ = timed_words(frames)
    word = pieces[0].words[0]
    assert start == pytest.approx(max(0.0, word.start_seconds - begins / tts.sample_rate))
    assert end == pytest.approx(word.end_seconds - begins / tts.sample_rate)


async def test_words_are_timed_over_the_whole_reply(local: LocalTTS) -> None:
    frames = await spoken(local.stream(), [REPLY])
    words = timed_words(frames)
    assert [word for word, _, _ in words] == REPLY.split()
    times = [time for _, start, end in words for time in (start, end)]
    assert times == sorted(times)
    assert times[0] < 0.1
    assert times[-1] <= sum(frame.duration for frame in frames) + 0.01


@pytest.mark.parametrize(
    "pieces",
    [
        ["It costs $5.", "99 on ", "Jan. 5, 20", "24 at 7:", "30 p.m. See No", ". 5, Room 204."],
        ["The sum is 1,234,567,890,123,", "456,789,012", " km/h, and 2^", "3 is 8."],
        ["Call (212) 555-", "0147 or write to a.b@exa", "mple.com: H", "2O, 3-", "5 kg."],
    ],
)
async def test_timed_words_are_those_written_however_they_are_read(
    local: LocalTTS, pieces: list[str]
) -> None:
    frames = await spoken(local.stream(), pieces)
    words = timed_words(frames)
    assert [word for word, _, _ in words] == "".join(pieces).split()
    starts = [start for _, start, _ in words]
    assert starts == sorted(starts)
    # Each is heard for a while of its own.
    assert all(end > start for _, start, end in words)


async def test_no_more_is_computed_than_will_soon_be_heard(tts: StreamingTTS) -> None:
    voice = LocalTTS(engines=ProvidedEngines(tts=tts), room="a", ahead_seconds=0.5)
    asked: list[float] = []
    tts.on_synthesis = lambda seconds, _: asked.append(seconds)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), voice.stream() as stream:
            stream.push_text("It is ten past three in the afternoon. " * 20)
            stream.end_input()
            await anext(stream)
            await asyncio.sleep(0.3)
            assert sum(asked) < 10.0
    finally:
        tts.on_synthesis = None
        await voice.aclose()


@pytest.mark.parametrize("where", [0, 1, 2])
async def test_a_sentence_that_hangs_costs_itself_only(hanging: LocalTTS, where: int) -> None:
    sentences = ["A cat came in.", "A dog went out."]
    sentences.insert(where, HANGS)
    frames = await spoken(hanging.stream(conn_options=NO_RETRIES), [" ".join(sentences)])
    assert [word for word, _, _ in timed_words(frames)] == (
        "A cat came in. A dog went out.".split()
    )
    assert pcm(frames).any()


async def test_a_reply_of_which_nothing_can_be_spoken_is_an_error(hanging: LocalTTS) -> None:
    with pytest.raises(APITimeoutError) as caught:
        await spoken(hanging.stream(conn_options=NO_RETRIES), [HANGS])
    assert caught.value.retryable


@pytest.mark.parametrize("text", ["🎉", "** **", "…", "   "])
async def test_text_without_sound_is_no_error(local: LocalTTS, text: str) -> None:
    frames = await spoken(local.stream(conn_options=NO_RETRIES), ["Hello. ", text])
    assert pcm(frames).any()
    silent = await spoken(local.stream(conn_options=NO_RETRIES), [text])
    assert not silent or not pcm(silent).any()


async def test_closing_in_mid_reply_leaves_nothing(
    tmp_path: Path, scheduler: InferenceScheduler, hanging: LocalTTS
) -> None:
    before = Snapshot.take()
    stream = hanging.stream(conn_options=NO_RETRIES)
    stream.push_text(f"A cat came in. {HANGS} A dog went out.")
    async with asyncio.timeout(PATIENCE_SECONDS):
        await anext(stream)
        while not scheduler.stats().running:
            await asyncio.sleep(0.005)
    await hanging.aclose()
    await assert_nothing_left(before)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while scheduler.stats().running:
            await asyncio.sleep(0.005)


async def test_another_voice_takes_over_from_one_that_is_out_of_service(
    tts: StreamingTTS, asr: StreamingASR
) -> None:
    resting = LocalTTS(engines=ProvidedEngines(tts=tts), room="a", in_service=lambda: False)
    working = LocalTTS(engines=ProvidedEngines(tts=tts), room="a")
    adapter = fallback([resting, working])
    frames = await spoken(adapter.stream(), ["The answer is eighty one."])
    assert heard(frames, asr) == "the answer is eighty one"
    await adapter.aclose()


def fallback(voices: list[tts.TTS[Any]]) -> tts.FallbackAdapter:
    return tts.FallbackAdapter(voices, max_retry_per_tts=0)


async def test_the_framework_is_told_what_a_reply_took(local: LocalTTS) -> None:
    told: list[TTSMetrics] = []
    local.on("metrics_collected", told.append)
    frames = await spoken(local.stream(), [REPLY])
    (metrics,) = told
    assert metrics.characters_count == len(REPLY)
    assert metrics.audio_duration == pytest.approx(sum(f.duration for f in frames), abs=0.05)
    assert 0 < metrics.ttfb < PATIENCE_SECONDS


def test_rooms_in_threads_of_their_own_share_the_voice(tts: StreamingTTS) -> None:
    said: dict[str, np.ndarray] = {}

    async def talk(room: str) -> None:
        voice = LocalTTS(engines=ProvidedEngines(tts=tts), room=room)
        said[room] = pcm(await spoken(voice.stream(), [REPLY]))
        await voice.aclose()

    rooms = [threading.Thread(target=lambda n=n: asyncio.run(talk(f"room-{n}"))) for n in range(3)]
    for room in rooms:
        room.start()
    for room in rooms:
        room.join(PATIENCE_SECONDS)
    assert len(said) == 3
    first, *others = said.values()
    assert all(np.array_equal(first, other) for other in others)


@pytest.mark.parametrize(
    ("error", "kind", "retryable"),
    [
        (SynthesisTimeout("late"), APITimeoutError, True),
        (InferenceTimeout("late"), APITimeoutError, True),
        (QueueFull("full"), APIConnectionError, True),
        (SynthesisError("broken"), APIConnectionError, False),
    ],
)
def test_errors_say_truthfully_whether_to_try_again(
    error: Exception, kind: type[APIError], retryable: bool
) -> None:
    made = api_error("speech synthesis", error)
    assert (type(made), made.retryable) == (kind, retryable)
    assert str(error) in str(made)
    assert api_error("speech synthesis", made) is made

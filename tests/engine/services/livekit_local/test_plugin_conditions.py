"""What the framework's own tests of its plugins ask of every STT and TTS holds for ours.

The conditions are those of tests/test_tts.py and tests/test_stt.py of livekit-agents; there the
services of companies are judged, and their failures played by a proxy.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from livekit import rtc
from livekit.agents import APIConnectOptions, APITimeoutError, stt, tts
from livekit.agents.metrics import TTSMetrics

from services.audio.samples import SAMPLE_RATE
from services.inference import InferenceScheduler
from services.livekit_local import LocalSTT, LocalTTS
from services.tts.engine import StreamingTTS
from tests.support.frames import frames
from tests.support.leaks import Snapshot, assert_nothing_left
from tests.support.provided_engines import ProvidedEngines
from tests.support.recordings import recording, recordings
from tests.support.small_vits import small_voice
from tests.support.word_errors import word_error_rate

pytestmark = pytest.mark.usefixtures("shared", "audio_runtime")

LONGEST_FRAME_SECONDS = 0.25
WORST_WORD_ERROR_RATE = 0.25
PATIENCE_SECONDS = 60.0
TEXT = (
    "It is ten past three in the afternoon. The answer is eighty one. You rolled a one. "
    "Your timer for ten minutes is set. It is Friday."
)
HANGS = "Internationalization " * 5 + "stops."


@pytest.fixture(scope="session")
def audio_runtime() -> None:
    """LiveKit's native library starts threads on first use, which stay."""
    rtc.AudioResampler(48_000, SAMPLE_RATE)


@pytest.fixture
async def voice(tts: StreamingTTS) -> AsyncIterator[LocalTTS]:
    voice = LocalTTS(engines=ProvidedEngines(tts=tts))
    before = Snapshot.take()
    yield voice
    await voice.aclose()
    await assert_nothing_left(before)


@pytest.fixture
def scheduler() -> Iterator[InferenceScheduler]:
    scheduler = InferenceScheduler(slots=2)
    yield scheduler
    assert scheduler.close()


@pytest.fixture
async def hanging(tmp_path: Path, scheduler: InferenceScheduler) -> AsyncIterator[LocalTTS]:
    """A voice that is never done with a long sentence."""
    engine = StreamingTTS.load(small_voice(tmp_path, hangs_above=200), scheduler=scheduler)
    voice = LocalTTS(engines=ProvidedEngines(tts=engine))
    yield voice
    await voice.aclose()


class Told:
    """What a voice tells of itself."""

    def __init__(self, voice: LocalTTS) -> None:
        self.metrics: list[TTSMetrics] = []
        self.errors: list[Any] = []
        voice.on("metrics_collected", self.metrics.append)
        voice.on("error", self.errors.append)


async def collected(
    stream: tts.ChunkedStream | tts.SynthesizeStream,
) -> list[tts.SynthesizedAudio]:
    async with asyncio.timeout(PATIENCE_SECONDS), stream:
        return [audio async for audio in stream]


def assert_well_formed(audio: list[tts.SynthesizedAudio]) -> None:
    *others, last = audio
    assert last.is_final
    assert not any(event.is_final for event in others)
    assert len({event.request_id for event in audio} - {""}) == 1
    durations = [event.frame.duration for event in audio]
    assert min(durations) > 0.0
    assert max(durations) < LONGEST_FRAME_SECONDS


async def test_a_whole_text_is_short_frames_and_one_account(voice: LocalTTS) -> None:
    told = Told(voice)
    audio = await collected(voice.synthesize(TEXT))
    assert_well_formed(audio)
    (metrics,) = told.metrics
    assert metrics.characters_count == len(TEXT)
    seconds = sum(event.frame.duration for event in audio)
    assert metrics.audio_duration == pytest.approx(seconds, abs=0.05)


async def test_text_that_is_being_written_is_short_frames_and_one_account(voice: LocalTTS) -> None:
    told = Told(voice)
    stream = voice.stream()
    for word in TEXT.split(" "):
        stream.push_text(f"{word} ")
    stream.flush()
    stream.end_input()
    audio = await collected(stream)
    assert_well_formed(audio)
    assert len({event.segment_id for event in audio} - {""}) == 1
    assert len(told.metrics) == 1


async def test_both_ways_give_the_same_sound(voice: LocalTTS) -> None:
    whole = await collected(voice.synthesize(TEXT))
    stream = voice.stream()
    stream.push_text(TEXT)
    stream.end_input()
    written = await collected(stream)
    assert b"".join(bytes(e.frame.data) for e in whole) == (
        b"".join(bytes(e.frame.data) for e in written)
    )


async def test_a_stream_without_text_ends(voice: LocalTTS) -> None:
    stream = voice.stream()
    stream.end_input()
    await collected(stream)


async def test_text_without_a_full_stop_is_spoken_without_waiting_for_more(
    voice: LocalTTS,
) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS), voice.stream() as stream:
        stream.push_text("your timer for ten minutes is set")
        stream.flush()
        assert (await anext(stream)).frame.duration > 0.0


async def test_a_text_without_an_end_is_not_held_to_the_clock(voice: LocalTTS) -> None:
    stream = voice.stream()
    stream.push_text("it is ten past three in the afternoon " * 80)
    stream.end_input()
    # More speech than the test has patience for.
    audio = await collected(stream)
    assert sum(event.frame.duration for event in audio) > PATIENCE_SECONDS


@pytest.mark.parametrize("retries", [0, 3])
@pytest.mark.parametrize("streamed", [False, True])
async def test_what_hangs_is_a_timeout_after_each_try_and_no_account(
    hanging: LocalTTS, streamed: bool, retries: int
) -> None:
    told = Told(hanging)
    options = APIConnectOptions(max_retry=retries, timeout=0.2, retry_interval=0.0)
    speech: tts.ChunkedStream | tts.SynthesizeStream
    if streamed:
        speech = hanging.stream(conn_options=options)
        speech.push_text(HANGS)
        speech.end_input()
    else:
        speech = hanging.synthesize(HANGS, conn_options=options)
    with pytest.raises(APITimeoutError):
        await collected(speech)
    assert len(told.errors) == 1 + retries
    assert told.metrics == []


@pytest.mark.parametrize("name", [r.file for r in recordings("long")])
async def test_speech_in_frames_of_ten_milliseconds_is_heard_in_order(name: str) -> None:
    said = recording(name)
    recogniser = LocalSTT()
    stream = recogniser.stream()
    for frame in frames(said.samples, rate=24_000, seconds=0.01):
        stream.push_frame(frame)
    stream.end_input()
    async with asyncio.timeout(PATIENCE_SECONDS), stream:
        events = [event async for event in stream]
    await recogniser.aclose()
    kinds = [event.type for event in events]
    begin, end = stt.SpeechEventType.START_OF_SPEECH, stt.SpeechEventType.END_OF_SPEECH
    turns = [kind for kind in kinds if kind in (begin, end)]
    assert turns == [begin, end] * (len(turns) // 2)
    finals = [e.alternatives[0] for e in events if e.type is stt.SpeechEventType.FINAL_TRANSCRIPT]
    assert len(finals) >= len(turns) // 2
    assert all(final.language.startswith("en") for final in finals)
    text = " ".join(final.text for final in finals)
    assert word_error_rate([(text, said.text)]) <= WORST_WORD_ERROR_RATE


async def test_a_whole_recording_is_one_final() -> None:
    said = recording("turn_05")
    recogniser = LocalSTT()
    event = await recogniser.recognize(
        list(frames(said.samples, rate=24_000, seconds=0.05)),
        conn_options=APIConnectOptions(max_retry=0),
    )
    await recogniser.aclose()
    assert event.type is stt.SpeechEventType.FINAL_TRANSCRIPT
    assert word_error_rate([(event.alternatives[0].text, said.text)]) <= WORST_WORD_ERROR_RATE

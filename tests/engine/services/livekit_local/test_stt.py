from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import numpy as np
import pytest
from livekit import rtc
from livekit.agents import APIConnectionError, APIConnectOptions, APIError, APITimeoutError, stt
from livekit.agents.metrics import STTMetrics

from services.asr.config import ASRError
from services.asr.engine import StreamingASR
from services.asr.recognizer import RecognizerTiming
from services.audio.samples import SAMPLE_RATE
from services.inference import InferenceError, InferenceTimeout, QueueFull, Superseded
from services.livekit_local import LocalSpeechStream, LocalSTT, LocalVAD, LocalVADStream
from services.livekit_local.errors import api_error
from services.shared.engines import SharedEngines
from services.shared.load_once import LoadOnce
from services.vad.silero import (
    VoiceActivityLoadError,
    VoiceActivityModel,
    VoiceActivityOptions,
)
from tests.support.frames import frame, frames
from tests.support.provided_engines import ProvidedEngines
from tests.support.recordings import Recording, Samples, recording, recordings, silence
from tests.support.watched_asr import WatchedASR
from tests.support.word_errors import word_error_rate

pytestmark = pytest.mark.usefixtures("shared", "audio_runtime")

PATIENCE_SECONDS = 60.0
NO_RETRIES = APIConnectOptions(max_retry=0, timeout=PATIENCE_SECONDS)
ASK_TIME = recording("turn_05")
ASK_WEATHER = recording("turn_08")
START, FINAL, END = (
    stt.SpeechEventType.START_OF_SPEECH,
    stt.SpeechEventType.FINAL_TRANSCRIPT,
    stt.SpeechEventType.END_OF_SPEECH,
)
USAGE, INTERIM, PREFLIGHT = (
    stt.SpeechEventType.RECOGNITION_USAGE,
    stt.SpeechEventType.INTERIM_TRANSCRIPT,
    stt.SpeechEventType.PREFLIGHT_TRANSCRIPT,
)


@pytest.fixture(scope="session")
def audio_runtime() -> None:
    """LiveKit's native library starts threads on first use, which stay."""
    rtc.AudioResampler(48_000, SAMPLE_RATE)


@pytest.fixture
async def local(asr: StreamingASR, voice_activity: VoiceActivityModel) -> AsyncIterator[LocalSTT]:
    recogniser = LocalSTT()
    yield recogniser
    await recogniser.aclose()


async def said_in(events: stt.RecognizeStream) -> list[stt.SpeechEvent]:
    """All events up to the end of the stream."""
    async with asyncio.timeout(PATIENCE_SECONDS), events:
        return [event async for event in events]


def texts(events: list[stt.SpeechEvent], kind: stt.SpeechEventType = FINAL) -> list[str]:
    """What transcripts of this kind say; what was asked for in silence is left out."""
    found = [e.alternatives[0].text for e in events if e.type is kind]
    return [text for text in found if text]


def push(stream: stt.RecognizeStream, *parts: Samples, **shape: Any) -> None:
    for piece in frames(np.concatenate(parts), **shape):
        stream.push_frame(piece)


async def hear(recogniser: stt.STT[Any], *parts: Samples, **shape: Any) -> list[stt.SpeechEvent]:
    """What comes out of a stream that hears these parts and ends."""
    stream = recogniser.stream()
    push(stream, *parts, **shape)
    stream.end_input()
    return await said_in(stream)


async def until(stream: stt.RecognizeStream, kind: stt.SpeechEventType) -> stt.SpeechEvent:
    """The next event of this kind; those before it are passed over."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            event = await anext(stream)
            if event.type is kind:
                return event


async def hear_slowly(recogniser: LocalSTT, *parts: Samples) -> list[stt.SpeechEvent]:
    """The same, with time enough for every decode."""
    stream = recogniser.stream()
    for piece in frames(np.concatenate(parts), seconds=0.1):
        stream.push_frame(piece)
        await settled(stream)
    stream.end_input()
    return await said_in(stream)


async def settled(stream: LocalSpeechStream) -> None:
    """Wait until the stream has heard all frames and decoded what it wants to."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not stream._input_ch.empty() or stream._recognizer is None:
            await asyncio.sleep(0)
        for _ in range(3):
            await asyncio.sleep(0)
        while stream._recognizer._tasks:
            await asyncio.wait(stream._recognizer._tasks)
            await asyncio.sleep(0)


# Audio of any kind


@pytest.mark.parametrize(
    "shape",
    [
        {"rate": 48_000, "channels": 2, "seconds": 0.01},
        {"rate": 48_000, "channels": 1, "seconds": 0.05},
        {"rate": 44_100, "channels": 1, "seconds": 0.02},
        {"rate": 22_050, "channels": 4, "seconds": 0.1},
        {"rate": 96_000, "channels": 8, "seconds": 0.01},
        {"rate": 16_000, "channels": 1, "seconds": 0.032},
        {"rate": 8_000, "channels": 1, "seconds": 0.02},
        {"rate": 16_000, "channels": 1, "seconds": 60.0},
        {"rate": 48_000, "channels": 2, "seconds": 60.0},
    ],
    ids=str,
)
async def test_audio_of_any_rate_and_shape_is_heard(local: LocalSTT, shape: dict[str, Any]) -> None:
    events = await hear(
        local, ASK_TIME.samples, silence(1.0), ASK_WEATHER.samples, silence(1.0), **shape
    )
    assert texts(events) == [ASK_TIME.text, ASK_WEATHER.text]


async def test_frames_of_one_sample_are_heard(local: LocalSTT) -> None:
    events = await hear(local, ASK_TIME.samples, silence(0.6), seconds=1 / SAMPLE_RATE)
    assert texts(events) == [ASK_TIME.text]


async def test_speech_in_one_channel_of_two_is_heard(local: LocalSTT) -> None:
    stream = local.stream()
    for mono in frames(np.concatenate((ASK_TIME.samples, silence(1.0)))):
        left = np.frombuffer(mono.data, dtype=np.int16)
        stream.push_frame(frame(np.stack((left, np.zeros_like(left)), axis=1), SAMPLE_RATE))
    stream.end_input()
    assert texts(await said_in(stream)) == [ASK_TIME.text]


async def test_the_rate_may_change_in_mid_stream(local: LocalSTT) -> None:
    stream = local.stream()
    for rate in (48_000, 16_000, 24_000):
        push(stream, ASK_TIME.samples, silence(1.0), rate=rate)
    stream.end_input()
    assert texts(await said_in(stream)) == [ASK_TIME.text] * 3


async def test_frames_without_samples_are_passed_over(local: LocalSTT) -> None:
    stream = local.stream()
    empty = frame(np.empty((0, 1), dtype=np.int16), SAMPLE_RATE)
    stream.push_frame(empty)
    for piece in frames(np.concatenate((ASK_TIME.samples, silence(1.0)))):
        stream.push_frame(piece)
        stream.push_frame(empty)
    stream.end_input()
    assert texts(await said_in(stream)) == [ASK_TIME.text]


async def test_what_a_frame_holds_beyond_its_stated_length_is_left_out(local: LocalSTT) -> None:
    stream = local.stream()
    for piece in frames(np.concatenate((ASK_TIME.samples, silence(1.0))), channels=2):
        noise = np.full(3, 20_000, dtype=np.int16).tobytes()
        stream.push_frame(
            rtc.AudioFrame(
                data=bytes(piece.data.cast("b")) + noise,
                sample_rate=piece.sample_rate,
                num_channels=piece.num_channels,
                samples_per_channel=piece.samples_per_channel,
            )
        )
    stream.end_input()
    assert texts(await said_in(stream)) == [ASK_TIME.text]


@pytest.mark.parametrize("noise", recordings("nonspeech"), ids=str)
async def test_noise_and_music_give_no_events(local: LocalSTT, noise: Recording) -> None:
    events = await hear(local, noise.samples)
    assert [e.type for e in events if e.type is not FINAL] == []
    assert texts(events) == []


# What is said of it


async def test_utterances_come_in_order_each_with_its_start_end_and_usage(
    local: LocalSTT, no_leaks: None
) -> None:
    spoken = recordings("turn")[12:17]
    parts = [part for turn in spoken for part in (turn.samples, silence(1.0))]
    events = await hear(local, *parts)
    pairs = list(zip(texts(events), (turn.text for turn in spoken), strict=True))
    assert word_error_rate(pairs) <= 0.15
    kinds = [e.type for e in events if e.type not in (INTERIM, PREFLIGHT)]
    assert kinds[: 4 * len(spoken)] == [START, FINAL, USAGE, END] * len(spoken)
    # The end of the input asks once more, when nobody speaks.
    assert kinds[4 * len(spoken) :] == [FINAL]


async def test_the_final_is_what_the_preflight_said(local: LocalSTT) -> None:
    events = await hear_slowly(local, ASK_WEATHER.samples, silence(1.0))
    (final,) = texts(events)
    assert texts(events, PREFLIGHT)[-1] == final


async def test_finals_tell_when_how_sure_and_in_which_language(local: LocalSTT) -> None:
    stream = local.stream()
    stream.start_time_offset = 100.0
    push(stream, silence(1.0), ASK_WEATHER.samples, silence(1.0))
    stream.end_input()
    events = await said_in(stream)
    (said,) = (e.alternatives[0] for e in events if e.type is FINAL and e.alternatives[0].text)
    assert said.language == "en"
    assert 0.0 < said.confidence <= 1.0
    assert 101.0 - 0.3 < said.start_time < 101.0 + ASK_WEATHER.speech_start_seconds + 0.1
    assert said.end_time == pytest.approx(101.0 + ASK_WEATHER.speech_end_seconds, abs=0.3)
    assert said.words is None


async def test_words_have_times_when_asked(asr: StreamingASR) -> None:
    async with aclosing(LocalSTT(word_times=True)) as recogniser:
        assert recogniser.capabilities.aligned_transcript == "word"
        stream = recogniser.stream()
        stream.start_time_offset = 100.0
        push(stream, silence(1.0), ASK_WEATHER.samples, silence(1.0))
        stream.end_input()
        events = await said_in(stream)
    (said,) = (e.alternatives[0] for e in events if e.type is FINAL and e.alternatives[0].text)
    assert said.words is not None
    assert [str(word) for word in said.words] == ASK_WEATHER.text.split()
    times = [
        time
        for word in said.words
        for time in (word.start_time, word.end_time)
        if isinstance(time, float)
    ]
    assert len(times) == 2 * len(said.words)
    assert times == sorted(times)
    assert 101.0 - 0.3 <= times[0] < 101.0 + ASK_WEATHER.speech_start_seconds
    assert times[-1] < 101.0 + ASK_WEATHER.seconds


async def test_usage_is_counted_for_each_utterance(local: LocalSTT) -> None:
    collected: list[STTMetrics] = []
    local.on("metrics_collected", collected.append)
    await hear(local, ASK_TIME.samples, silence(1.0), ASK_WEATHER.samples, silence(1.0))
    assert [m.streamed for m in collected] == [True, True]
    assert [m.label for m in collected] == [local.label] * 2
    for metrics, spoken in zip(collected, (ASK_TIME, ASK_WEATHER), strict=True):
        assert metrics.audio_duration == pytest.approx(spoken.seconds + 0.5, abs=0.6)
        assert metrics.output_tokens > 0


async def test_interim_results_come_while_somebody_speaks(asr: StreamingASR) -> None:
    timing = RecognizerTiming(interim_seconds=0.0, interim_share=float("inf"))
    shown = {}
    for wanted in (True, False):
        async with aclosing(LocalSTT(timing=timing, interim_results=wanted)) as recogniser:
            assert recogniser.capabilities.interim_results is wanted
            events = await hear_slowly(recogniser, ASK_WEATHER.samples)
            assert texts(events) == [ASK_WEATHER.text]
            shown[wanted] = texts(events, INTERIM)
    assert len(shown[True]) >= 2
    assert shown[False] == []


async def test_long_speech_loses_no_words(local: LocalSTT) -> None:
    spoken = recording("long_0")
    events = await hear(local, spoken.samples, silence(1.0), seconds=0.1)
    assert word_error_rate([(" ".join(texts(events)), spoken.text)]) <= 0.15


# Asking and ending


@pytest.mark.parametrize("rate", [16_000, 48_000])
async def test_a_flush_gives_the_final_at_once_and_the_stream_goes_on(
    local: LocalSTT, rate: int, no_leaks: None
) -> None:
    async with local.stream() as stream:
        for spoken in (ASK_TIME, ASK_WEATHER, ASK_TIME):
            end = round(spoken.speech_end_seconds * SAMPLE_RATE)
            push(stream, silence(0.3), spoken.samples[:end], rate=rate)
            stream.flush()
            final = await until(stream, FINAL)
            assert final.alternatives[0].text == spoken.text


async def test_a_flush_in_silence_gives_an_empty_final(local: LocalSTT) -> None:
    async with local.stream() as stream:
        push(stream, silence(1.0))
        stream.flush()
        assert (await until(stream, FINAL)).alternatives[0].text == ""


async def test_the_end_of_input_yields_what_was_being_said(local: LocalSTT, no_leaks: None) -> None:
    end = round(ASK_WEATHER.speech_end_seconds * SAMPLE_RATE)
    events = await hear(local, ASK_WEATHER.samples[:end], rate=48_000)
    assert texts(events) == [ASK_WEATHER.text]


async def test_a_stream_that_hears_nothing_ends(local: LocalSTT, no_leaks: None) -> None:
    stream = local.stream()
    stream.end_input()
    assert texts(await said_in(stream)) == []
    with pytest.raises(RuntimeError, match="input ended"):
        push(stream, silence(0.1))


async def test_closing_in_mid_utterance_leaves_nothing_but_the_model(
    local: LocalSTT, asr: StreamingASR, no_leaks: None
) -> None:
    stream = local.stream()
    push(stream, ASK_WEATHER.samples[: 2 * SAMPLE_RATE], rate=48_000)
    await until(stream, START)
    await stream.aclose()
    await stream.aclose()
    with pytest.raises(RuntimeError):
        push(stream, silence(0.1))
    assert texts(await hear(local, ASK_TIME.samples, silence(1.0))) == [ASK_TIME.text]


async def test_closing_the_recogniser_closes_its_streams(asr: StreamingASR, no_leaks: None) -> None:
    recogniser = LocalSTT()
    streams = [recogniser.stream() for _ in range(3)]
    for stream in streams:
        push(stream, ASK_WEATHER.samples)
    await until(streams[0], START)
    await recogniser.aclose()
    assert not recogniser._streams
    for stream in streams:
        assert [e async for e in stream if e.type is FINAL] == []
    again = LocalSTT()
    assert texts(await hear(again, ASK_TIME.samples, silence(1.0))) == [ASK_TIME.text]


async def test_audio_that_piled_up_does_not_hold_the_loop(local: LocalSTT) -> None:
    turns = 0
    done = False

    async def others() -> None:
        nonlocal turns
        while not done:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    stream = local.stream()
    push(stream, silence(10.0), seconds=0.02)
    await settled(stream)
    assert turns >= 500
    done = True
    await task
    await stream.aclose()


# Whole recordings


@pytest.mark.parametrize("shape", [{}, {"rate": 48_000, "channels": 2}, {"rate": 8_000}], ids=str)
async def test_recognize_hears_a_whole_recording(local: LocalSTT, shape: dict[str, int]) -> None:
    collected: list[STTMetrics] = []
    local.on("metrics_collected", collected.append)
    audio = np.concatenate((silence(2.0), ASK_WEATHER.samples, silence(2.0)))
    event = await local.recognize(list(frames(audio, seconds=0.5, **shape)))
    assert event.type is FINAL
    (said,) = event.alternatives
    assert (said.text, said.language) == (ASK_WEATHER.text, "en")
    assert [m.streamed for m in collected] == [False]
    assert collected[0].audio_duration == pytest.approx(len(audio) / SAMPLE_RATE, abs=0.01)


async def test_recognize_times_the_words_in_the_recording(asr: StreamingASR) -> None:
    async with aclosing(LocalSTT(word_times=True)) as recogniser:
        (whole,) = frames(np.concatenate((silence(3.0), ASK_WEATHER.samples)), seconds=60.0)
        event = await recogniser.recognize(whole)
    words = event.alternatives[0].words
    assert words is not None
    assert isinstance(words[0].start_time, float)
    assert 3.0 - 0.3 < words[0].start_time < 3.0 + ASK_WEATHER.speech_start_seconds + 0.3


@pytest.mark.parametrize("noise", recordings("nonspeech")[:3], ids=str)
async def test_recognize_makes_nothing_up(local: LocalSTT, noise: Recording) -> None:
    event = await local.recognize(list(frames(noise.samples)))
    assert event.alternatives[0].text == ""


@pytest.mark.parametrize("nothing", [[], [frame(np.empty((0, 1), np.int16), 48_000)]], ids=len)
async def test_recognize_takes_no_audio_at_all(
    local: LocalSTT, nothing: list[rtc.AudioFrame]
) -> None:
    local._recognize_metrics_needed = False
    event = await local.recognize(nothing)
    assert event.alternatives[0].text == ""


# Options


async def test_the_words_to_expect_reach_the_recogniser(asr: StreamingASR) -> None:
    watched = WatchedASR(asr)
    async with aclosing(
        LocalSTT(engines=ProvidedEngines(asr=watched), keyterms=["Berlin"])
    ) as recogniser:
        assert recogniser.capabilities.keyterms
        assert recogniser.model == asr.config.name
        stream = recogniser.stream()
        push(stream, ASK_TIME.samples, silence(1.0))
        await until(stream, END)
        assert list(watched.asked_options[-1].hotwords) == ["Berlin"]
        recogniser.update_options(keyterms=["Oslo"])
        recogniser._update_session_keyterms(["Denver", "Oslo"])
        push(stream, ASK_TIME.samples, silence(1.0))
        await until(stream, END)
        assert list(watched.asked_options[-1].hotwords) == ["Oslo", "Denver"]
        await recogniser.recognize(list(frames(ASK_TIME.samples)))
        assert list(watched.asked_options[-1].hotwords) == ["Oslo", "Denver"]


async def test_the_language_of_a_stream_stays_when_other_options_change(
    asr: StreamingASR,
) -> None:
    watched = WatchedASR(asr)
    async with aclosing(
        LocalSTT(engines=ProvidedEngines(asr=watched), language="fr")
    ) as recogniser:
        streams = [recogniser.stream(), recogniser.stream(language="de")]
        recogniser.update_options(keyterms=["Berlin"])

        async def asked_languages() -> list[str | None]:
            found = []
            for stream in streams:
                push(stream, ASK_TIME.samples, silence(1.0))
                await until(stream, END)
                found.append(watched.asked_options[-1].language)
            return found

        assert await asked_languages() == ["fr", "de"]
        recogniser.update_options(language="nl")
        assert await asked_languages() == ["nl", "nl"]
        await recogniser.recognize(list(frames(ASK_TIME.samples)), language="es")
        assert watched.asked_options[-1].language == "es"


# Failing


async def test_one_lost_utterance_costs_nothing_else(asr: StreamingASR) -> None:
    watched = WatchedASR(asr)
    async with (
        aclosing(LocalSTT(engines=ProvidedEngines(asr=watched))) as recogniser,
        recogniser.stream() as stream,
    ):
        for failure, heard in ((ASRError("broken"), ""), (None, ASK_TIME.text)) * 3:
            watched.failure = failure
            push(stream, ASK_TIME.samples, silence(1.0))
            assert (await until(stream, FINAL)).alternatives[0].text == heard


async def test_an_engine_that_fails_on_and_on_is_reported_to_the_framework(
    asr: StreamingASR, no_leaks: None
) -> None:
    watched = WatchedASR(asr)
    watched.failure = ASRError("broken")
    recogniser = LocalSTT(engines=ProvidedEngines(asr=watched))
    errors: list[stt.STTError] = []
    recogniser.on("error", errors.append)
    stream = recogniser.stream(conn_options=NO_RETRIES)
    for _ in range(3):
        push(stream, ASK_TIME.samples, silence(1.0))
        await until(stream, FINAL)
    push(stream, silence(0.1))
    with pytest.raises(APIConnectionError, match="speech recognition failed: broken") as raised:
        await until(stream, FINAL)
    assert not raised.value.retryable
    assert [e.recoverable for e in errors] == [False]
    await recogniser.aclose()


async def test_a_recogniser_that_does_not_load_is_reported_to_the_framework(
    asr: StreamingASR,
) -> None:
    def broken() -> VoiceActivityModel:
        raise VoiceActivityLoadError("no such file")

    engines = ProvidedEngines(asr=asr)
    engines.voice_activity = LoadOnce("voice activity", broken)
    async with aclosing(LocalSTT(engines=engines)) as recogniser:
        with pytest.raises(APIConnectionError, match="no such file"):
            await hear(recogniser, ASK_TIME.samples)
        with pytest.raises(APIConnectionError, match="no such file"):
            await recogniser.recognize(list(frames(ASK_TIME.samples)), conn_options=NO_RETRIES)


async def test_an_open_stream_uses_the_recogniser_that_replaces_its_own(
    asr: StreamingASR,
) -> None:
    first, second = WatchedASR(asr), WatchedASR(asr)
    engines = ProvidedEngines(asr=first)
    async with aclosing(LocalSTT(engines=engines)) as recogniser:
        stream = recogniser.stream()
        push(stream, ASK_TIME.samples, silence(1.0))
        assert (await until(stream, FINAL)).alternatives[0].text == ASK_TIME.text
        asked = len(first.asked_seconds)
        engines.asr.put(second)
        push(stream, ASK_WEATHER.samples, silence(1.0))
        assert (await until(stream, FINAL)).alternatives[0].text == ASK_WEATHER.text
    assert second.asked_seconds
    assert len(first.asked_seconds) == asked


async def test_recognize_raises_the_frameworks_errors(asr: StreamingASR) -> None:
    watched = WatchedASR(asr)
    watched.failure = ASRError("broken")
    async with aclosing(LocalSTT(engines=ProvidedEngines(asr=watched))) as recogniser:
        with pytest.raises(APIConnectionError, match="speech recognition failed: broken"):
            await recogniser.recognize(list(frames(ASK_TIME.samples)), conn_options=NO_RETRIES)
        watched.failure, watched.deadline_seconds = None, 1e-6
        with pytest.raises(APITimeoutError, match="engine time"):
            await recogniser.recognize(list(frames(ASK_TIME.samples)), conn_options=NO_RETRIES)


@pytest.mark.parametrize(
    ("error", "kind", "retryable"),
    [
        (InferenceTimeout("slow"), APITimeoutError, True),
        (QueueFull("full"), APIConnectionError, True),
        (Superseded("newer"), APIConnectionError, False),
        (InferenceError("lost"), APIConnectionError, False),
        (ASRError("closed"), APIConnectionError, False),
        (ValueError("bug"), APIConnectionError, False),
        (APITimeoutError("theirs"), APITimeoutError, True),
    ],
    ids=repr,
)
def test_errors_are_truthful_about_whether_to_try_again(
    error: Exception, kind: type[APIError], retryable: bool
) -> None:
    translated = api_error("speech recognition", error)
    assert type(translated) is kind
    assert translated.retryable is retryable
    assert str(error) in str(translated)


# Among others


class Broken(stt.STT[Any]):
    """A recogniser whose service is down."""

    def __init__(self) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=True))

    async def _recognize_impl(self, buffer: Any, **options: Any) -> stt.SpeechEvent:
        raise APIConnectionError("service down", retryable=False)

    def stream(self, *, conn_options: APIConnectOptions = NO_RETRIES, **_: Any) -> BrokenStream:
        return BrokenStream(stt=self, conn_options=conn_options)


class BrokenStream(stt.RecognizeStream):
    async def _run(self) -> None:
        raise APIConnectionError("service down", retryable=False)


async def test_it_takes_over_from_a_recogniser_that_is_down(
    local: LocalSTT, no_leaks: None
) -> None:
    adapter = stt.FallbackAdapter([Broken(), local])
    event = await adapter.recognize(list(frames(ASK_TIME.samples)))
    assert event.alternatives[0].text == ASK_TIME.text
    assert texts(await hear(adapter, ASK_WEATHER.samples, silence(1.0))) == [ASK_WEATHER.text]
    await adapter.aclose()


async def test_another_takes_over_when_it_fails_on_and_on(
    asr: StreamingASR, local: LocalSTT, no_leaks: None
) -> None:
    watched = WatchedASR(asr)
    watched.failure = ASRError("broken")
    failing = LocalSTT(engines=ProvidedEngines(asr=watched))
    adapter = stt.FallbackAdapter([failing, local])
    assert (await adapter.recognize(list(frames(ASK_TIME.samples)))).alternatives[0].text
    adapter = stt.FallbackAdapter([failing, local])
    switched: list[stt.AvailabilityChangedEvent] = []
    adapter.on("stt_availability_changed", switched.append)
    async with adapter.stream() as stream:
        for _ in range(3):
            push(stream, ASK_TIME.samples, silence(1.0))
            assert (await until(stream, FINAL)).alternatives[0].text == ""
        push(stream, silence(0.1))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not switched:
                await asyncio.sleep(0.002)
        assert (switched[0].stt, switched[0].available) == (failing, False)
        push(stream, ASK_WEATHER.samples, silence(1.0))
        assert (await until(stream, FINAL)).alternatives[0].text == ASK_WEATHER.text
    await adapter.aclose()
    await failing.aclose()


def test_rooms_in_threads_of_their_own_share_the_model(shared: Any, asr: StreamingASR) -> None:
    spoken = [ASK_TIME, ASK_WEATHER, recording("turn_02")]
    heard: dict[str, list[str]] = {}

    def room(turn: Recording) -> None:
        async def talk() -> list[str]:
            async with aclosing(LocalSTT(room=turn.file)) as recogniser:
                return texts(await hear(recogniser, *(turn.samples, silence(1.0)) * 2))

        heard[turn.file] = asyncio.run(talk())

    threads = [threading.Thread(target=room, args=(turn,)) for turn in spoken]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert heard == {turn.file: [turn.text] * 2 for turn in spoken}
    assert shared.asr.loads == 1


# With the room's own detector


class Room:
    """A recogniser that hears what the room's detector hears, as in a session."""

    def __init__(self) -> None:
        self.vad = LocalVAD(VoiceActivityOptions(min_silence_seconds=0.5))
        self.stt = LocalSTT(vad=self.vad)
        self.detector: LocalVADStream = self.vad.stream()
        self.stream: LocalSpeechStream = self.stt.stream()

    async def hear(self, *parts: Samples) -> None:
        for piece in frames(np.concatenate(parts), seconds=0.05):
            self.detector.push_frame(piece)
            self.stream.push_frame(piece)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not self.detector._input_ch.empty():
                await asyncio.sleep(0)
        await settled(self.stream)

    async def aclose(self) -> None:
        await self.stream.aclose()
        await self.detector.aclose()


@pytest.fixture
async def room(asr: StreamingASR, voice_activity: VoiceActivityModel) -> AsyncIterator[Room]:
    opened = Room()
    # Streams begin to listen when their tasks run.
    while not opened.vad._listeners:
        await asyncio.sleep(0)
    yield opened
    await opened.aclose()


async def test_with_the_rooms_detector_a_final_comes_when_it_is_asked_for(room: Room) -> None:
    assert room.stt.capabilities.manual_flush
    for spoken in (ASK_TIME, ASK_WEATHER):
        await room.hear(spoken.samples, silence(1.0))
        assert (await until(room.stream, PREFLIGHT)).alternatives[0].text
        room.stream.flush()
        assert (await until(room.stream, FINAL)).alternatives[0].text == spoken.text


async def test_a_room_whose_stream_has_ended_is_listened_to_no_more(
    room: Room,
) -> None:
    await room.hear(ASK_TIME.samples)
    await room.stream.aclose()
    assert room.vad._listeners == []
    for piece in frames(np.concatenate((ASK_WEATHER.samples, silence(1.0)))):
        room.detector.push_frame(piece)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not room.detector._input_ch.empty():
            await asyncio.sleep(0)
    room.stream = room.stt.stream()
    while not room.vad._listeners:
        await asyncio.sleep(0)
    await room.hear(silence(1.0), ASK_TIME.samples, silence(1.0))
    room.stream.flush()
    assert (await until(room.stream, FINAL)).alternatives[0].text == ASK_TIME.text


async def test_listeners_are_told_what_was_heard(asr: StreamingASR) -> None:
    told: list[str] = []
    async with aclosing(LocalSTT()) as recogniser:
        unsubscribe: Callable[[], None] = recogniser.subscribe(
            lambda heard: told.append(heard.text)
        )
        await hear(recogniser, ASK_TIME.samples, silence(1.0))
        assert ASK_TIME.text in told
        unsubscribe()
        unsubscribe()
        told.clear()
        await hear(recogniser, ASK_TIME.samples, silence(1.0))
    assert told == []


async def test_asking_for_its_name_holds_no_model(shared: SharedEngines) -> None:
    users = shared.asr.users
    local = LocalSTT(engines=shared)
    assert local.model
    assert shared.asr.users == users
    await local.aclose()

"""Models of another process, used through the interfaces of the engines."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from livekit import rtc

from services.asr.config import DecodeOptions
from services.asr.engine import StreamingASR
from services.asr.interface import ASREngine
from services.audio.samples import SAMPLE_RATE
from services.inference import (
    CallRecord,
    DynamicPriority,
    EngineLost,
    EngineUnavailable,
    InferenceTimeout,
    Priority,
    QueueFull,
    Superseded,
)
from services.inference.call import Call
from services.inference.queue import FairQueue
from services.livekit_local import LocalSTT, LocalTTS
from services.shared.config import EngineConfig
from services.shared.engines import SharedEngines
from services.speech_process import RemoteEngines, SpeechServer
from services.speech_process.remote_asr import RemoteASR
from services.speech_process.remote_tts import RemoteTTS
from services.tts.engine import StreamingTTS
from services.tts.interface import TTSEngine
from services.tts.types import Delivery, SynthesisError
from tests.support.recordings import recordings
from tests.support.speech_server import WAIT_SECONDS, served

SENTENCE = "The weather is fine today. It will stay so, they say."


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not condition():
            await asyncio.sleep(0.005)


async def transcribe(asr: ASREngine, name: int = 0, **changed: Any) -> str:
    terms: dict[str, Any] = {
        "owner": "room",
        "priority": Priority.FINAL,
        "deadline_seconds": 30.0,
        **changed,
    }
    return (await asr.transcribe(recordings("turn")[name].samples, **terms)).text


async def speak(
    voice: TTSEngine, text: str = SENTENCE, delivery: Delivery | None = None
) -> tuple[int, list[str]]:
    """Return the number of samples, and the words."""
    pieces = voice.synthesize(text, owner="room", delivery=delivery or Delivery())
    made = [piece async for piece in pieces]
    return sum(len(p.samples) for p in made), [w.text for p in made for w in p.words]


async def test_a_recogniser_of_the_other_process_hears_the_same_words_at_the_same_times(
    remote: RemoteEngines, asr: StreamingASR
) -> None:
    far = await remote.asr.get()
    assert isinstance(far, RemoteASR)
    assert far.facts == asr.facts
    for recording in recordings("turn")[:3]:
        both = [
            await each.transcribe(
                recording.samples,
                owner="room",
                priority=Priority.FINAL,
                deadline_seconds=30.0,
                options=DecodeOptions(words=True),
                start_seconds=7.5,
            )
            for each in (far, asr)
        ]
        assert both[0].text
        assert both[0].words
        assert both[0].words[0].start_seconds >= 7.5
        assert replace(both[0], compute_seconds=0.0) == replace(both[1], compute_seconds=0.0)


async def test_what_the_other_process_computes_on_is_told(
    remote: RemoteEngines, asr: StreamingASR, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_gpu = replace(asr.facts, device="cuda", compute_type="float16", gpu_problem="only one")
    monkeypatch.setattr(asr, "facts", on_gpu)
    assert (await remote.asr.get()).facts == on_gpu


async def test_audio_longer_than_the_window_is_heard_whole(
    remote: RemoteEngines, asr: StreamingASR
) -> None:
    samples = np.concatenate([r.samples for r in recordings("turn")[:9]])
    assert len(samples) > asr.config.window_seconds * SAMPLE_RATE
    far = await remote.asr.get()
    both = [
        await each.transcribe(samples, owner="room", priority=Priority.FINAL, deadline_seconds=30.0)
        for each in (far, asr)
    ]
    assert both[0].text == both[1].text != ""


async def test_a_voice_of_the_other_process_speaks_the_same_words(
    remote: RemoteEngines, tts: StreamingTTS
) -> None:
    far = await remote.tts.get()
    assert isinstance(far, RemoteTTS)
    assert (far.name, far.sample_rate, far.language, far.speakers, far.can_stream) == (
        tts.name,
        tts.sample_rate,
        tts.language,
        tts.speakers,
        tts.can_stream,
    )
    (far_samples, far_words), (near_samples, near_words) = await speak(far), await speak(tts)
    assert far_words == near_words == SENTENCE.split()
    assert far_samples == pytest.approx(near_samples, rel=0.3)
    fast, _ = await speak(far, delivery=Delivery(speed=2.0))
    assert fast < 0.8 * far_samples


async def test_a_text_too_long_for_a_sentence_is_one_clear_error(remote: RemoteEngines) -> None:
    voice = await remote.tts.get()
    with pytest.raises(SynthesisError, match="10000 characters"):
        await speak(voice, "word " * 5000)


async def test_rooms_in_several_threads_use_it_at_once(
    remote: RemoteEngines, asr: StreamingASR
) -> None:
    async def room(number: int) -> tuple[str, list[str]]:
        far = await remote.asr.get()
        voice = await remote.tts.get()
        heard = await transcribe(far, number, owner=f"room {number}")
        return heard, (await speak(voice))[1]

    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(4) as pool:
        rooms = [loop.run_in_executor(pool, asyncio.run, room(number)) for number in range(4)]
        answers = await asyncio.gather(*rooms)
    for number, (heard, words) in enumerate(answers):
        assert heard == await transcribe(asr, number)
        assert words == SENTENCE.split()


async def test_the_plugins_hear_and_speak_with_it(
    remote: RemoteEngines, asr: StreamingASR, shared: SharedEngines, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Voice activity stays in this process.
    monkeypatch.setattr(remote, "voice_activity", shared.voice_activity)
    recording = recordings("turn")[0]
    pcm = recording.pcm
    frame = rtc.AudioFrame(pcm.tobytes(), SAMPLE_RATE, 1, len(pcm))
    stt, tts = LocalSTT(engines=remote), LocalTTS(engines=remote)
    try:
        heard = await stt.recognize(frame)
        assert heard.alternatives[0].text == await transcribe(asr)
        async with tts.synthesize(SENTENCE) as stream:
            spoken = await stream.collect()
        assert spoken.duration > 1.0
    finally:
        await stt.aclose()
        await tts.aclose()


async def test_cancelled_work_leaves_the_server_at_once(
    remote: RemoteEngines, shared: SharedEngines, busy: Callable[[], None]
) -> None:
    asr, voice = await remote.asr.get(), await remote.tts.get()
    work = [
        asyncio.create_task(transcribe(asr)),
        asyncio.create_task(speak(voice)),
    ]
    await until(lambda: shared.scheduler.stats().queued[Priority.FINAL] == 2)
    for task in work:
        task.cancel()
    await until(lambda: shared.scheduler.stats().queued[Priority.FINAL] == 0)
    results = await asyncio.gather(*work, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results)
    assert remote.link.pending == 0


async def test_waiting_work_becomes_more_urgent_there(
    remote: RemoteEngines, shared: SharedEngines, busy: Callable[[], None]
) -> None:
    asr = await remote.asr.get()
    priority = DynamicPriority(Priority.INTERIM)
    work = asyncio.create_task(transcribe(asr, priority=priority))
    await until(lambda: shared.scheduler.stats().queued[Priority.INTERIM] == 1)
    priority.raise_to(Priority.FINAL)
    await until(lambda: shared.scheduler.stats().queued[Priority.FINAL] == 1)
    busy()
    assert await work


async def test_work_that_waits_too_long_is_given_up(
    remote: RemoteEngines, busy: Callable[[], None]
) -> None:
    asr = await remote.asr.get()
    with pytest.raises(InferenceTimeout, match="waited too long"):
        await transcribe(asr, queue_seconds=0.05)


async def test_newer_work_of_the_same_client_takes_the_place_of_older(
    remote: RemoteEngines,
    shared: SharedEngines,
    socket_path: Path,
    busy: Callable[[], None],
) -> None:
    asr = await remote.asr.get()
    with contextlib.closing(RemoteEngines(EngineConfig(), socket_path)) as other:
        other_asr = await other.asr.get()
        # The keys of another process may be the same by chance, and mean something else.
        same: dict[str, Any] = {"supersede": "utterance", "priority": Priority.INTERIM}
        others = asyncio.create_task(transcribe(other_asr, **same))
        await until(lambda: shared.scheduler.stats().queued[Priority.INTERIM] == 1)
        old = asyncio.create_task(transcribe(asr, **same))
        await until(lambda: shared.scheduler.stats().queued[Priority.INTERIM] == 2)
        new = asyncio.create_task(transcribe(asr, **same))
        with pytest.raises(Superseded):
            await old
        busy()
        assert await new == await others != ""


async def test_rooms_take_turns_whatever_process_they_are_in(
    remote: RemoteEngines,
    shared: SharedEngines,
    socket_path: Path,
    busy: Callable[[], None],
) -> None:
    asr = await remote.asr.get()
    with contextlib.closing(RemoteEngines(EngineConfig(), socket_path)) as other:
        other_asr = await other.asr.get()
        work = []
        owners = ((asr, "first"), (asr, "first"), (asr, "first"), (other_asr, "second"))
        for number, (each, owner) in enumerate(owners, start=1):
            work.append(asyncio.create_task(transcribe(each, owner=owner)))
            await until(lambda n=number: shared.scheduler.stats().queued[Priority.FINAL] == n)  # type: ignore[misc]
        turns = [call.owner for call in _in_turn(shared)]
        busy()
        await asyncio.gather(*work)
    assert turns == ["first", "second", "first", "first"]


def _in_turn(shared: SharedEngines) -> list[Call[Any]]:
    """The waiting calls in the order in which they will run."""
    with shared.scheduler._lock:
        copy = FairQueue()
        for waiting in shared.scheduler._queue:
            copy.append(waiting)
    calls = []
    while (call := copy.take((), 100)) is not None:
        calls.append(call)
    return calls


async def test_the_guard_and_the_observer_see_calls_of_the_other_process(
    remote: RemoteEngines,
) -> None:
    asr, voice = await remote.asr.get(), await remote.tts.get()
    records: list[CallRecord] = []
    remote.scheduler.observer = records.append
    await transcribe(asr)
    await speak(voice)
    assert [(r.engine, r.outcome) for r in records] == [("asr", "done"), ("tts", "done")]
    remote.scheduler.guard = lambda engine: engine != "tts"
    with pytest.raises(EngineUnavailable):
        await speak(voice)
    assert await transcribe(asr)


async def test_errors_there_are_the_same_errors_here(
    remote: RemoteEngines, shared: SharedEngines
) -> None:
    asr = await remote.asr.get()
    for error in (QueueFull("full of others"), EngineUnavailable("left alone"), Superseded("late")):

        def refuse(_: str, error: Exception = error) -> bool:
            raise error

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(shared.scheduler, "guard", refuse)
            with pytest.raises(type(error), match=str(error)):
                await transcribe(asr)


async def test_a_model_that_is_not_there_is_replaced_and_a_notice_says_so(
    server: SpeechServer, socket_path: Path
) -> None:
    config = EngineConfig(asr="demo", voice="demo")
    with contextlib.closing(RemoteEngines(config, socket_path)) as engines:
        shared = engines.recogniser("no-such-model")
        asr = await shared.get()
        assert asr.facts.name == "demo"
        assert "no-such-model" in shared.problem
        assert shared.problem.endswith("The default recogniser takes its place.")
        assert shared.problem.count("takes its place") == 1


async def test_models_are_held_as_long_as_a_client_uses_them(
    remote: RemoteEngines, shared: SharedEngines
) -> None:
    before = shared.asr.users
    await remote.asr.get()
    assert shared.asr.users == before + 1
    remote.close()
    await until(lambda: shared.asr.users == before)


async def test_the_state_of_the_server_is_known(
    remote: RemoteEngines, server: SpeechServer
) -> None:
    assert remote.elsewhere.problem
    asr = await remote.asr.get()
    await transcribe(asr)
    assert remote.elsewhere.problem == ""
    assert remote.elsewhere.memory.process_bytes > 2**20
    await until(lambda: remote.status is not None and remote.status.clients == 1)
    status = remote.status
    assert status is not None
    assert {model.role for model in status.models} >= {"asr", "voice"}
    assert status.loads["asr"] == 1
    assert (status.pid, status.slots) == (server.status.pid, server.status.slots)


async def test_after_the_close_nothing_is_left_and_calls_fail_at_once(
    server: SpeechServer, socket_path: Path, no_leaks: None
) -> None:
    engines = RemoteEngines(EngineConfig(), socket_path)
    asr, voice = await engines.asr.get(), await engines.tts.get()
    pieces = voice.synthesize(SENTENCE, owner="room")
    await anext(pieces)
    await pieces.aclose()
    await transcribe(asr)
    await asyncio.to_thread(engines.close)
    with pytest.raises(EngineLost, match="closed"):
        await transcribe(asr)
    await until(lambda: server.clients == 0)


async def test_a_server_that_ends_fails_the_work_in_flight_and_is_found_again(
    shared: SharedEngines,
    socket_path: Path,
    busy: Callable[[], None],
    no_leaks: None,
) -> None:
    with contextlib.closing(RemoteEngines(EngineConfig(), socket_path)) as engines:
        with contextlib.ExitStack() as stack:
            stack.enter_context(served(shared, socket_path))
            asr = await engines.asr.get()
            work = asyncio.create_task(transcribe(asr))
            await until(lambda: shared.scheduler.stats().queued[Priority.FINAL] == 1)
            await asyncio.to_thread(stack.close)
        with pytest.raises(EngineLost, match="was lost"):
            await work
        assert shared.scheduler.stats().queued[Priority.FINAL] == 0
        busy()
        with pytest.raises(EngineLost, match="speech process at"):
            await transcribe(asr, queue_seconds=0.0)
        waiting = asyncio.create_task(transcribe(asr))
        with served(shared, socket_path):
            assert await waiting
            await asyncio.to_thread(engines.close)

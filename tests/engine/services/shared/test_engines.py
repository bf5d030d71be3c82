from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from livekit.agents.types import USERDATA_TIMED_TRANSCRIPT

from services.asr.config import ASRConfig, ASRLoadError, DecodeOptions
from services.asr.engine import StreamingASR
from services.asr.files import transcribe_file
from services.asr.interface import ASREngine
from services.asr.transcription import Transcription
from services.audio.samples import Samples
from services.inference import InferenceScheduler, InferenceTimeout, Priority, Run
from services.livekit_local import LocalTTS
from services.models import DEMO_ASR
from services.shared.config import EngineConfig
from services.shared.engines import SharedEngines
from services.shared.process_engines import (
    configure_shared,
    get_shared_asr,
    get_shared_tts,
    release_shared,
    shared_engines,
)
from tests.support.recordings import recording

PATIENCE_SECONDS = 60.0


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the demo recogniser that a test may break."""
    return Path(shutil.copytree(DEMO_ASR.folder, tmp_path / "model"))


@pytest.fixture
def other(model: Path) -> Iterator[SharedEngines]:
    """Models beside those that the other tests share."""
    speech = SharedEngines(EngineConfig(asr=str(model)))
    yield speech
    speech.close()
    speech.close()


def test_rooms_that_ask_at_once_get_one_recogniser_and_one_voice(shared: SharedEngines) -> None:
    found: list[tuple[int, int]] = []
    barrier = threading.Barrier(3)

    async def ask() -> None:
        barrier.wait(PATIENCE_SECONDS)
        asr, tts = await asyncio.gather(get_shared_asr(), get_shared_tts())
        found.append((id(asr), id(tts)))

    rooms = [threading.Thread(target=lambda: asyncio.run(ask())) for _ in range(3)]
    for room in rooms:
        room.start()
    for room in rooms:
        room.join(PATIENCE_SECONDS)
    assert found == [(id(shared.asr.peek()), id(shared.tts.peek()))] * 3
    assert (shared.asr.loads, shared.tts.loads) == (1, 1)


@pytest.mark.own_copy
@pytest.mark.parametrize("fault", ["truncated", "absent", "mismatched"])
def test_a_recogniser_that_cannot_be_used_is_replaced_by_the_demo_one(
    other: SharedEngines, model: Path, fault: str
) -> None:
    if fault == "truncated":
        (model / "model.bin").write_bytes((model / "model.bin").read_bytes()[:5000])
    elif fault == "absent":
        shutil.rmtree(model)
    else:
        file = model / "preprocessor_config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"feature_size": 128}))
    assert other.asr.get_blocking().facts.name == DEMO_ASR.name
    assert other.loaded["asr"].demo
    (notice,) = other.notices
    assert notice.endswith("The demo recogniser takes its place.")
    assert str(model) in notice


@pytest.mark.own_copy
@pytest.mark.parametrize(
    ("wanted", "used", "logged"), [("auto", 2.0, 2.0), ("full", None, 10.0), (5.0, 5.0, 5.0)]
)
def test_the_context_is_the_one_that_was_asked_for_and_stands_in_the_log(
    model: Path,
    caplog: pytest.LogCaptureFixture,
    wanted: float | Literal["auto", "full"],
    used: float | None,
    logged: float,
) -> None:
    speech = SharedEngines(EngineConfig(asr=str(model), context=wanted))
    with caplog.at_level("INFO", "services.shared"):
        assert speech.asr.get_blocking().facts.context_seconds == used
    (ready,) = [vars(r) for r in caplog.records if r.message == "model ready"]
    assert (ready["role"], ready["context_seconds"]) == ("asr", logged)
    speech.close()


def test_a_load_that_failed_is_tried_again(
    other: SharedEngines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object, **kwargs: object) -> StreamingASR:
        raise ASRLoadError("out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(StreamingASR, "load", broken)
        with pytest.raises(ASRLoadError, match="out of memory"):
            other.asr.get_blocking()
    assert other.asr.get_blocking().facts.name == "model"
    assert other.notices == []


def test_a_recogniser_that_hangs_is_replaced_and_rooms_go_on(
    other: SharedEngines, monkeypatch: pytest.MonkeyPatch
) -> None:
    hung = other.asr.get_blocking()
    replaced, let_go = threading.Event(), threading.Event()
    decode, load = StreamingASR.decode, StreamingASR.load

    def hang(
        self: StreamingASR, samples: Samples, options: DecodeOptions, run: Run, **times: float
    ) -> Transcription:
        if self is hung:
            let_go.wait(PATIENCE_SECONDS)
        return decode(self, samples, options, run)

    def load_anew(config: ASRConfig, *, scheduler: InferenceScheduler) -> StreamingASR:
        replaced.set()
        return load(config, scheduler=scheduler)

    def ask(engine: ASREngine, room: str, deadline_seconds: float) -> str:
        spoken = engine.transcribe(
            recording("turn_05").samples,
            owner=room,
            priority=Priority.FINAL,
            deadline_seconds=deadline_seconds,
        )
        return asyncio.run(spoken).text

    monkeypatch.setattr(StreamingASR, "decode", hang)
    monkeypatch.setattr(StreamingASR, "load", load_anew)
    try:
        with pytest.raises(InferenceTimeout):
            ask(hung, "unlucky", 0.1)
        assert replaced.wait(PATIENCE_SECONDS)
        fresh = other.asr.get_blocking()
        assert fresh is not hung
        assert other.scheduler.stats().written_off == 1
        assert ask(fresh, "another", PATIENCE_SECONDS) == "what time is it"
    finally:
        let_go.set()
    hung.close()


@pytest.mark.own_copy
@pytest.mark.parametrize("both_fit", [True, False])
async def test_a_reload_in_the_middle_of_a_reply_costs_none_of_its_sentences(
    other: SharedEngines, both_fit: bool
) -> None:
    voice = LocalTTS(engines=other, room="a")
    before = await other.tts.get()
    reply = voice.stream()
    async with reply, asyncio.timeout(PATIENCE_SECONDS):
        reply.push_text("It is ten past three. And then")
        frames = [(await anext(reply)).frame]
        await asyncio.to_thread(other.reload, both_fit=both_fit)
        assert other.tts.peek() is not before
        reply.push_text(" we leave. Goodbye.")
        reply.end_input()
        frames += [audio.frame async for audio in reply]
    await voice.aclose()
    words = [w for frame in frames for w in frame.userdata.get(USERDATA_TIMED_TRANSCRIPT, [])]
    said = "It is ten past three. And then we leave. Goodbye."
    assert [str(word).strip() for word in words] == said.split()


@pytest.mark.own_copy
async def test_a_file_is_heard_to_its_end_in_spite_of_a_reload(other: SharedEngines) -> None:
    asr = await other.asr.get()
    found = transcribe_file(
        recording("long_0").path,
        asr,
        await other.voice_activity.get(),
        options=DecodeOptions(),
    )
    ends: list[float] = []
    async with contextlib.aclosing(found), asyncio.timeout(PATIENCE_SECONDS):
        async for segment in found:
            if not ends:
                await asyncio.to_thread(other.reload, both_fit=False)
                assert other.asr.peek() is not asr
            ends.append(segment.end_seconds)
    # More than what was asked for before.
    assert len(ends) > asr.facts.workers + 2
    assert ends[-1] > recording("long_0").seconds - 10.0


@pytest.mark.own_copy
async def test_what_waits_in_the_queue_at_a_reload_is_heard(other: SharedEngines) -> None:
    asr = await other.asr.get()
    go_on = threading.Event()
    busy = [
        other.scheduler.submit(
            lambda _: go_on.wait(PATIENCE_SECONDS),
            engine="busy",
            owner="other",
            priority=Priority.FINAL,
            deadline_seconds=PATIENCE_SECONDS,
        )
        for _ in range(other.scheduler.stats().slots)
    ]
    waits = asyncio.create_task(
        asr.transcribe(
            recording("turn_05").samples,
            owner="room",
            priority=Priority.FINAL,
            deadline_seconds=PATIENCE_SECONDS,
        )
    )
    while not other.scheduler.stats().queued[Priority.FINAL]:
        await asyncio.sleep(0)
    await asyncio.to_thread(other.reload, both_fit=True)
    go_on.set()
    assert (await waits).text == "what time is it"
    assert all(future.result() for future in busy)
    # A failure would count for the circuit breaker of every room.
    assert not any(outcome == "failed" for _, _, outcome in other.scheduler.stats().outcomes)


def test_what_is_configured_is_what_everybody_shares(shared: SharedEngines) -> None:
    assert shared_engines() is shared
    another = SharedEngines()
    try:
        configure_shared(another)
        assert shared_engines() is another
        release_shared()
    finally:
        configure_shared(shared)
    assert another.asr.loads == 0
    assert shared_engines() is shared

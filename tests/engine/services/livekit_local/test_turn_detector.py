"""The end of a turn as the framework asks for it: when the answer comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest

from services.asr.events import ASREvent, ASREventKind
from services.audio.samples import Samples
from services.endpointing.acoustic import AcousticModel
from services.endpointing.verdict import WaitReason
from services.livekit_local import LocalSTT, LocalVAD
from services.livekit_local.turn_detector import LocalTurnDetector, LocalTurnStream
from services.models import DEFAULT_TURN, fitted_turn, resolve_turn
from services.shared.acoustic import ROLE
from services.shared.engines import SharedEngines
from services.vad.silero import VoiceActivityModel
from tests.support.frames import frames
from tests.support.people import person
from tests.support.recordings import recording, silence

PATIENCE_SECONDS = 60.0


@pytest.fixture
def vad(voice_activity: VoiceActivityModel) -> LocalVAD:
    return LocalVAD()


@pytest.fixture
async def stt(vad: LocalVAD) -> AsyncIterator[LocalSTT]:
    recogniser = LocalSTT(vad=vad)
    yield recogniser
    await recogniser.aclose()


@pytest.fixture
def detector(stt: LocalSTT, vad: LocalVAD) -> LocalTurnDetector:
    return LocalTurnDetector(stt, vad, complete_seconds=0.25, incomplete_seconds=60.0)


@pytest.fixture
async def turns(detector: LocalTurnDetector) -> AsyncIterator[LocalTurnStream]:
    stream = detector.stream()
    yield stream
    await stream.aclose()


def understood(stt: LocalSTT, text: str, language: str = "en") -> None:
    """The room's recogniser tells what it has understood so far."""
    for listener in tuple(stt._listeners):
        listener(ASREvent(ASREventKind.PREFLIGHT, text, language))


async def hear(vad: LocalVAD, *, silent_seconds: float, said: Samples | None = None) -> None:
    stream = vad.stream()
    said = recording("turn_05").samples if said is None else said
    audio = np.concatenate((said, silence(silent_seconds)))
    for piece in frames(audio):
        stream.push_frame(piece)
    stream.end_input()
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for _ in stream:
            pass


async def test_silence_that_has_lasted_long_enough_is_not_waited_for_again(
    vad: LocalVAD, stt: LocalSTT, detector: LocalTurnDetector, turns: LocalTurnStream
) -> None:
    assert detector.last_verdict is None
    await hear(vad, silent_seconds=1.0)
    understood(stt, "what time is it")
    answer = turns.predict()
    for _ in range(3):
        await asyncio.sleep(0)
    assert answer.done()
    assert answer.result().end_of_turn_probability == 1.0
    assert detector.last_verdict is not None
    assert detector.last_verdict.reason is WaitReason.COMPLETE


async def test_a_request_that_is_not_complete_is_waited_for(
    vad: LocalVAD, stt: LocalSTT, turns: LocalTurnStream
) -> None:
    await hear(vad, silent_seconds=1.0)
    understood(stt, "set a timer for")
    answer = turns.predict()
    await asyncio.sleep(0.05)
    assert not answer.done()
    understood(stt, "what time is it")
    async with asyncio.timeout(PATIENCE_SECONDS):
        await answer


async def test_words_are_judged_in_the_language_that_was_recognised(
    vad: LocalVAD, stt: LocalSTT, turns: LocalTurnStream
) -> None:
    await hear(vad, silent_seconds=1.0)
    understood(stt, "Ich möchte gerne einen", "de")
    answer = turns.predict()
    await asyncio.sleep(0.05)
    assert not answer.done()
    understood(stt, "Mach bitte das Licht an.", "de")
    async with asyncio.timeout(PATIENCE_SECONDS):
        await answer


async def test_speech_that_goes_on_takes_the_question_back(
    vad: LocalVAD, stt: LocalSTT, turns: LocalTurnStream
) -> None:
    await hear(vad, silent_seconds=0.3)
    understood(stt, "set a timer for")
    answer = turns.predict()
    turns.cancel_inference()
    assert answer.cancelled()


async def test_nobody_is_silent_while_speaking(vad: LocalVAD) -> None:
    spoken = recording("turn_05")
    middle = (spoken.speech_start_seconds + spoken.speech_end_seconds) / 2
    stream = vad.stream()
    for piece in frames(spoken.samples[: round(middle * 16_000)]):
        stream.push_frame(piece)
    stream.end_input()
    async with asyncio.timeout(PATIENCE_SECONDS):
        events = [event async for event in stream]
    assert events[-1].speaking
    assert vad.silent_since is None


@pytest.fixture
def acoustic(shared: SharedEngines, genuine_cache: Path) -> Iterator[None]:
    """The room's engines have the end-of-turn model."""
    file = resolve_turn(DEFAULT_TURN, cache=genuine_cache).file
    shared.acoustic.put(AcousticModel.load(fitted_turn(file, genuine_cache)))
    yield
    shared.acoustic.put(None)


@pytest.fixture
async def listening(stt: LocalSTT, vad: LocalVAD, acoustic: None) -> AsyncIterator[LocalTurnStream]:
    """A detector that hears the voice."""
    stream = LocalTurnDetector(
        stt, vad, complete_seconds=0.25, incomplete_seconds=60.0, acoustic=True
    ).stream()
    yield stream
    await stream.aclose()


ORDER = "Get me a small iced coffee with a lot of skim milk and some brown"
SOME_BROWN_SECONDS = 3.475
"""Of the recording of that order, which goes on with "sugar": up to the last word."""


async def test_a_voice_that_breaks_off_is_waited_for_and_one_that_ends_is_not(
    vad: LocalVAD, stt: LocalSTT, listening: LocalTurnStream
) -> None:
    order = person("coffee_15_3").samples
    await hear(vad, said=order[: round(SOME_BROWN_SECONDS * 16_000)], silent_seconds=1.0)
    understood(stt, f"{ORDER}.")
    broken_off = listening.predict()
    await asyncio.sleep(0.3)
    assert not broken_off.done()
    listening.cancel_inference()
    listening.flush()
    await hear(vad, said=order, silent_seconds=1.0)
    understood(stt, f"{ORDER} sugar.")
    async with asyncio.timeout(PATIENCE_SECONDS):
        await listening.predict()


async def test_while_the_model_is_out_of_service_the_words_decide(
    vad: LocalVAD, stt: LocalSTT, shared: SharedEngines, listening: LocalTurnStream
) -> None:
    shared.scheduler.guard = lambda engine: engine != ROLE
    try:
        order = person("coffee_15_3").samples
        await hear(vad, said=order[: round(SOME_BROWN_SECONDS * 16_000)], silent_seconds=1.0)
        understood(stt, f"{ORDER}.")
        async with asyncio.timeout(PATIENCE_SECONDS):
            await listening.predict()
    finally:
        shared.scheduler.guard = None


async def test_a_model_that_fails_costs_its_judgement_and_not_the_turn(
    vad: LocalVAD,
    stt: LocalSTT,
    listening: LocalTurnStream,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(_: AcousticModel, __: Samples) -> float:
        raise RuntimeError("the network broke")

    monkeypatch.setattr(AcousticModel, "probability", fail)
    await hear(vad, said=person("coffee_15_3").samples, silent_seconds=1.0)
    understood(stt, f"{ORDER} sugar.")
    async with asyncio.timeout(PATIENCE_SECONDS / 4):
        await listening.predict()
    assert "judging the voice failed" in caplog.text

"""Engines that fail in a conversation: one utterance or sentence is lost, never the call."""

from __future__ import annotations

import asyncio
import itertools
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

from agent.languages import ENGLISH
from agent.settings import Settings
from services.asr.config import ASRError, DecodeOptions
from services.asr.engine import StreamingASR
from services.asr.transcription import Transcription
from services.audio.samples import Samples
from services.inference import EngineUnavailable, Priority, Run
from services.tts.piper.voice import PiperVoice, Synthesis
from services.tts.types import Delivery, TTSError
from tests.room.conftest import Call, JoinRoom
from tests.support.word_errors import without_numbers

if TYPE_CHECKING:
    from agent.runtime.worker import Worker
    from services.shared.engines import SharedEngines


async def test_a_recogniser_that_raises_costs_one_utterance(
    join_room: JoinRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = await join_room()
    real = StreamingASR.decode

    def broken(
        self: StreamingASR, samples: Samples, options: DecodeOptions, run: Run, **times: float
    ) -> Transcription:
        raise ASRError("broken for the test")

    monkeypatch.setattr(StreamingASR, "decode", broken)
    await call.say_file("turn_15_kal16.wav")
    replies = await call.caller.wait_for_transcript(2, of_agent=True)
    assert replies[1] == ENGLISH.did_not_catch
    await call.caller.wait_for_silence()
    monkeypatch.setattr(StreamingASR, "decode", real)
    await call.say_file("pause_01_500ms.wav")
    heard = await call.caller.wait_for_transcript(1, of_agent=False)
    assert without_numbers(heard[0]) == without_numbers("what is forty two plus seventeen")
    assert call.caller.notices[0]["text"] == ENGLISH.did_not_catch


async def test_a_sentence_that_hangs_is_left_out_and_the_rest_is_spoken(
    join_room: JoinRoom, monkeypatch: pytest.MonkeyPatch, shared: SharedEngines
) -> None:
    call = await join_room()
    real = PiperVoice.speak
    ended = threading.Event()

    def speak(self: PiperVoice, sentence: str, *delivery: Delivery) -> Synthesis:
        synthesis = real(self, sentence, *delivery)
        if "local voice assistant" in sentence:
            monkeypatch.setattr(Synthesis, "step", hang)
        return synthesis

    def hang(self: Synthesis, run: Run) -> None:
        monkeypatch.setattr(Synthesis, "step", step)
        run.on_cancel(ended.set)
        ended.wait()
        run.check()

    step = Synthesis.step
    monkeypatch.setattr(PiperVoice, "speak", speak)
    await call.caller.send_text("who are you")
    replies = await call.caller.wait_for_transcript(2, of_agent=True)
    assert replies[1] == "I run on your own machine, and nothing leaves it."
    assert ended.is_set()
    assert shared.scheduler.stats().written_off == 0


async def test_without_a_voice_the_reply_comes_in_writing(
    join_room: JoinRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = await join_room()

    def broken(self: PiperVoice, sentence: str) -> Synthesis:
        raise TTSError("broken for the test")

    monkeypatch.setattr(PiperVoice, "speak", broken)
    await call.caller.send_text("what is two plus three")
    replies = await call.caller.wait_for_transcript(2, of_agent=True)
    assert "five" in replies[1].lower()


async def _notice(call: Call, number: int) -> str:
    """The sentence of that notice, once it is there."""
    async with asyncio.timeout(20.0):
        while len(call.caller.notices) < number:
            await asyncio.sleep(0.02)
    return str(call.caller.notices[number - 1]["text"])


async def test_a_recogniser_that_keeps_failing_is_left_alone_and_tried_again(
    join_room: JoinRoom,
    monkeypatch: pytest.MonkeyPatch,
    worker: Worker,
    shared: SharedEngines,
    settings: Settings,
) -> None:
    call = await join_room()
    real = StreamingASR.decode
    asked: list[int] = []

    def broken(
        self: StreamingASR, samples: Samples, options: DecodeOptions, run: Run, **times: float
    ) -> Transcription:
        asked.append(len(samples))
        raise ASRError("broken for the test")

    monkeypatch.setattr(StreamingASR, "decode", broken)
    # One utterance is decoded several times, and counts as one failure.
    failures = settings.limits.circuit_failures
    for utterance in range(1, failures + 1):
        assert worker.refusal == ""
        await call.say_file("turn_15_kal16.wav")
        notice = await _notice(call, utterance)
        assert notice == (ENGLISH.did_not_catch if utterance < failures else ENGLISH.cannot_hear)
    assert "recogniser" in worker.refusal
    before = len(asked)
    with pytest.raises(EngineUnavailable):
        await shared.asr.get_blocking().transcribe(
            np.ones(16_000, dtype=np.float32),
            owner="another",
            priority=Priority.FINAL,
            deadline_seconds=5.0,
        )
    assert len(asked) == before
    monkeypatch.setattr(StreamingASR, "decode", real)
    for number in itertools.count(failures + 1):
        await call.caller.wait_for_silence()
        await call.say_file("pause_01_500ms.wav")
        trial = asyncio.create_task(call.caller.wait_for_transcript(1, of_agent=False))
        refusal = asyncio.create_task(_notice(call, number))
        await asyncio.wait([trial, refusal], return_when=asyncio.FIRST_COMPLETED)
        refusal.cancel()
        if trial.done():
            break
        trial.cancel()
    heard = await trial
    assert without_numbers(heard[0]) == without_numbers("what is forty two plus seventeen")
    assert worker.refusal == ""

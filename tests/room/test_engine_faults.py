"""Engines that fail in a conversation: one utterance or sentence is lost, never the call."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from agent.phrases import DID_NOT_CATCH
from services.asr import ASRError, DecodeOptions, StreamingASR
from services.audio import Samples
from services.inference import Run
from services.piper_voice import PiperVoice, Speech
from services.transcription import Transcription
from tests.recordings import word_errors
from tests.room.conftest import JoinRoom

if TYPE_CHECKING:
    from services.shared import SharedSpeech


async def test_a_recogniser_that_raises_costs_one_utterance(
    join_room: JoinRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = await join_room()
    real = StreamingASR.decode

    def broken(
        self: StreamingASR, samples: Samples, options: DecodeOptions, run: Run
    ) -> Transcription:
        raise ASRError("broken for the test")

    monkeypatch.setattr(StreamingASR, "decode", broken)
    await call.say_file("turn_15_kal16.wav")
    replies = await call.caller.wait_for_transcript(2, of_agent=True)
    assert replies[1] == DID_NOT_CATCH
    await call.caller.wait_for_silence()
    monkeypatch.setattr(StreamingASR, "decode", real)
    await call.say_file("pause_01_500ms.wav")
    heard = await call.caller.wait_for_transcript(1, of_agent=False)
    assert word_errors(heard[0], "what is forty two plus seventeen") <= 1
    assert call.caller.notices[0]["text"] == DID_NOT_CATCH


async def test_a_sentence_that_hangs_is_left_out_and_the_rest_is_spoken(
    join_room: JoinRoom, monkeypatch: pytest.MonkeyPatch, shared: SharedSpeech
) -> None:
    call = await join_room()
    real = PiperVoice.speak
    ended = threading.Event()

    def speak(self: PiperVoice, sentence: str) -> Speech:
        speech = real(self, sentence)
        if "local voice assistant" in sentence:
            monkeypatch.setattr(Speech, "step", hang)
        return speech

    def hang(self: Speech, run: Run) -> None:
        monkeypatch.setattr(Speech, "step", step)
        run.on_cancel(ended.set)
        ended.wait()
        run.check()

    step = Speech.step
    monkeypatch.setattr(PiperVoice, "speak", speak)
    await call.caller.send_text("who are you")
    replies = await call.caller.wait_for_transcript(2, of_agent=True)
    assert replies[1] == "I run on your own machine, and nothing leaves it."
    assert ended.is_set()
    assert shared.desk.stats().written_off == 0

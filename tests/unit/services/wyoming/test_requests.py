from __future__ import annotations

import pytest
from wyoming.asr import Transcribe as Message
from wyoming.event import Event

from services.wyoming.errors import WyomingError
from services.wyoming.requests import AudioChunk, Transcribe, read_request


def test_names_and_terms_become_hotwords_without_the_useless_ones() -> None:
    sent = Message(
        transcript_names=["Kitchen lamp", " ", "x" * 1000, "Kitchen lamp"],
        transcript_terms=["thermostat", *(f"term {n}" for n in range(500))],
    ).event()
    sent.data["transcript_terms"] += [5, None]
    request = read_request(sent)
    assert isinstance(request, Transcribe)
    assert request.hotwords[:3] == ("Kitchen lamp", "thermostat", "term 0")
    assert len(request.hotwords) == 100


def test_the_payload_is_the_sound() -> None:
    data = {"rate": 16_000, "width": 2, "channels": 1, "timestamp": None, "audio": "not this"}
    request = read_request(Event("audio-chunk", data, b"1234"))
    assert isinstance(request, AudioChunk)
    assert request.audio == b"1234"


def test_events_of_other_services_mean_nothing_here() -> None:
    assert read_request(Event("run-pipeline", {"start_stage": "wake"})) is None


@pytest.mark.parametrize("rate", ["16000", 16_000.0, True, None, 10**30])
def test_the_form_of_the_sound_is_in_whole_numbers(rate: object) -> None:
    with pytest.raises(WyomingError, match="audio-start: rate") as error:
        read_request(Event("audio-start", {"rate": rate, "width": 2, "channels": 1}))
    assert error.value.code == "protocol"

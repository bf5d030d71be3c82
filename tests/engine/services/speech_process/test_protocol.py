"""The protocol as a client without manners meets it; docs/speech-process.md describes it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.inference import Priority
from services.shared.engines import SharedEngines
from services.speech_process import RemoteEngines, SpeechServer
from services.speech_process.client_session import MAX_REQUESTS
from services.speech_process.frames import MAX_HEADER_BYTES, MAX_PAYLOAD_BYTES, VERSION
from services.speech_process.session_answers import MAX_PHRASES
from services.speech_process.session_request import MAX_WINDOW
from services.tts.engine import StreamingTTS
from tests.engine.services.speech_process.test_remote import until
from tests.support.recordings import recordings
from tests.support.speech_server import RawClient, frame

LONG = "One two three four five, six seven eight nine ten, " * 12
"""A sentence that is computed clause by clause."""
TERMS: dict[str, Any] = {"owner": "room", "priority": 0, "deadline_seconds": 30}


@pytest.fixture
def raw(server: SpeechServer, socket_path: Path) -> Iterator[RawClient]:
    """Has said hello."""
    with RawClient(socket_path) as client:
        assert client.greet()["type"] == "hello"
        yield client


def broken(**header: Any) -> bytes:
    return frame(json.dumps(header).encode())


HOSTILE: dict[str, bytes] = {
    "no frame": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "an empty header": frame(b""),
    "a header too large": frame(b" " * (MAX_HEADER_BYTES + 1)),
    "a payload too large": (2).to_bytes(4, "little")
    + (MAX_PAYLOAD_BYTES + 1).to_bytes(4, "little")
    + b"{}",
    "no JSON": frame(b"{'type': 'ping'}"),
    "no text": frame(b"\xff\xfe\x00\x01"),
    "nested too deep": frame(b"[" * 60_000),
    "no object": frame(b"[]"),
    "no type": frame(b'{"id": 1}'),
    "a type that is no text": frame(b'{"type": {}, "id": 1}'),
    "an unknown type": broken(type="shutdown", id=1),
    "a pickle": broken(type="\x80\x04.", id=1),
    "no number": broken(type="ping"),
    "a number that is none": broken(type="ping", id="1"),
    "a truth for a number": broken(type="ping", id=True),
    "not a number": frame(b'{"type": "transcribe", "id": 1, "deadline_seconds": NaN}'),
    "an endless deadline": broken(type="transcribe", id=1, **{**TERMS, "deadline_seconds": 1e300}),
    "a deadline before now": broken(type="transcribe", id=1, **{**TERMS, "deadline_seconds": -1}),
    "an unknown priority": broken(type="transcribe", id=1, **{**TERMS, "priority": 7}),
    "the same number twice": broken(type="open", id=1, role="asr") * 2,
    "a second hello": broken(type="hello", id=1, versions=[1]),
}


@pytest.mark.parametrize("sent", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_client_that_breaks_the_protocol_loses_its_own_connection_only(
    raw: RawClient, socket_path: Path, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        RawClient(socket_path) as bystander,
        caplog.at_level(logging.INFO, "services.speech_process"),
    ):
        bystander.greet()
        raw.send_bytes(sent)
        raw.end_input()
        answers = []
        while answer := raw.read():
            answers.append(answer["type"])
        assert answers[-1:] == ["bye"]
        bystander.send(type="ping", id=1)
        assert bystander.read() == {"type": "result", "id": 1}
    (event,) = caplog.records
    assert event.getMessage() == "speech client broke the protocol: its connection is closed"


@pytest.mark.parametrize("whole", [b"\x05", frame(b'{"type": "ping", "id": 1}')[:-3]])
async def test_a_client_that_leaves_within_a_frame_costs_nothing(
    raw: RawClient, server: SpeechServer, whole: bytes
) -> None:
    raw.send_bytes(whole)
    raw.end_input()
    assert raw.read()["type"] == "bye"
    await until(lambda: server.clients == 0)


def test_a_client_of_another_version_learns_which_one_is_spoken(
    server: SpeechServer, socket_path: Path
) -> None:
    with RawClient(socket_path) as newer:
        answer = newer.greet(VERSION + 1, VERSION + 2)
        assert (answer["type"], answer["versions"]) == ("bye", [VERSION])
        assert newer.read() == {}
    with RawClient(socket_path) as both:
        assert both.greet(VERSION, VERSION + 1)["version"] == VERSION


async def test_a_server_of_another_version_is_named_in_the_error(
    server: SpeechServer, remote: RemoteEngines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.speech_process.link_connection.VERSION", VERSION + 1)
    remote.link.start()
    await until(lambda: f"this server speaks version {VERSION}" in remote.link.problem)


@pytest.mark.parametrize(
    ("request_header", "payload"),
    [
        ({"type": "transcribe", "encoding": "f32le", **TERMS}, b"abc"),
        ({"type": "transcribe", "encoding": "mp3", **TERMS}, b"ID3"),
        ({"type": "transcribe", **TERMS}, np.array([np.nan, 0.0], np.float32).tobytes()),
        ({"type": "transcribe", "options": {"hotwords": [1]}, **TERMS}, b""),
        ({"type": "synthesize", "text": 5, **TERMS}, b""),
        ({"type": "synthesize", "text": "a" * 20_000, **TERMS}, b""),
        ({"type": "synthesize", "text": "Hello.", "voices": "demo", **TERMS}, b""),
        ({"type": "open", "role": "kernel"}, b""),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_alone(
    raw: RawClient, request_header: dict[str, Any], payload: bytes
) -> None:
    raw.send(payload, id=1, **request_header)
    answer = raw.read()
    assert (answer["type"], answer["id"], answer["error"]) == ("error", 1, "request")
    raw.send(type="ping", id=2)
    assert raw.read() == {"type": "result", "id": 2}


def test_sixteen_bit_samples_are_heard_as_well(raw: RawClient) -> None:
    pcm = recordings("turn")[0].pcm
    raw.send(pcm.tobytes(), id=1, type="transcribe", encoding="s16le", **TERMS)
    assert raw.read()["text"]


def idle(shared: SharedEngines) -> bool:
    stats = shared.scheduler.stats()
    return not stats.running and not any(stats.queued.values())


async def test_a_voice_computes_no_further_than_the_client_has_asked_for(
    raw: RawClient, shared: SharedEngines, tts: StreamingTTS
) -> None:
    def computed() -> int:
        return shared.scheduler.stats().outcomes.get(("tts", Priority.FINAL, "done"), 0)

    before = computed()
    pieces = [piece async for piece in tts.synthesize(LONG, owner="room")]
    whole = computed() - before
    assert len(pieces) > 3
    raw.send(id=1, type="synthesize", text=LONG, window=1, **TERMS)
    assert raw.read()["type"] == "piece"
    raw.send(id=1, type="credit", pieces=2)
    assert [raw.read()["type"] for _ in range(2)] == ["piece"] * 2
    await until(lambda: idle(shared))
    assert computed() - before < 2 * whole
    raw.send(id=1, type="cancel")
    raw.send(id=2, type="ping")
    assert raw.read() == {"type": "result", "id": 2}


async def test_a_client_that_does_not_read_makes_the_server_keep_little(
    server: SpeechServer, socket_path: Path, shared: SharedEngines
) -> None:
    with RawClient(socket_path, receive_bytes=4096) as deaf:
        deaf.greet()
        for number in range(100):
            deaf.send(
                id=number,
                type="synthesize",
                text=LONG,
                window=10**9,
                **{**TERMS, "owner": f"room {number}"},
            )
        (session,) = server._sessions.values()
        written = session._writer.transport
        await until(lambda: written.get_write_buffer_size() > 2**20)
        await until(lambda: idle(shared))
        # The buffer's limit, and one frame that did not fit; a hundred replies are 20 times that.
        assert written.get_write_buffer_size() < 2 * 2**20
        assert MAX_WINDOW * 100 * 10_000 > 8 * 2**20
    await until(lambda: server.clients == 0)
    assert idle(shared)


def test_requests_beyond_the_limit_are_refused_as_by_a_full_queue(raw: RawClient) -> None:
    for number in range(MAX_REQUESTS + 1):
        # Each waits for a reader who takes its sound.
        raw.send(id=number, type="synthesize", text="Hi.", window=0, **TERMS)
    refused = raw.read()
    assert (refused["id"], refused["error"]) == (MAX_REQUESTS, "queue full")
    assert refused["retryable"] is True


def test_phrases_that_are_kept_for_a_client_are_bounded(raw: RawClient) -> None:
    raw.send(id=1, type="remember", phrases=["Hi."] * (MAX_PHRASES + 1), **TERMS)
    assert raw.read()["error"] == "queue full"


async def test_a_client_that_goes_takes_its_work_with_it(
    server: SpeechServer, socket_path: Path, shared: SharedEngines, busy: Callable[[], None]
) -> None:
    samples = recordings("turn")[0].samples.tobytes()
    with RawClient(socket_path) as client:
        client.greet()
        for number in range(3):
            client.send(samples, id=number, type="transcribe", **TERMS)
        await until(lambda: shared.scheduler.stats().queued[Priority.FINAL] == 3)
    await until(lambda: shared.scheduler.stats().queued[Priority.FINAL] == 0)
    await until(lambda: server.clients == 0)


def test_a_request_that_is_cancelled_before_it_begins_is_forgotten(raw: RawClient) -> None:
    for number in range(2 * MAX_REQUESTS):
        both = ({"type": kind, "id": number} for kind in ("ping", "cancel"))
        raw.send_bytes(b"".join(frame(json.dumps(each).encode()) for each in both))
    raw.send(type="ping", id=-1)
    while (answer := raw.read())["id"] != -1:
        assert answer["type"] == "result"

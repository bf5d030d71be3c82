"""The audio API behind conversations: what streams, what waits, and what is given up."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import openai
import pytest
from numpy.typing import NDArray

from services.audio.encoding import SoundEncoder, sound_encoder
from services.inference import InferenceScheduler, Priority, Run
from services.shared.engines import SharedEngines
from services.tts.engine import StreamingTTS
from services.web.audio_api import speech
from services.web.http import server as http_server
from tests.support.audio_api import LIMITS, AudioApi, audio_api, form, until
from tests.support.recordings import recording

TEXT = "It is ten o'clock. It is half past three. It is seven in the evening. Good bye for now."


class HeldDesk:
    """Takes all inference threads, as conversations may, until it is released."""

    def __init__(self, scheduler: InferenceScheduler) -> None:
        self._scheduler = scheduler
        self._free = threading.Event()
        self.slots = scheduler.stats().slots
        self._calls: list[Future[bool]] = []

    def hold(self) -> None:
        """Have every thread taken as soon as its call ends; may be called again."""
        if self._calls:
            return
        self._calls = [
            self._scheduler.submit(
                lambda run: self._free.wait(60),
                engine="test",
                owner=f"room {number}",
                priority=Priority.FINAL,
                deadline_seconds=120,
            )
            for number in range(self.slots)
        ]

    def release(self) -> None:
        self._free.set()
        for call in self._calls:
            assert call.result(60)


@pytest.fixture
def desk(shared: SharedEngines) -> Iterator[HeldDesk]:
    desk = HeldDesk(shared.scheduler)
    yield desk
    desk.release()


@pytest.fixture
def api(shared: SharedEngines, tmp_path: Path) -> Iterator[AudioApi]:
    limits = replace(LIMITS, max_bytes=5_000_000, max_seconds=600, max_characters=10_000)
    with audio_api(shared, tmp_path, limits=limits, stall_seconds=2) as running:
        yield running


@pytest.fixture
def held_after_a_sentence(
    tts: StreamingTTS, desk: HeldDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the first sentence of a text nothing more can be computed."""
    monkeypatch.setattr(tts, "on_synthesis", lambda speech, compute: desk.hold())


def speech_request(api: AudioApi, **fields: object) -> bytes:
    sent = {"model": "tts-1", "voice": "alloy", "input": TEXT, "response_format": "pcm"}
    body = json.dumps({**sent, **fields}).encode()
    head = (
        f"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {api.key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@pytest.mark.usefixtures("held_after_a_sentence")
@pytest.mark.parametrize("name", ["pcm", "wav", "mp3", "opus", "aac", "flac"])
def test_the_first_sound_comes_before_the_rest_is_computed(
    api: AudioApi, desk: HeldDesk, name: str
) -> None:
    with (
        api.client() as client,
        client.audio.speech.with_streaming_response.create(
            model="tts-1",
            voice="alloy",
            input=TEXT,
            response_format=name,  # type: ignore[arg-type]
        ) as answer,
    ):
        pieces = answer.iter_bytes()
        first = b""
        while len(first) < 2000:
            first += next(pieces)
        assert api.requests == []
        desk.release()
        rest = b"".join(pieces)
    assert len(rest) > len(first)
    until(lambda: api.requests == [("speech", "200")])


@pytest.mark.usefixtures("held_after_a_sentence")
def test_speech_for_whoever_leaves_is_given_up(
    api: AudioApi, desk: HeldDesk, shared: SharedEngines
) -> None:
    with socket.create_connection(("127.0.0.1", api.server.port)) as peer:
        peer.sendall(speech_request(api))
        assert peer.recv(1000)
        until(lambda: waiting(shared) == 1)
    until(lambda: api.requests == [("speech", "cancelled")])
    until(lambda: waiting(shared) == 0)


class SlowEncoder:
    """An encoder whose steps take long, and which knows whether it was freed amid one."""

    def __init__(self, encoder: SoundEncoder, wait: Callable[[], object]) -> None:
        self._encoder = encoder
        self._wait = wait
        self._encoding = threading.Lock()
        self.began = threading.Event()
        self.freed: list[str] = []

    def encode(self, samples: NDArray[np.int16]) -> bytes:
        with self._encoding:
            self.began.set()
            self._wait()
            return self._encoder.encode(samples)

    def finish(self) -> bytes:
        with self._encoding:
            return self._encoder.finish()

    def close(self) -> None:
        self.freed.append("amid a step" if self._encoding.locked() else "between steps")
        with self._encoding:
            self._encoder.close()


def test_an_encoder_is_not_freed_while_it_encodes_for_whoever_leaves(
    api: AudioApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FFmpeg would write where nothing is any more, and the worker with all its calls be gone."""
    encoder = SlowEncoder(sound_encoder("mp3", 16_000), lambda: time.sleep(1))
    monkeypatch.setattr(speech, "sound_encoder", lambda name, rate: encoder)
    with socket.create_connection(("127.0.0.1", api.server.port)) as peer:
        peer.sendall(speech_request(api, response_format="mp3"))
        assert encoder.began.wait(60)
    until(lambda: api.requests == [("speech", "cancelled")])
    assert encoder.freed == ["between steps"]


def test_an_encoder_is_not_freed_while_it_encodes_at_the_end_of_the_server(
    shared: SharedEngines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    encoder = SlowEncoder(sound_encoder("mp3", 16_000), lambda: go_on.wait(60))
    monkeypatch.setattr(speech, "sound_encoder", lambda name, rate: encoder)
    monkeypatch.setattr(http_server, "SHUTDOWN_GRACE_SECONDS", 0.01)
    with (
        audio_api(shared, tmp_path) as api,
        socket.create_connection(("127.0.0.1", api.server.port)) as peer,
    ):
        peer.sendall(speech_request(api, response_format="mp3"))
        assert encoder.began.wait(60)
        # It waits for no request as long as that; the process ends in spite of its threads.
        api.server.stop(timeout_seconds=0.5)
        go_on.set()
        until(lambda: bool(encoder.freed))
    assert encoder.freed == ["between steps"]


@pytest.fixture
def failing_after_a_sentence(
    tts: StreamingTTS, shared: SharedEngines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the first sentence of a text the voice is out of use."""

    def fail(speech: float, compute: float) -> None:
        monkeypatch.setattr(shared.scheduler, "guard", lambda engine: False)

    monkeypatch.setattr(tts, "on_synthesis", fail)


@pytest.mark.usefixtures("failing_after_a_sentence")
def test_a_part_of_the_sound_is_not_taken_for_the_whole(
    api: AudioApi, caplog: pytest.LogCaptureFixture
) -> None:
    with api.client() as client, pytest.raises(openai.APIConnectionError):
        client.audio.speech.create(model="tts-1", voice="alloy", input=TEXT, response_format="pcm")
    until(lambda: api.requests == [("speech", "503")])
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.usefixtures("failing_after_a_sentence")
def test_an_error_in_the_middle_is_an_event_of_the_stream(api: AudioApi) -> None:
    with (
        api.client() as client,
        client.audio.speech.with_streaming_response.create(
            model="tts-1", voice="alloy", input=TEXT, stream_format="sse"
        ) as answer,
    ):
        events = [json.loads(line.removeprefix("data: ")) for line in answer.iter_lines() if line]
    assert [event["type"] for event in events[:-1]] == ["speech.audio.delta"] * (len(events) - 1)
    assert (events[-1]["type"], events[-1]["error"]["code"]) == ("error", "engine")


def test_whoever_does_not_read_is_given_up(api: AudioApi) -> None:
    with socket.socket() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.connect(("127.0.0.1", api.server.port))
        # Minutes of sound, more than any buffer takes.
        peer.sendall(speech_request(api, input=110 * TEXT, speed=0.5))
        until(lambda: api.requests == [("speech", "cancelled")])


def test_conversations_go_before_files_and_texts(
    api: AudioApi, desk: HeldDesk, shared: SharedEngines
) -> None:
    desk.hold()
    said = recording("turn_05")
    with ThreadPoolExecutor(2) as pool, api.client() as client:
        file = pool.submit(api.upload, said.path.read_bytes())
        text = pool.submit(client.audio.speech.create, model="tts-1", voice="alloy", input=TEXT)
        until(lambda: waiting(shared) == 2)
        all_begun = threading.Barrier(desk.slots)
        left: list[int] = []

        def converse(run: Run) -> None:
            all_begun.wait(60)
            left.append(waiting(shared))
            all_begun.wait(60)

        rooms = [
            shared.scheduler.submit(
                converse,
                engine="test",
                owner=f"late room {number}",
                priority=Priority.FINAL,
                deadline_seconds=120,
            )
            for number in range(desk.slots)
        ]
        desk.release()
        for room in rooms:
            room.result(60)
        assert left == [2] * desk.slots
        assert file.result(60).json()["text"] == said.text
        assert text.result(60).content


def test_a_file_that_waits_is_removed_when_its_sender_leaves(
    api: AudioApi, desk: HeldDesk, shared: SharedEngines
) -> None:
    desk.hold()
    body = form(recording("long_0").path.read_bytes(), {"model": "whisper-1", "stream": "true"})
    with socket.create_connection(("127.0.0.1", api.server.port)) as peer:
        peer.sendall(api.head(len(body)) + body)
        until(lambda: waiting(shared) >= 1)
        assert api.files.stats().count == 1
    until(lambda: api.requests == [("transcriptions", "cancelled")])
    assert (waiting(shared), api.files.stats().count) == (0, 0)


def waiting(shared: SharedEngines) -> int:
    """Calls of the last class that have not begun."""
    return shared.scheduler.stats().queued[Priority.BATCH]

"""Files handed in over HTTP for transcription."""

from __future__ import annotations

import contextlib
import io
import socket
import struct
import time
import wave
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import numpy as np
import pytest

from services.asr.engine import StreamingASR
from services.host.temp_files import TempFiles
from services.vad.silero import VoiceActivityModel
from services.web.http.guard import Guard
from services.web.http.server import WebServer
from services.web.routes.admin import AdminAccess
from services.web.routes.transcribe import MOST_UPLOADS, TranscribeRoute
from tests.support.recordings import SAMPLE_RATE, recording
from tests.support.web_client import Answer, fetch
from tests.support.word_errors import word_errors

_TOKEN = "a token of more than sixteen characters"


Serve = Callable[..., WebServer]
"""`serve(max_seconds=10)` starts a server with such limits."""


@pytest.fixture
def serve(asr: StreamingASR, voice_activity: VoiceActivityModel, tmp_path: Path) -> Iterator[Serve]:
    async def engines() -> tuple[StreamingASR, VoiceActivityModel]:
        return asr, voice_activity

    with contextlib.ExitStack() as stack, TempFiles(tmp_path) as files:

        def start(**limits: float) -> WebServer:
            access = AdminAccess(_TOKEN, Guard())
            route = TranscribeRoute(access, engines, files.file, **limits)  # type: ignore[arg-type]
            server = WebServer("127.0.0.1", 0, [route])
            server.start()
            stack.callback(server.stop)
            return server

        yield start
        stack.close()
        assert files.stats().count == 0


@pytest.fixture
def server(serve: Serve) -> WebServer:
    return serve(max_bytes=500_000, max_seconds=10, piece_seconds=3, upload_seconds=300)


def _send(server: WebServer, body: bytes, token: str = _TOKEN, query: str = "") -> Answer:
    return fetch(
        server,
        f"/api/transcribe{query}",
        method="POST",
        headers={"X-Admin-Token": token},
        body=body,
    )


def test_a_file_is_written_down(server: WebServer) -> None:
    said = recording("pause_01")
    answer = _send(server, said.path.read_bytes())
    assert answer.status == 200
    text = " ".join(segment["text"] for segment in answer.json()["segments"])
    assert word_errors(text, said.text) <= 1


def test_words_subtitles_and_speakers_come_when_asked_for(server: WebServer) -> None:
    said = recording("turn_05")
    body = said.path.read_bytes()
    (segment,) = _send(server, body, query="?words=true").json()["segments"]
    assert " ".join(word["word"] for word in segment["words"]) == segment["text"] == said.text
    srt = _send(server, body, query="?format=srt")
    assert (srt.headers["Content-Type"].split(";")[0], said.text in srt.body.decode()) == (
        "application/x-subrip",
        True,
    )
    wav = io.BytesIO()
    with wave.open(wav, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.stack([said.pcm, np.zeros_like(said.pcm)], axis=1).tobytes())
    vtt = _send(server, wav.getvalue(), query="?format=vtt&speakers=Ada,Ben").body.decode()
    assert vtt.startswith("WEBVTT\n\n")
    assert vtt.endswith(f"<v Ada>{said.text}\n")


def test_channels_that_cancel_each_other_are_told_of(server: WebServer) -> None:
    said = recording("turn_05")
    wav = io.BytesIO()
    with wave.open(wav, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.stack([said.pcm, -said.pcm], axis=1).tobytes())
    answer = _send(server, wav.getvalue()).json()
    assert [segment["text"] for segment in answer["segments"]] == [said.text]
    assert "cancel each other" in answer["notices"][0]


@pytest.mark.parametrize("query", ["format=doc", "words=perhaps", "speakers=Ada", "speakers=,"])
def test_a_query_that_makes_no_sense_is_told_before_the_upload(
    server: WebServer, query: str
) -> None:
    answer = _send(server, b"x", query=f"?{query}")
    assert (answer.status, answer.json()["error"]["code"]) == (400, query.split("=")[0])


def test_nobody_gets_in_without_the_token(server: WebServer) -> None:
    assert _send(server, b"x", token="something else altogether").status == 401


def test_what_is_no_audio_is_told(server: WebServer) -> None:
    answer = _send(server, b"this is no audio file at all")
    assert answer.status == 422
    assert "audio file" in answer.json()["error"]["message"]


def test_a_file_that_is_too_big_is_refused(server: WebServer) -> None:
    assert _send(server, b"RIFF" + bytes(600_000)).status == 413


def test_audio_that_is_too_long_is_refused(server: WebServer) -> None:
    silence = recording("long_0").path.read_bytes()[:480_000]
    assert _send(server, silence).status == 413


def test_one_file_at_a_time(server: WebServer) -> None:
    body = recording("long_0").path.read_bytes()[:280_000]
    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(a.status for a in pool.map(lambda _: _send(server, body), range(4)))
    assert statuses[0] == 200
    assert set(statuses) <= {200, 429}
    assert statuses[-1] == 429


def _wav(rate: int, seconds: float, *, told_seconds: float | None = None) -> bytes:
    """Silence; its header may tell of another length."""
    frames = round(rate * seconds)
    data = 2 * round(rate * (seconds if told_seconds is None else told_seconds))
    form = struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16)
    head = b"RIFF" + struct.pack("<I", 36 + data) + b"WAVEfmt " + form
    head += b"data" + struct.pack("<I", data)
    return head + bytes(2 * frames)


def test_silence_counts_as_any_other_sound(server: WebServer) -> None:
    flac = io.BytesIO()
    with av.open(flac, "w", format="flac") as container:
        stream = container.add_stream("flac", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), layout="mono")
        frame.sample_rate = 8000
        for _ in range(11):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    told = bytearray(flac.getvalue())
    untold = told.copy()
    # Of how many samples there are, as a recorder that writes into a pipe leaves it.
    untold[21] &= 0xF0
    untold[22:26] = bytes(4)
    assert _send(server, bytes(told)).status == 413
    answer = _send(server, bytes(untold))
    assert answer.status == 413
    assert "TRANSCRIBE_MAX_SECONDS" in answer.json()["error"]["message"]


@pytest.mark.parametrize(("rate", "status"), [(1, 413), (7, 413), (999, 422)])
def test_a_rate_that_nobody_speaks_at_is_refused(server: WebServer, rate: int, status: int) -> None:
    assert _send(server, _wav(rate, 10_000 / rate if status == 413 else 1)).status == status


def test_a_header_that_tells_of_less_sound_does_not_help(server: WebServer) -> None:
    assert _send(server, _wav(8000, 25, told_seconds=0)).status in (413, 422)


def test_whoever_sends_nothing_more_keeps_nobody_out(server: WebServer) -> None:
    said = recording("pause_01")
    head = _head(100_000)
    with socket.create_connection(("127.0.0.1", server.port), 30) as stalled:
        stalled.sendall(head + bytes(100))
        assert _send(server, said.path.read_bytes()).status == 200
        assert b" 408 " in stalled.recv(100)
    others = [socket.create_connection(("127.0.0.1", server.port), 30) for _ in range(MOST_UPLOADS)]
    for other in others:
        other.sendall(head + bytes(100))
    statuses = {_send(server, said.path.read_bytes()).status for _ in range(3)}
    assert statuses <= {200, 429}
    assert all(b" 408 " in other.recv(100) for other in others)
    assert _send(server, said.path.read_bytes()).status == 200


def test_a_file_that_comes_too_slowly_is_given_up(serve: Serve) -> None:
    server = serve(max_bytes=500_000, max_seconds=10, piece_seconds=300, upload_seconds=1)
    with socket.create_connection(("127.0.0.1", server.port), 30) as slow:
        slow.sendall(_head(100_000) + bytes(100))
        assert b" 408 " in slow.recv(100)


def test_a_file_that_breaks_off_leaves_no_trace(
    server: WebServer, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as peer:
        peer.sendall(_head(100_000))
    assert _send(server, b"rubbish").status == 422
    assert not [record for record in caplog.records if record.exc_info]


def test_a_compressed_file_is_refused_at_once_and_keeps_no_place(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve(max_bytes=500_000, max_seconds=10, piece_seconds=300, upload_seconds=300)
    for _ in range(MOST_UPLOADS + 1):
        for encoding in ("gzip", "deflate"):
            headers = {"X-Admin-Token": _TOKEN, "Content-Encoding": encoding}
            body = b"rubbish" * 100
            answer = fetch(server, "/api/transcribe", method="POST", headers=headers, body=body)
            # The library itself refuses it where head and body come in one piece.
            assert answer.status in (400, 415)
    assert _send(server, b"rubbish").status == 422
    assert not [record for record in caplog.records if record.exc_info]


def test_whoever_leaves_has_the_work_given_up(serve: Serve) -> None:
    server = serve(max_bytes=30_000_000, max_seconds=1_000_000)
    # Hours of silence, which take minutes.
    body = _wav(1000, 14_000_000 / 1000)
    with socket.create_connection(("127.0.0.1", server.port)) as peer:
        peer.sendall(_head(len(body)) + body)
        _until(lambda: _code(_send(server, b"rubbish")) == "transcribing")
    _until(lambda: _code(_send(server, b"rubbish")) == "audio")


def _head(length: int) -> bytes:
    return (
        f"POST /api/transcribe HTTP/1.1\r\nHost: localhost\r\nX-Admin-Token: {_TOKEN}\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()


def _code(answer: Answer) -> str:
    code: str = answer.json()["error"]["code"]
    return code


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        # The route takes two requests a second for long.
        time.sleep(0.5)

"""Files handed in over HTTP for transcription."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from services.asr import StreamingASR
from services.temp_files import TempFiles
from services.voice_activity import VoiceActivityModel
from services.web.admin import AdminAccess
from services.web.guard import Guard
from services.web.server import WebServer
from services.web.transcribe import TranscribeRoute
from tests.recordings import recording, word_errors
from tests.unit.web_client import Answer, fetch

_TOKEN = "a token of more than sixteen characters"


@pytest.fixture
def server(
    asr: StreamingASR, voice_activity: VoiceActivityModel, tmp_path: Path
) -> Iterator[WebServer]:
    async def engines() -> tuple[StreamingASR, VoiceActivityModel]:
        return asr, voice_activity

    with TempFiles(tmp_path) as files:
        route = TranscribeRoute(
            AdminAccess(_TOKEN, Guard()), engines, files.file, max_bytes=500_000, max_seconds=10
        )
        server = WebServer("127.0.0.1", 0, [route])
        server.start()
        yield server
        assert files.stats().count == 0
        server.stop()


def _send(server: WebServer, body: bytes, token: str = _TOKEN) -> Answer:
    return fetch(
        server, "/api/transcribe", method="POST", headers={"X-Admin-Token": token}, body=body
    )


def test_a_file_is_written_down(server: WebServer) -> None:
    said = recording("pause_01")
    answer = _send(server, said.path.read_bytes())
    assert answer.status == 200
    text = " ".join(segment["text"] for segment in answer.json()["segments"])
    assert word_errors(text, said.text) <= 1


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

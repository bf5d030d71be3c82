"""Files that reach the audio API: broken, false, too large, too slow, or given up."""

from __future__ import annotations

import contextlib
import io
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from services.shared.engines import SharedEngines
from services.web.audio_api.form import FIELD_BYTES, MOST_FIELDS, FormReader
from tests.support.audio_api import (
    BOUNDARY,
    FORM_TYPE,
    LIMITS,
    AudioApi,
    audio_api,
    form,
    silent_wav,
    until,
)
from tests.support.recordings import recording
from tests.support.web_client import Answer

Serve = Callable[..., AudioApi]
"""`serve(limits, reader=…)` starts a server."""


@pytest.fixture
def serve(shared: SharedEngines, tmp_path: Path) -> Iterator[Serve]:
    with contextlib.ExitStack() as stack:

        def start(**options: Any) -> AudioApi:
            return stack.enter_context(audio_api(shared, tmp_path, **options))

        yield start


@pytest.fixture
def api(serve: Serve) -> AudioApi:
    return serve()


def _code(answer: Answer) -> tuple[int, str]:
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"].endswith(".")
    return answer.status, error["code"]


def test_what_is_no_audio_is_told(api: AudioApi) -> None:
    said = recording("pause_01").path.read_bytes()
    for audio in (b"this is no audio file at all", b"", said[:20], b"<html>" * 100):
        assert _code(api.upload(audio)) == (400, "bad_audio")


def test_a_truncated_file_gives_the_words_that_are_there(api: AudioApi) -> None:
    said = recording("turn_05")
    answer = api.upload(said.path.read_bytes()[:-1000])
    assert (answer.status, answer.json()["text"]) == (200, said.text)


def test_a_file_that_is_too_big_is_refused(api: AudioApi) -> None:
    assert _code(api.upload(b"RIFF" + bytes(LIMITS.max_bytes))) == (413, "too_big")
    assert _code(api.upload(b"RIFF" + bytes(2 * LIMITS.max_bytes))) == (413, "too_big")


def test_audio_that_is_too_long_is_refused(api: AudioApi) -> None:
    assert _code(api.upload(silent_wav(8000, 12))) == (413, "too_long")


def test_silence_counts_as_any_other_sound(api: AudioApi) -> None:
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
    assert _code(api.upload(bytes(told))) == (413, "too_long")
    assert _code(api.upload(bytes(untold))) == (413, "too_long")


@pytest.mark.parametrize(("rate", "status"), [(1, 413), (7, 413), (999, 400)])
def test_a_rate_that_nobody_speaks_at_is_refused(api: AudioApi, rate: int, status: int) -> None:
    assert api.upload(silent_wav(rate, 10_000 / rate if status == 413 else 1)).status == status


def test_a_header_that_tells_of_less_sound_does_not_help(api: AudioApi) -> None:
    assert api.upload(silent_wav(8000, 25, told_seconds=0)).status in (400, 413)


@pytest.mark.parametrize(
    ("content_type", "code"),
    [
        ("application/json", "not_a_form"),
        ("audio/wav", "not_a_form"),
        ("multipart/mixed; boundary=x", "not_a_form"),
        ("multipart/form-data", "bad_form"),
        (f"multipart/form-data; boundary={'x' * 71}", "bad_form"),
        ("multipart/form-data; boundary=another", "bad_form"),
    ],
)
def test_what_is_no_form_is_refused(api: AudioApi, content_type: str, code: str) -> None:
    body = form(recording("turn_05").path.read_bytes(), {"model": "whisper-1"})
    answer = api.post("audio/transcriptions", body, content_type=content_type)
    assert _code(answer) == (415 if code == "not_a_form" else 400, code)


def _part(head: str, value: str = "x") -> str:
    return f"--{BOUNDARY}\r\n{head}\r\n\r\n{value}\r\n"


HOSTILE_FORMS = {
    "no file": _part('Content-Disposition: form-data; name="model"'),
    "many fields": _part('Content-Disposition: form-data; name="n"') * (MOST_FIELDS + 1),
    "large fields": _part('Content-Disposition: form-data; name="n"', "x" * (FIELD_BYTES + 1)),
    "a huge header": _part(f'Content-Disposition: form-data; name="n"\r\nX: {"y" * 100_000}'),
    "many headers": _part("X: y\r\n" * 1000 + 'Content-Disposition: form-data; name="n"'),
    "nested": _part("Content-Type: multipart/mixed; boundary=x", "--x\r\n\r\n\r\n--x--"),
    "two files": _part('Content-Disposition: form-data; name="file"; filename="a"') * 2,
    "no UTF-8": "--" + BOUNDARY + '\r\nContent-Disposition: form-data; name="n"\r\n\r\n\udcff\r\n',
    "no end": f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"\r\n\r\nx',
    "only an end": "",
    "text before": "x" * 400_000 + "\r\n",
}


@pytest.mark.parametrize("kind", HOSTILE_FORMS)
def test_a_hostile_form_is_one_clear_error(
    api: AudioApi, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    text = HOSTILE_FORMS[kind]
    end = "" if kind == "no end" else f"--{BOUNDARY}--\r\n"
    body = (text + end).encode("utf-8", "surrogateescape")
    status, code = _code(api.post("audio/transcriptions", body, content_type=FORM_TYPE))
    assert (status, code) in {(400, "bad_form"), (400, "no_file"), (413, "too_big")}
    assert not [record for record in caplog.records if record.exc_info]
    assert api.upload(recording("turn_05").path.read_bytes()).status == 200


def test_a_compressed_body_is_refused_at_once_and_keeps_no_place(serve: Serve) -> None:
    api = serve(reader=FormReader(piece_seconds=300, upload_seconds=300))
    body = b"rubbish" * 100
    with socket.create_connection(("127.0.0.1", api.server.port), 30) as peer:
        head = api.head(len(body)).replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n")
        peer.sendall(head + body)
        assert peer.recv(100).split()[1] in (b"400", b"415")
    assert _code(api.upload(b"rubbish")) == (400, "bad_audio")


def test_whoever_sends_nothing_more_keeps_a_place_only_for_a_while(serve: Serve) -> None:
    api = serve(reader=FormReader(piece_seconds=3, upload_seconds=300))
    start = form(bytes(100_000), {"model": "whisper-1"})[:1000]
    at_once = (LIMITS.requests_at_once + 1) // 2
    with contextlib.ExitStack() as stack:
        stalled = [
            stack.enter_context(socket.create_connection(("127.0.0.1", api.server.port), 30))
            for _ in range(at_once)
        ]
        for peer in stalled:
            peer.sendall(api.head(100_000) + start)
        for peer in stalled:
            assert b" 408 " in peer.recv(100)
    assert api.upload(recording("turn_05").path.read_bytes()).status == 200


def test_a_file_that_comes_too_slowly_is_given_up(serve: Serve) -> None:
    api = serve(reader=FormReader(piece_seconds=300, upload_seconds=1))
    with socket.create_connection(("127.0.0.1", api.server.port), 30) as slow:
        slow.sendall(api.head(100_000) + form(b"", {})[:100])
        assert b" 408 " in slow.recv(100)


def test_more_requests_than_places_are_told_to_come_back(serve: Serve) -> None:
    api = serve(reader=FormReader(piece_seconds=300, upload_seconds=300))
    other = api.keys.add("other")
    said = recording("turn_05").path.read_bytes()
    of_one_key = LIMITS.requests_at_once // 2
    with contextlib.ExitStack() as stack:

        def take_places(key: str, taken: int) -> None:
            for _ in range(of_one_key):
                place = socket.create_connection(("127.0.0.1", api.server.port), 30)
                stack.enter_context(place).sendall(api.head(100_000, key=key))
            until(lambda: api.files.stats().count == taken)

        for number, key in enumerate((api.key, other), start=1):
            take_places(key, number * of_one_key)
            refused = api.upload(said, key)
            assert _code(refused) == (429, "too_many_requests")
            assert int(refused.headers["Retry-After"]) > 0
        # All places are taken now, even for a key that has none.
        assert api.upload(said, api.keys.add("late")).status == 429
    until(lambda: api.files.stats().count == 0)
    assert api.upload(said).status == 200


def test_a_file_that_breaks_off_leaves_no_trace(
    api: AudioApi, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_connection(("127.0.0.1", api.server.port)) as peer:
        peer.sendall(api.head(100_000) + form(b"x", {})[:50])
    assert _code(api.upload(b"rubbish")) == (400, "bad_audio")
    until(lambda: api.files.stats().count == 0)
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize("stream", ["false", "true"])
def test_whoever_leaves_has_the_work_given_up(serve: Serve, stream: str) -> None:
    api = serve(limits=replace(LIMITS, max_bytes=30_000_000, max_seconds=1_000_000))
    # Hours of silence, which take minutes.
    body = form(silent_wav(1000, 14_000), {"model": "whisper-1", "stream": stream})
    with socket.create_connection(("127.0.0.1", api.server.port)) as peer:
        peer.sendall(api.head(len(body)) + body)
        until(lambda: api.files.stats().bytes >= 28_000_000)
    until(lambda: ("transcriptions", "cancelled") in api.requests)
    assert api.files.stats().count == 0

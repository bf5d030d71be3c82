"""What reaches the Wyoming server: any bytes, and events of any content."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wyoming.event import Event

from services.shared.engines import SharedEngines
from services.wyoming.errors import WyomingError
from services.wyoming.requests import read_request
from services.wyoming.server import WyomingServer
from tests.fuzz.inputs import JSON, damaged

WAIT_SECONDS = 10.0
REQUEST = (
    b'{"type": "transcribe", "data": {"language": "en"}}\n'
    b'{"type": "audio-start", "data_length": 47}\n{"rate": 16000, "width": 2, "channels": 1     }'
    b'{"type": "audio-chunk", "data": {"rate": 16000, "width": 2, "channels": 1}, '
    b'"payload_length": 4}\n\x01\x02\x03\x04'
    b'{"type": "audio-stop"}\n{"type": "synthesize-start"}\n{"type": "ping"}\n'
)
KINDS = (
    *("describe", "ping", "transcribe", "audio-start", "audio-chunk", "audio-stop"),
    *("synthesize", "synthesize-start", "synthesize-chunk", "synthesize-stop", "info", ""),
)
FIELDS = (
    *("text", "language", "name", "voice", "rate", "width", "channels", "text_format"),
    *("transcript_names", "transcript_terms", "audio"),
)


class Faults(logging.Handler):
    """Keeps every line with a traceback."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self.records.append(record)


@pytest.fixture(scope="module")
def server(shared: SharedEngines) -> Iterator[WyomingServer]:
    server = WyomingServer(shared, "127.0.0.1", 0, name="agent")
    server.start()
    faults = Faults()
    logging.getLogger().addHandler(faults)
    yield server
    logging.getLogger().removeHandler(faults)
    server.stop()
    assert not faults.records


@given(data=st.one_of(damaged(REQUEST), st.binary(max_size=200)))
def test_any_bytes_are_answered_by_events_or_the_end(server: WyomingServer, data: bytes) -> None:
    with (
        contextlib.suppress(ConnectionError),
        socket.create_connection(("127.0.0.1", server.port), WAIT_SECONDS) as peer,
    ):
        peer.sendall(data)
        peer.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: peer.recv(65536), b""))
        if answer:
            assert json.loads(answer.partition(b"\n")[0])["type"]


@given(
    kind=st.sampled_from(KINDS),
    data=st.dictionaries(st.sampled_from(FIELDS), JSON),
    payload=st.none() | st.binary(max_size=20),
)
def test_any_event_is_a_request_or_refused(
    kind: str, data: dict[str, object], payload: bytes | None
) -> None:
    with contextlib.suppress(WyomingError):
        read_request(Event(kind, data, payload))

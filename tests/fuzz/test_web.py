"""What reaches the web server: any bytes, any headers, any JSON."""

from __future__ import annotations

import contextlib
import http.client
import json
import logging
import socket
from collections.abc import Iterator

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from agent.settings import Settings, SettingsError
from agent.settings.network import WebSettings
from services.livekit_server.credentials import LiveKitCredentials
from services.web.app import web_server
from services.web.audio_api.form import FormReader
from services.web.http.addresses import AddressError, read_host, read_network, read_origin
from services.web.http.server import WebServer
from services.web.routes.status import AgentStatus
from tests.fuzz.inputs import DEEP_JSON, JSON, changed, damaged
from tests.support.audio_api import FORM_TYPE, form
from tests.support.web_client import fetch

LIVEKIT = LiveKitCredentials("ws://127.0.0.1:7880", "key", "s" * 40)
WAIT_SECONDS = 10.0
ROUTES = ("/", "/api/token", "/api/dispatch", "/api/status", "/api/config", "/assets/x", "/api/x")
REQUEST = (
    b"POST /api/token HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n"
    b"Content-Type: application/json; charset=utf-8\r\nContent-Encoding: identity\r\n"
    b'Content-Length: 15\r\nConnection: close\r\n\r\n{"name": "Zoe"}'
)


FORM = form(b"sound", {"model": "whisper-1", "language": "en"})


class Faults(logging.Handler):
    """Keeps every line with a traceback."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self.records.append(record)


@pytest.fixture(scope="module")
def server() -> Iterator[WebServer]:
    server = web_server(LIVEKIT, AgentStatus, port=0, tokens_per_minute=100_000)
    server.start()
    faults = Faults()
    logging.getLogger().addHandler(faults)
    yield server
    logging.getLogger().removeHandler(faults)
    server.stop()
    assert not faults.records


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    """Takes forms, and does nothing with them."""
    file = tmp_path_factory.mktemp("forms") / "upload"

    async def receive(request: web.Request) -> web.Response:
        received = await FormReader().receive(request, file, max_bytes=1000)
        return web.json_response(received.text("model"))

    def add_routes(app: web.Application) -> None:
        app.router.add_post("/v1/form", receive)

    server = WebServer("127.0.0.1", 0, [add_routes])
    server.start()
    yield server
    server.stop()


@given(body=st.one_of(damaged(FORM), st.binary(max_size=200)))
def test_any_form_is_read_or_refused(forms: WebServer, body: bytes) -> None:
    headers = {"Content-Type": FORM_TYPE}
    answer = fetch(forms, "/v1/form", method="POST", headers=headers, body=body)
    assert answer.status in (200, 400, 413)


@given(data=st.one_of(damaged(REQUEST), st.binary(max_size=200)))
def test_any_bytes_are_answered_or_the_connection_is_closed(server: WebServer, data: bytes) -> None:
    with (
        contextlib.suppress(ConnectionError),
        socket.create_connection(("127.0.0.1", server.port), WAIT_SECONDS) as peer,
    ):
        peer.sendall(data)
        peer.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: peer.recv(65536), b""))
        if answer.startswith(b"HTTP/"):
            assert int(answer.split()[1]) < 500 or answer.split()[1] == b"503"


@given(
    route=st.sampled_from(ROUTES),
    method=st.sampled_from(["GET", "POST", "OPTIONS", "HEAD", "PUT", "x"]),
    headers=st.dictionaries(
        st.sampled_from(
            ["Host", "Origin", "Authorization", "X-Forwarded-For", "Content-Type", "If-None-Match"]
        ),
        st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f")),
    ),
)
def test_any_headers_are_answered(
    server: WebServer, route: str, method: str, headers: dict[str, str]
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=WAIT_SECONDS)
    with contextlib.closing(connection):
        connection.putrequest(method, route, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name, value.encode("latin-1"))
        connection.putheader("Content-Length", "0")
        connection.endheaders()
        # The page may not be built.
        assert connection.getresponse().status in {*range(200, 500), 503}


@given(
    route=st.sampled_from(["/api/token", "/api/dispatch"]),
    body=st.one_of(
        changed({"room": "kitchen", "name": "Zoë", "token": "a.b.c", "unresponsive": "agent-1"})
        .map(json.dumps)
        .map(str.encode),
        JSON.map(json.dumps).map(str.encode),
        DEEP_JSON.map(str.encode),
        st.binary(max_size=200),
    ),
)
def test_any_body_is_answered(server: WebServer, route: str, body: bytes) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=WAIT_SECONDS)
    with contextlib.closing(connection):
        connection.request("POST", route, body, {"Content-Type": "application/json"})
        assert connection.getresponse().status < 500


@given(
    text=st.one_of(
        st.text(max_size=30), damaged(b"https://[::1]:8080").map(lambda b: b.decode("latin-1"))
    )
)
def test_any_text_is_an_address_or_not(text: str) -> None:
    for read in (read_host, read_origin, read_network):
        with contextlib.suppress(AddressError):
            read(text)
    with contextlib.suppress(AddressError):
        assert read_origin(str(read_origin(text))) == read_origin(text)


@given(origins=st.text(max_size=40), proxies=st.text(max_size=40))
def test_what_the_settings_take_the_web_server_takes(origins: str, proxies: str) -> None:
    try:
        web = WebSettings.model_validate({"allowed_origins": origins, "trusted_proxies": proxies})
    except (ValueError, SettingsError):
        return
    web_server(
        LIVEKIT,
        AgentStatus,
        allowed_origins=web.allowed_origins,
        trusted_proxies=web.trusted_proxies,
    )
    assert Settings()

"""What anybody who reaches the port may send, and how little it costs."""

from __future__ import annotations

import contextlib
import logging
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from services.livekit_server.credentials import LiveKitCredentials
from services.web.app import web_server
from services.web.http.connections import Connections
from services.web.http.guard import MALFORMED_PER_MINUTE
from services.web.http.server import WebServer
from services.web.routes.status import AgentStatus
from tests.support.web_client import fetch

pytestmark = pytest.mark.unit

LIVEKIT = LiveKitCredentials("ws://127.0.0.1:7880", "key", "s" * 40)
WAIT_SECONDS = 10.0


@contextlib.contextmanager
def serving(**options: object) -> Iterator[WebServer]:
    server = web_server(LIVEKIT, AgentStatus, port=0, **options)  # type: ignore[arg-type]
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def limited(connections: Connections) -> Iterator[WebServer]:
    async def hello(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    def routes(app: web.Application) -> None:
        app.router.add_get("/hello", hello)

    server = WebServer("127.0.0.1", 0, [routes], connections=connections)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def send(server: WebServer, data: bytes) -> bytes:
    """All that the server answers until it closes."""
    with connect(server) as peer:
        peer.sendall(data)
        return b"".join(iter(lambda: peer.recv(65536), b""))


def connect(server: WebServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), WAIT_SECONDS)


def is_closed(peer: socket.socket) -> bool:
    """Whether the server closes it without a word."""
    try:
        return peer.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("charset", ["punycode", "utf-7", "utf-16", "idna", "zlib", "nothing"])
def test_json_in_another_encoding_than_utf8_is_refused_before_it_is_read(charset: str) -> None:
    with serving() as server:
        answer = fetch(
            server,
            "/api/dispatch",
            method="POST",
            headers={"Content-Type": f"application/json; charset={charset}"},
            body=b"-" + b"a" * 60_000,
        )
        assert answer.status == 415
        assert answer.json()["error"]["code"] == "not_json"


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", "utf8"])
def test_json_in_utf8_is_read(charset: str) -> None:
    with serving() as server:
        headers = {"Content-Type": f"application/json; charset={charset}"}
        body = '{"name": "Zoë"}'.encode()
        assert fetch(server, "/api/token", method="POST", headers=headers, body=body).status == 200
        assert (
            fetch(server, "/api/token", method="POST", headers=headers, body=b'"\xff"').status
            == 400
        )


@pytest.mark.parametrize("path", ["/", "/api/token", "/api/status", "/api/dispatch"])
@pytest.mark.parametrize("header", ["Host: [", "Origin: http://[", "Host: a:b"])
def test_a_malformed_host_or_origin_is_refused_in_silence_and_not_for_ever(
    caplog: pytest.LogCaptureFixture, path: str, header: str
) -> None:
    host = "" if header.startswith("Host") else "Host: localhost\r\n"
    request = f"GET {path} HTTP/1.1\r\n{host}{header}\r\n\r\n".encode()
    with serving() as server, connect(server) as peer:
        stream = peer.makefile("rb")
        statuses = []
        for _ in range(round(MALFORMED_PER_MINUTE) + 1):
            peer.sendall(request)
            statuses.append(int(stream.readline().split()[1]))
            length = 0
            while (line := stream.readline().strip()) != b"":
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            stream.read(length)
    assert statuses == [400] * (len(statuses) - 1) + [429]
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nno colon here\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"a: b\r\n" * 1000 + b"\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x00\x00\x00\r\n\r\n",
    ],
)
def test_what_is_no_http_leaves_no_trace(caplog: pytest.LogCaptureFixture, data: bytes) -> None:
    caplog.set_level(logging.INFO)
    with serving() as server:
        assert send(server, data).startswith(b"HTTP/1.0 400")
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize("path", ["/", "/api/status", "/api/config"])
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_name_that_a_stranger_made_resolve_to_us_reads_nothing(host: str, path: str) -> None:
    rebound = {"Host": "evil.example:8080", "Origin": "http://evil.example:8080"}
    with serving(host=host) as server:
        assert fetch(server, path, headers=rebound).status == 403
        assert fetch(server, path, headers={"Host": "evil.example"}).status == 403
        answer = fetch(server, "/api/token", method="POST", headers=rebound, body=b"{}")
        assert answer.json()["error"]["code"] == "foreign_host"
        assert fetch(server, path, headers={"Host": "localhost"}).status != 403
    with serving(host=host, allowed_origins=["https://voice.example.com"]) as server:
        assert fetch(server, path, headers={"Host": "voice.example.com"}).status != 403
    with serving(host="0.0.0.0") as server:
        for name in ("192.0.2.7:8080", "[2001:db8::1]", "worker:8081", "machine.local"):
            assert fetch(server, path, headers={"Host": name}).status != 403


def test_every_origin_may_ask_where_the_owner_says_so() -> None:
    with serving(host="0.0.0.0", allowed_origins=["*"]) as server:
        headers = {"Origin": "https://any.example", "Content-Type": "application/json"}
        answer = fetch(server, "/api/token", method="POST", headers=headers, body=b"{}")
        assert answer.status == 200
        assert answer.headers["Access-Control-Allow-Origin"] == "https://any.example"
        nobody = {**headers, "Origin": "null"}
        assert fetch(server, "/api/token", method="POST", headers=nobody, body=b"{}").status == 403


def test_opening_to_every_origin_without_a_key_is_warned_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with serving(allowed_origins=["*"], access_key="a key of the owner"):
        assert not [record for record in caplog.records if "advice" in vars(record)]
    with serving(allowed_origins=["*"]):
        (record,) = [record for record in caplog.records if "advice" in vars(record)]
        assert "WEB_ACCESS_KEY" in vars(record)["advice"]


def test_a_connection_that_asks_nothing_is_closed() -> None:
    with limited(Connections(first_request_seconds=0.2)) as server:
        silent, slow = connect(server), connect(server)
        slow.sendall(b"GET /hello HTTP/1.1\r\nX: ")
        assert is_closed(silent)
        assert is_closed(slow)


def test_a_connection_that_asks_nothing_more_is_closed() -> None:
    with limited(Connections(idle_seconds=0.2)) as server, connect(server) as peer:
        peer.sendall(b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"hello" in peer.recv(65536)
        assert is_closed(peer)


def test_a_proxy_may_keep_its_connections() -> None:
    connections = Connections(idle_seconds=0.2, is_proxy=lambda _: True)
    with limited(connections) as server, connect(server) as peer:
        peer.sendall(b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"hello" in peer.recv(65536)
        peer.settimeout(3)
        # Long after others' would have been closed.
        with pytest.raises(TimeoutError):
            peer.recv(1)
        peer.sendall(b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"hello" in peer.recv(65536)


def test_the_connections_of_one_address_are_bounded_and_the_newest_is_served() -> None:
    connections = Connections(most_per_address=5)
    with limited(connections) as server:
        held = [connect(server) for _ in range(20)]
        assert all(is_closed(peer) for peer in held[:15])
        assert fetch(server, "/hello").text == "hello"
        assert connections.count <= 5


def test_the_connections_of_a_server_are_bounded_and_the_newest_is_served() -> None:
    connections = Connections(most=5, is_proxy=lambda _: True)
    with limited(connections) as server:
        held = [connect(server) for _ in range(20)]
        assert all(is_closed(peer) for peer in held[:15])
        assert fetch(server, "/hello").text == "hello"
        assert connections.count <= 5


_FEW_FILES = """
import logging, resource, sys
from services.web.http.connections import Connections
from services.web.http.server import WebServer

logging.basicConfig(level=logging.INFO)
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
server = WebServer("127.0.0.1", 0, [], connections=Connections(most=1000, most_per_address=1000))
server.start()
print(server.port, flush=True)
sys.stdin.read()
server.stop()
"""


def test_without_another_file_to_open_the_newest_is_served_and_a_line_says_so() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _FEW_FILES],
        cwd=Path(__file__).parents[5],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    place = ("127.0.0.1", int(process.stdout.readline()))
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(socket.create_connection(place, WAIT_SECONDS))
        with socket.create_connection(place, 60) as newest:
            newest.sendall(b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b" 404 " in newest.recv(100)
    _, logged = process.communicate("", timeout=WAIT_SECONDS)
    assert process.returncode == 0
    assert logged.count("no more connections can be opened") == 1
    assert "Traceback" not in logged
    assert len(logged) < 2000

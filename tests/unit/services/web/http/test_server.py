"""The HTTP server: its thread, its port, its errors, its headers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from aiohttp import web

from services.host.listening import ListenError, PortBusyError
from services.web.http.errors import ApiError
from services.web.http.headers import content_security_policy, livekit_origins
from services.web.http.server import WebServer
from tests.support.web_client import fetch

pytestmark = pytest.mark.unit


def routes(app: web.Application) -> None:
    async def hello(request: web.Request) -> web.Response:
        return web.Response(text=threading.current_thread().name)

    async def broken(request: web.Request) -> web.Response:
        raise RuntimeError("secret detail")

    async def refused(request: web.Request) -> web.Response:
        raise ApiError(429, "rate_limited", "Too much.", retry_after_seconds=1.5)

    async def own_policy(request: web.Request) -> web.Response:
        return web.Response(headers={"X-Frame-Options": "SAMEORIGIN"})

    app.router.add_get("/hello", hello)
    app.router.add_get("/api/broken", broken)
    app.router.add_get("/api/refused", refused)
    app.router.add_get("/own", own_policy)


@pytest.fixture
def server() -> Iterator[WebServer]:
    server = WebServer("127.0.0.1", 0, [routes], name="web-under-test")
    server.start()
    yield server
    server.stop()


def test_requests_are_answered_in_a_thread_of_the_servers_own(server: WebServer) -> None:
    assert fetch(server, "/hello").text == "web-under-test"


def test_stop_ends_the_thread_and_frees_the_port() -> None:
    before = set(threading.enumerate())
    for _ in range(3):
        server = WebServer("127.0.0.1", 0, [routes])
        server.start()
        port = server.port
        fetch(server, "/hello")
        server.stop()
        server.stop()
        assert set(threading.enumerate()) == before
        with socket.create_server(("127.0.0.1", port)):
            pass


def test_stop_before_start_does_nothing() -> None:
    WebServer("127.0.0.1", 0, [routes]).stop()


def test_stop_does_not_wait_for_a_client_that_keeps_its_connection(server: WebServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as idle:
        idle.sendall(b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert idle.recv(100)
        server.stop(timeout_seconds=4)
    assert "web-under-test" not in {thread.name for thread in threading.enumerate()}


def test_a_busy_port_is_named_with_the_setting_to_change() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        server = WebServer("127.0.0.1", port, [routes])
        with pytest.raises(PortBusyError, match=f"Port {port} .*WEB_PORT"):
            server.start()
    assert "web" not in {thread.name for thread in threading.enumerate()}


def test_an_address_of_another_machine_names_the_host_setting() -> None:
    server = WebServer("203.0.113.7", 0, [routes], host_setting="WORKER_HOST")
    with pytest.raises(ListenError, match="WORKER_HOST"):
        server.start()


def test_a_name_that_is_no_address_names_the_host_setting() -> None:
    server = WebServer("no such host", 0, [routes])
    with pytest.raises(ListenError, match="WEB_HOST=no such host"):
        server.start()


def test_a_route_that_cannot_be_added_fails_the_start() -> None:
    def broken(app: web.Application) -> None:
        raise ValueError("bad route")

    with pytest.raises(ValueError, match="bad route"):
        WebServer("127.0.0.1", 0, [broken]).start()


def test_every_answer_carries_the_security_headers(server: WebServer) -> None:
    for path in ("/hello", "/api/broken", "/missing"):
        headers = fetch(server, path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "same-origin"
        assert "microphone=(self)" in headers["Permissions-Policy"]
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "Server" not in headers


def test_a_handler_may_choose_its_own_header(server: WebServer) -> None:
    assert fetch(server, "/own").headers["X-Frame-Options"] == "SAMEORIGIN"


def test_an_unexpected_error_is_json_without_its_details(server: WebServer) -> None:
    answer = fetch(server, "/api/broken")
    assert answer.status == 500
    assert answer.json()["error"]["code"] == "internal"
    assert "secret" not in answer.text


def test_a_refusal_says_when_to_try_again(server: WebServer) -> None:
    answer = fetch(server, "/api/refused")
    assert answer.status == 429
    assert answer.headers["Retry-After"] == "2"
    assert answer.json() == {
        "error": {"code": "rate_limited", "message": "Too much.", "retry_after_seconds": 1.5}
    }


def test_an_unknown_api_path_and_method_are_json_too(server: WebServer) -> None:
    assert fetch(server, "/api/nothing").json()["error"]["code"] == "not_found"
    answer = fetch(server, "/api/refused", method="DELETE")
    assert answer.status == 405
    assert "GET" in answer.headers["Allow"]


def test_the_policy_allows_nothing_inline_and_no_other_origin_than_livekit() -> None:
    policy = content_security_policy("wss://livekit.example.com:7443/path")
    assert "unsafe" not in policy
    assert (
        "connect-src 'self' wss://livekit.example.com:7443 https://livekit.example.com:7443;"
        in (policy)
    )
    assert content_security_policy(None).count("://") == 0
    assert livekit_origins("ws://127.0.0.1:7880") == [
        "ws://127.0.0.1:7880",
        "http://127.0.0.1:7880",
    ]

"""Who may call: origins, access key, rates, addresses."""

from __future__ import annotations

import pytest

from services.livekit_server.credentials import LiveKitCredentials
from services.web.app import web_server
from services.web.http.addresses import is_loopback
from services.web.http.guard import Guard, exposure_warning
from services.web.http.ratelimit import MAX_KEYS, RateLimit, address_key
from services.web.http.server import WebServer
from services.web.routes.status import AgentStatus
from tests.support.web_client import Answer, fetch, post

pytestmark = pytest.mark.unit

LIVEKIT = LiveKitCredentials("ws://127.0.0.1:7880", "key", "s" * 40)


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def start(**options: object) -> WebServer:
    server = web_server(LIVEKIT, AgentStatus, port=0, **options)  # type: ignore[arg-type]
    server.start()
    return server


def ask(server: WebServer, **headers: str) -> Answer:
    return post(
        server, "/api/token", {}, headers={name.replace("_", "-"): v for name, v in headers.items()}
    )


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://localhost:{port}"}, 403),
        ({"Origin": "http://127.0.0.1:{port}"}, 200),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:{port}.evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:99999"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Sec_Fetch_Site": "same-origin"}, 200),
        ({"Sec_Fetch_Site": "none"}, 200),
        ({"Origin": "https://voice.example.com"}, 200),
        ({"Host": "evil.example:{port}", "Origin": "http://evil.example:{port}"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Host": "localhost:{port}", "Origin": "http://localhost:{port}"}, 200),
        ({"Host": "[::1]:{port}"}, 200),
        ({"Host": "voice.example.com", "Origin": "https://voice.example.com"}, 200),
    ],
)
def test_only_the_servers_own_page_and_configured_origins_get_tokens(
    headers: dict[str, str], status: int
) -> None:
    server = start(allowed_origins=["https://voice.example.com/"])
    try:
        filled = {name: value.format(port=server.port) for name, value in headers.items()}
        assert ask(server, **filled).status == status
    finally:
        server.stop()


def test_an_allowed_origin_may_read_the_answer_and_no_other() -> None:
    server = start(allowed_origins=["https://voice.example.com"])
    try:
        allowed = ask(server, Origin="https://voice.example.com")
        assert allowed.headers["Access-Control-Allow-Origin"] == "https://voice.example.com"
        refused = ask(server, Origin="https://evil.example")
        assert "Access-Control-Allow-Origin" not in refused.headers
        preflight = {"Origin": "https://voice.example.com"}
        answer = fetch(server, "/api/token", method="OPTIONS", headers=preflight)
        assert answer.status == 204
        assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
        preflight = {"Origin": "https://evil.example"}
        assert fetch(server, "/api/token", method="OPTIONS", headers=preflight).status == 403
    finally:
        server.stop()


@pytest.mark.parametrize("text", ["voice.example.com", "ftp://a", "https://a/b", "", "https://"])
def test_a_wrong_origin_names_the_setting(text: str) -> None:
    with pytest.raises(ValueError, match="WEB_ALLOWED_ORIGINS"):
        Guard(allowed_origins=[text])


def test_a_token_costs_the_access_key() -> None:
    server = start(access_key="key of the owner é", tokens_per_minute=100)
    try:
        assert ask(server).json()["error"]["code"] == "access_key"
        assert ask(server, Authorization="Bearer key of the owner").status == 401
        assert ask(
            server, Authorization="key of the owner é".encode().decode("latin-1")
        ).status == (401)
        sent = "Bearer key of the owner é".encode().decode("latin-1")
        assert ask(server, Authorization=sent).status == 200
        assert fetch(server, "/api/config").json()["access_key"] is True
    finally:
        server.stop()


def test_guessing_the_access_key_is_slowed_down() -> None:
    server = start(access_key="secret", tokens_per_minute=3)
    try:
        guesses = [ask(server, Authorization=f"Bearer {n}").status for n in range(5)]
        assert guesses == [401, 401, 401, 429, 429]
        assert ask(server, Authorization="Bearer secret").status == 429
    finally:
        server.stop()


def test_an_address_gets_so_many_tokens_a_minute_and_is_told_when_to_return() -> None:
    server = start(tokens_per_minute=2)
    try:
        answers = [ask(server) for _ in range(3)]
        assert [answer.status for answer in answers] == [200, 200, 429]
        assert 0 < answers[2].json()["error"]["retry_after_seconds"] <= 30
        assert 1 <= int(answers[2].headers["Retry-After"]) <= 30
    finally:
        server.stop()


def test_a_forwarded_address_counts_only_from_a_trusted_proxy() -> None:
    server = start(tokens_per_minute=1)
    try:
        statuses = [ask(server, X_Forwarded_For=f"198.51.100.{n}").status for n in range(2)]
        assert statuses == [200, 429]
    finally:
        server.stop()
    server = start(tokens_per_minute=1, trusted_proxies=["127.0.0.0/8", "10.0.0.0/8"])
    try:
        assert ask(server, X_Forwarded_For="198.51.100.1").status == 200
        assert ask(server, X_Forwarded_For="198.51.100.2").status == 200
        assert ask(server, X_Forwarded_For="198.51.100.2").status == 429
        assert ask(server, X_Forwarded_For="1.1.1.1, 198.51.100.2, 10.0.0.3").status == 429
        assert ask(server, X_Forwarded_For="198.51.100.3, 10.0.0.3").status == 200
    finally:
        server.stop()


def test_tokens_come_back_steadily() -> None:
    clock = Clock()
    limit = RateLimit(60, burst=2, clock=clock)
    assert [limit.take("a"), limit.take("a")] == [0.0, 0.0]
    assert limit.take("a") == pytest.approx(1.0)
    assert limit.take("b") == 0.0
    clock.seconds += 0.5
    assert limit.take("a") == pytest.approx(0.5)
    clock.seconds += 0.5
    assert limit.take("a") == 0.0
    clock.seconds += 3600
    assert [limit.take("a"), limit.take("a")] == [0.0, 0.0]
    assert limit.take("a") > 0


def test_the_limit_remembers_a_bounded_number_of_addresses() -> None:
    limit = RateLimit(1, burst=1)
    for number in range(MAX_KEYS + 50):
        limit.take(str(number))
    assert limit.take("49") == 0.0
    assert limit.take(str(MAX_KEYS + 49)) > 0


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
    ],
)
def test_an_ipv6_network_is_one_address(address: str, key: str) -> None:
    assert address_key(address) == key


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("localhost", True),
        ("LOCALHOST.", True),
        ("app.localhost", True),
        ("::1", True),
        ("[::1]", True),
        ("0.0.0.0", False),
        ("localhost.evil.example", False),
        ("192.168.1.4", False),
        ("", False),
    ],
)
def test_loopback_is_this_machine_only(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_opening_the_page_to_the_network_warns_about_what_is_missing() -> None:
    assert exposure_warning("127.0.0.1", access_key=None, behind_tls=False) is None
    assert exposure_warning("0.0.0.0", access_key="secret", behind_tls=True) is None
    both = exposure_warning("0.0.0.0", access_key=None, behind_tls=False)
    assert both is not None
    assert "WEB_HOST=0.0.0.0" in both
    assert "WEB_ACCESS_KEY" in both
    assert "TLS" in both
    only_tls = exposure_warning("0.0.0.0", access_key="secret", behind_tls=False)
    assert only_tls is not None
    assert "WEB_ACCESS_KEY" not in only_tls


def test_the_web_role_logs_that_warning(caplog: pytest.LogCaptureFixture) -> None:
    web_server(LIVEKIT, AgentStatus, port=0, host="0.0.0.0")
    [record] = [found for found in caplog.records if found.name == "services.web"]
    assert "WEB_ACCESS_KEY" in record.__dict__["advice"]
    caplog.clear()
    web_server(
        LIVEKIT,
        AgentStatus,
        port=0,
        host="0.0.0.0",
        access_key="secret",
        allowed_origins=["https://voice.example.com"],
    )
    web_server(LIVEKIT, AgentStatus, port=0)
    assert not [found for found in caplog.records if found.name == "services.web"]

"""Origins, hosts and networks: what is one, what is none, and what settings make of them."""

from __future__ import annotations

import pytest

from agent.settings import Settings, SettingsError, read_settings
from services.livekit_server.credentials import LiveKitCredentials
from services.web.app import web_server
from services.web.http.addresses import (
    AddressError,
    read_host,
    read_network,
    read_origin,
    without_password,
)
from services.web.routes.status import AgentStatus

pytestmark = pytest.mark.unit

LIVEKIT = LiveKitCredentials("ws://127.0.0.1:7880", "key", "s" * 40)


@pytest.mark.parametrize(
    "text",
    ["", " ", "[", "[::1", "::1", "a:b", "a:99999", "a b", "a/b", "a?b", "u@a", "[zz]", "a\x00b"],
)
def test_what_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        read_host(text)


@pytest.mark.parametrize(
    ("text", "inner"),
    [
        ("localhost:8080", True),
        ("192.168.1.4", True),
        ("[fe80::1]:80", True),
        ("worker:8081", True),
        ("printer.local", True),
        ("app.localhost", True),
        ("evil.example", False),
        ("local.evil.example", False),
        ("evil.local.example.", False),
    ],
)
def test_only_a_name_that_nobody_can_register_is_inner(text: str, inner: bool) -> None:
    assert read_host(text).is_inner is inner


@pytest.mark.parametrize("text", ["null", "http://[", "http:///", "ftp://a", "//a", "https://a/b"])
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        read_origin(text)


def test_an_origin_is_the_same_however_it_is_written() -> None:
    assert read_origin("HTTPS://Voice.example.com:443/") == read_origin("https://voice.example.com")
    assert str(read_origin("http://[::1]:8080")) == "http://[::1]:8080"


def test_a_network_may_be_written_with_an_address_of_it() -> None:
    assert read_network("10.0.0.1/8") == read_network("10.0.0.0/8")
    with pytest.raises(AddressError):
        read_network("10.0.0.0/40")


def test_a_password_in_an_address_is_not_shown() -> None:
    assert without_password("http://me:secret@host:1/v1") == "http://***@host:1/v1"
    assert without_password("http://me:se@cret@host") == "http://***@host"
    assert without_password("http://host/v1?a=b@c") == "http://host/v1?a=b@c"


def test_a_password_in_an_address_of_the_settings_is_a_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LLM_BASE_URL", "http://me:correct-horse@host/v1")
    monkeypatch.setenv("LLM_MODEL", "m")
    assert "correct-horse" in read_settings(None).secrets
    monkeypatch.setenv("LLM_BASE_URL", "htp://me:correct-horse@host/v1")
    with pytest.raises(SettingsError, match="LLM_BASE_URL") as caught:
        read_settings(None)
    assert "correct-horse" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WEB_ALLOWED_ORIGINS", "*"),
        ("WEB_ALLOWED_ORIGINS", "https://a.example, *"),
        ("WEB_TRUSTED_PROXIES", "10.0.0.1/8, ::1"),
    ],
)
def test_what_the_settings_take_the_web_server_takes(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    web = read_settings(None).web
    web_server(
        LIVEKIT,
        AgentStatus,
        allowed_origins=web.allowed_origins,
        trusted_proxies=web.trusted_proxies,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WEB_ALLOWED_ORIGINS", "https://["),
        ("WEB_ALLOWED_ORIGINS", "https://a:99999"),
        ("WEB_ALLOWED_ORIGINS", "https://u@a"),
        ("WEB_ALLOWED_ORIGINS", "https://a?b"),
        ("WEB_TRUSTED_PROXIES", "10.0.0.0/40"),
    ],
)
def test_what_the_web_server_would_refuse_the_settings_refuse_in_one_line(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name) as caught:
        read_settings(None)
    assert "\n" not in str(caught.value)
    assert Settings().web.allowed_origins == ()

"""A hub is asked for the catalogue's files at the catalogue's commit, and told nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.models import DownloadCorrupt, SourceRefused, SourceUnreachable
from services.models.hub import Hub
from tests.support.models.hub_server import HubServer, running_hub
from tests.support.models.small_catalogue import FIRST_VOICE, SmallCatalogue

VOICE = SmallCatalogue().voices[FIRST_VOICE]


@pytest.fixture
def server() -> Iterator[HubServer]:
    with running_hub(SmallCatalogue().hub()) as hub:
        yield hub


def bring(url: str | None, staging: Path) -> None:
    with Hub(url, answer_timeout_seconds=5.0, retry_delays_seconds=(0.0,)) as hub:
        offer = hub.offer(VOICE)
        assert offer is not None
        offer.bring(list(VOICE.files), staging, lambda _: None)


def test_the_files_are_asked_for_at_the_commit_of_the_catalogue(
    server: HubServer, tmp_path: Path
) -> None:
    bring(server.url, tmp_path)
    assert VOICE.hub is not None
    asked = [path for path in server.asked("GET") if "/resolve/" in path]
    assert asked == [
        f"/{VOICE.hub.repository}/resolve/{VOICE.hub.revision}/{VOICE.hub.path(file.name)}"
        for file in VOICE.files
    ]


def test_nothing_but_files_is_asked_for_and_nobody_is_named(
    server: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("AI_AGENT", "some-program")
    bring(server.url, tmp_path)
    assert all("/resolve/" in r.path or "/large/" in r.path for r in server.requests)
    for request in server.requests:
        assert "authorization" not in request.headers
        assert request.headers["user-agent"] == "local-voice-agent"


def test_a_login_page_is_taken_for_no_file(server: HubServer, tmp_path: Path) -> None:
    server.login_page = b"<html>please log in</html>"
    with pytest.raises(DownloadCorrupt, match="login page may be in the way"):
        bring(server.url, tmp_path)


def test_a_hub_without_the_model_refuses(server: HubServer, tmp_path: Path) -> None:
    server.repositories.clear()
    with pytest.raises(SourceRefused, match="404"):
        bring(server.url, tmp_path)


def test_the_switch_against_the_hub_is_respected(
    server: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(SourceUnreachable, match="HF_HUB_OFFLINE"):
        bring(server.url, tmp_path)
    assert not server.requests


def test_the_endpoint_comes_from_the_environment(
    server: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"{server.url}/")
    bring(None, tmp_path)
    assert server.requests


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "ftp://127.0.0.1", "http://["])
def test_no_hub_at_an_address_is_said(endpoint: str, tmp_path: Path) -> None:
    with pytest.raises(SourceUnreachable, match="HF_ENDPOINT"):
        bring(endpoint, tmp_path)


def test_a_password_in_the_endpoint_is_used_and_never_shown(
    server: HubServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    bring(server.url.replace("://", "://me:secret@"), tmp_path)
    assert server.requests[0].headers["authorization"].startswith("Basic ")
    server.failing_status = 503
    with pytest.raises(SourceUnreachable) as failed:
        bring(server.url.replace("://", "://me:secret@"), tmp_path / "again")
    assert "secret" not in str(failed.value)
    assert "secret" not in caplog.text

"""`download-files` fetches what is asked for, and says in one line why not."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.models import DEMO_VOICE
from services.models.catalogue import PIPER_VOICES, PIPER_VOICES_REVISION
from tests.commands import Commands, commands
from tests.models.hub_server import COMMIT, HubServer, running_hub

VOICE = "en_US-ljspeech-medium"
FOLDER = "en/en_US/ljspeech/medium"


@pytest.fixture
def terminal(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Commands]:
    with commands(monkeypatch, capfd, tmp_path) as found:
        found.set(MODELS="auto", WHISPER_MODEL_PATH="cache")
        yield found


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    server = HubServer(revisions=(PIPER_VOICES_REVISION, COMMIT))
    server.add(
        PIPER_VOICES,
        {
            f"{FOLDER}/MODEL_CARD": b"a card",
            f"{FOLDER}/{VOICE}.onnx": DEMO_VOICE.model.read_bytes(),
            f"{FOLDER}/{VOICE}.onnx.json": DEMO_VOICE.config.read_bytes(),
        },
    )
    monkeypatch.setattr("services.models.hub.RETRY_DELAYS_SECONDS", (0.0,))
    with running_hub(server) as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        yield running


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch) -> str:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    monkeypatch.setenv("HF_ENDPOINT", url)
    return url


def test_a_named_voice_is_fetched_with_size_and_licence_and_how_to_use_it(
    terminal: Commands, hub: HubServer
) -> None:
    terminal.set(TTS_VOICE="en_GB-cori-medium")
    ran = terminal.run("download-files", "--voice", VOICE)
    assert ran.status == 0
    assert "64 MB" in ran.err
    assert "public domain" in ran.err
    assert f"TTS_VOICE={VOICE}" in ran.out
    assert (terminal.folder / "cache" / "voices" / VOICE / f"{VOICE}.onnx").is_file()


def test_what_is_there_is_not_fetched_again(terminal: Commands, hub: HubServer) -> None:
    terminal.run("download-files", "--voice", VOICE)
    asked = len(hub.requests)
    ran = terminal.run("download-files", "--voice", VOICE)
    assert ran.status == 0
    assert "is here" in ran.out
    assert len(hub.requests) == asked


def test_only_what_is_named_is_fetched(terminal: Commands, hub: HubServer) -> None:
    assert terminal.run("download-files", "--voice", VOICE).status == 0
    assert not (terminal.folder / "cache" / "asr").exists()


def test_silent_hub_is_told_in_one_line_with_what_happens_now(
    terminal: Commands, no_hub: str
) -> None:
    ran = terminal.run("download-files")
    assert ran.status == 1
    (line,) = [line for line in ran.err.splitlines() if line.startswith("download-files:")]
    assert no_hub in line
    assert "the demo models serve" in line
    assert line.endswith("Try again: python -m agent download-files")
    assert "Traceback" not in ran.err


def test_set_up_goes_on_with_the_demo_models(terminal: Commands, no_hub: str) -> None:
    assert terminal.run("download-files", "--or-demo").status == 0


def test_refused_recogniser_does_not_keep_the_voice_away(
    terminal: Commands, hub: HubServer
) -> None:
    ran = terminal.run("download-files", "--or-demo")
    assert ran.status == 0
    assert "acft-base.en" in ran.err
    assert f"{VOICE} is fetched" in ran.out


def test_mistyped_name_fails_even_in_set_up(terminal: Commands, hub: HubServer) -> None:
    ran = terminal.run("download-files", "--or-demo", "--voice", "en_US-nobody")
    assert ran.status == 1
    assert "en_US-nobody" in ran.err
    assert VOICE in ran.err
    assert not hub.requests


def test_demo_choice_fetches_nothing(terminal: Commands, hub: HubServer) -> None:
    terminal.set(MODELS="demo")
    assert terminal.run("download-files").status == 0
    named = terminal.run("download-files", "--voice", VOICE)
    assert named.status == 1
    assert "MODELS=demo" in named.err
    assert not hub.requests


def test_list_shows_every_model_and_fetches_nothing(terminal: Commands, hub: HubServer) -> None:
    ran = terminal.run("download-files", "--list")
    assert ran.status == 0
    assert "*  acft-base.en: 398 MB" in ran.out
    assert " + demo: part of this package" in ran.out
    assert not hub.requests

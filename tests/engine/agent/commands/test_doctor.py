"""`doctor` loads the models as a worker would and tells how they do."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.models import resolve_asr
from tests.support.commands import Commands, Ran, commands

# A command loads its own models.
pytestmark = pytest.mark.own_copy

REPOSITORY = Path(__file__).parents[4]


@pytest.fixture
def terminal(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Commands]:
    program = tmp_path / "livekit-server"
    program.write_text("#!/bin/sh\necho livekit-server version 1.13.5\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    with commands(monkeypatch, capfd, tmp_path) as found:
        found.set(
            LIVEKIT_SERVER=str(program), LIVEKIT_SERVER_CONFIG=str(REPOSITORY / "livekit.yaml")
        )
        yield found


def findings(ran: Ran) -> dict[str, dict[str, str]]:
    return {finding["subject"]: finding for finding in json.loads(ran.out)}


def test_healthy_installation_has_a_line_for_each_part(terminal: Commands) -> None:
    ran = terminal.run("doctor")
    assert ran.status == 0, ran.out
    assert ran.err == ""
    lines = ran.out.splitlines()
    assert all(line.startswith(("OK  ", "WARN")) for line in lines)
    subjects = {line[6:].split(":")[0] for line in lines}
    assert subjects >= {
        "Python",
        "packages",
        "settings",
        "cores",
        "memory",
        "disk",
        "GPU",
        "page",
        "port",
        "LiveKit",
        "LLM",
        "voice",
        "recogniser",
        "voice activity",
    }
    assert "server 1.13.5" in ran.out


def test_models_are_measured(terminal: Commands) -> None:
    found = findings(terminal.run("doctor", "--json"))
    assert found["voice"]["text"].startswith("demo: loaded in ")
    assert "first sound after" in found["voice"]["text"]
    assert "s of speech in 0." in found["recogniser"]["text"]
    assert "with a context of 2 s" in found["recogniser"]["text"]
    assert "it heard" not in found["recogniser"]["text"]
    assert found["voice activity"]["text"] == "loaded, hears the voice"
    assert found["models"]["text"].startswith("the demo model (about 330 words")


def test_the_models_that_serve_are_named_with_where_they_came_from(
    terminal: Commands, genuine_cache: Path
) -> None:
    terminal.set(MODELS="auto", WHISPER_MODEL_PATH=str(genuine_cache))
    found = findings(terminal.run("doctor", "--json"))
    recogniser, voice = found["models"]["text"].split("; ")
    assert recogniser == f"base from {resolve_asr('base', cache=genuine_cache).source}"
    assert voice.startswith("en_US-joe-medium from ")
    assert "lessac, whose recordings are licensed for research" in voice
    assert found["end of turn"]["text"].startswith("smart-turn-v3.2: loaded, judges in ")


def test_a_voice_of_another_language_than_the_callers_is_warned_of(
    terminal: Commands, genuine_cache: Path
) -> None:
    terminal.set(MODELS="auto", WHISPER_MODEL_PATH=str(genuine_cache), ASR_LANGUAGE="de")
    found = findings(terminal.run("doctor", "--json"))["language"]
    assert found["text"] == (
        "callers speak German, but the voice en_US-joe-medium speaks English, and the agent with it"
    )
    assert "download-files --list --language de" in found["cure"]
    terminal.set(MODELS="demo")
    english_only = findings(terminal.run("doctor", "--json"))["language"]
    assert "demo knows English only" in english_only["text"]


def test_missing_models_are_warned_of_with_the_command_that_fetches_them(
    terminal: Commands,
) -> None:
    terminal.set(MODELS="auto", WHISPER_MODEL_PATH="none")
    ran = terminal.run("doctor", "--json")
    assert ran.status == 0
    found = findings(ran)
    for subject, option in (
        ("voice", "--voice"),
        ("recogniser", "--asr"),
        ("end of turn", "--turn"),
    ):
        assert found[subject]["status"] == "WARN"
        assert f"python -m agent download-files {option} " in found[subject]["text"]


def test_what_will_not_work_fails(terminal: Commands) -> None:
    terminal.set(LIVEKIT_SERVER="no-such-program", LLM_BASE_URL="http://127.0.0.1:9", LLM_MODEL="x")
    ran = terminal.run("doctor", "--json")
    assert ran.status == 1
    failed = {subject for subject, f in findings(ran).items() if f["status"] == "FAIL"}
    assert failed == {"LiveKit", "LLM"}


def test_check_that_breaks_does_not_hide_the_others(
    terminal: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("out of order")

    broken.__name__ = "check_gpu"
    monkeypatch.setattr("agent.doctor.machine.check_gpu", broken)
    found = findings(terminal.run("doctor", "--json"))
    assert found["gpu"]["status"] == "FAIL"
    assert "out of order" in found["gpu"]["text"]
    assert found["recogniser"]["status"] == "OK"

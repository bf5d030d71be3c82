"""Services on one machine: units that systemd accepts, and that let calls finish."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from agent.settings import Settings, require_livekit
from tests.support.deploy_files import (
    DEPLOY,
    VARIABLES,
    WORKER_LIMIT_BYTES,
    assert_outlasts_the_drain,
    default_of,
    settings_from,
    size_bytes,
    validate,
)

UNITS = DEPLOY / "systemd"
WORKER = "local-voice-agent@.service"
WEB = "local-voice-agent-web.service"
SPEECH = "local-voice-agent-speech.service"
LIVEKIT = "livekit-server.service"
SLICE = "voiceagent.slice"
INSTANCES = ("1", "2")
MOST_EXPOSED = 2.0
"""Of systemd's scale from 0, fully confined, to 10."""


def lines_of(name: str) -> list[tuple[str, str]]:
    """Names and values of a unit in order, whichever section they are in."""
    text = (UNITS / name).read_text()
    found = re.findall(r"^(\w+)=(.*)$", text, flags=re.MULTILINE)
    return [(key, value) for key, value in found]


def value_of(name: str, key: str) -> str:
    """The one value that a unit gives to a key."""
    (value,) = [value for found, value in lines_of(name) if found == key]
    return value


def environment_of(name: str, instance: str = "") -> dict[str, str]:
    """Variables that a unit itself sets."""
    assigned = [value for key, value in lines_of(name) if key == "Environment"]
    return dict(value.replace("%i", instance).split("=", 1) for value in assigned)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file system of a machine on which the units and what they start are installed."""
    root = tmp_path_factory.mktemp("machine")
    shutil.copytree(UNITS, root / "etc/systemd/system")
    own = Path("/usr/lib/systemd/system")
    standard = root / str(own).lstrip("/")
    standard.mkdir(parents=True)
    for unit in (*own.glob("*.target"), *own.glob("*.slice")):
        shutil.copy(unit, standard, follow_symlinks=True)
    for name in (WORKER, WEB, SPEECH, LIVEKIT):
        program = root / value_of(name, "ExecStart").split()[0].lstrip("/")
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    return root


def names_of_services() -> list[str]:
    return [*(WORKER.replace("@", f"@{n}") for n in INSTANCES), WEB, SPEECH, LIVEKIT]


def systemd_analyze(machine: Path, *arguments: str) -> str:
    return validate(
        "systemd-analyze",
        f"--root={machine}",
        *arguments,
        install="`apt-get install --no-install-recommends systemd`",
    )


def test_systemd_has_nothing_to_say_about_the_units(machine: Path) -> None:
    assert systemd_analyze(machine, "verify", *names_of_services(), SLICE) == ""


def test_services_are_confined(machine: Path) -> None:
    for name in names_of_services():
        said = systemd_analyze(machine, "security", "--offline=yes", name)
        level = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
        assert level
        assert float(level.group(1)) <= MOST_EXPOSED


@pytest.mark.parametrize(("name", "command"), [(WORKER, "start"), (WEB, "web"), (SPEECH, "speech")])
def test_units_run_the_role_in_the_folder_that_set_up_makes(name: str, command: str) -> None:
    folder = value_of(name, "WorkingDirectory")
    assert value_of(name, "ExecStart") == f"{folder}/.venv/bin/python -m agent {command}"


def test_variables_are_settings() -> None:
    not_ours = {"PYTHONDONTWRITEBYTECODE"}
    for name in (WORKER, WEB, SPEECH):
        assert environment_of(name).keys() - not_ours <= VARIABLES.keys()


def test_the_agent_understands_the_environment_that_the_readme_describes(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    livekit = {"LIVEKIT_URL": "ws://127.0.0.1:7880", "LIVEKIT_API_KEY": "key"}
    secret = {"LIVEKIT_API_SECRET": "s" * 40}
    for name in (WORKER, WEB):
        variables = {**environment_of(name, "1"), **livekit, **secret}
        require_livekit(settings_from(variables, monkeypatch, caplog).livekit)


def test_each_instance_has_a_port_of_its_own_beside_the_pages() -> None:
    ports = [environment_of(WORKER, str(n))["WORKER_PORT"] for n in range(1, 10)]
    assert ports[0] == default_of("WORKER_PORT")
    assert len({*ports, default_of("WEB_PORT")}) == 10
    assert all(port.isdigit() for port in ports)


def test_instances_have_cores_of_their_own() -> None:
    taken: set[int] = set()
    folders = sorted(path.name for path in UNITS.glob("*.service.d"))
    assert folders == [WORKER.replace("@", f"@{n}") + ".d" for n in INSTANCES]
    for folder in folders:
        first, last = value_of(f"{folder}/cores.conf", "CPUAffinity").split("-")
        cores = set(range(int(first), int(last) + 1))
        assert cores
        assert not cores & taken
        taken |= cores


def test_models_are_where_the_worker_may_look() -> None:
    state = value_of(WORKER, "StateDirectory")
    assert environment_of(WORKER)["WHISPER_MODEL_PATH"] == f"/var/lib/{state}/models"


def test_the_socket_of_a_speech_process_lies_in_a_folder_of_its_user_alone() -> None:
    assert value_of(SPEECH, "RuntimeDirectoryMode") == "0700"
    assert value_of(SPEECH, "User") == value_of(WORKER, "User")
    folder = f"/run/{value_of(SPEECH, 'RuntimeDirectory')}"
    assert f"SPEECH_SOCKET={folder}/" in (DEPLOY / "README.md").read_text()


def test_memory_is_limited() -> None:
    for name in (WORKER, SPEECH):
        assert size_bytes(value_of(name, "MemoryMax")) == WORKER_LIMIT_BYTES
        assert value_of(name, "Slice") == SLICE
    assert value_of(SLICE, "MemoryMax").endswith("%")


def test_calls_may_finish_before_anything_is_killed() -> None:
    settings = Settings()
    for name in (WORKER, LIVEKIT):
        assert value_of(name, "KillSignal") == "SIGTERM"
        assert_outlasts_the_drain(int(value_of(name, "TimeoutStopSec")), settings)
    assert int(value_of(WEB, "TimeoutStopSec")) > settings.lifecycle.shutdown_seconds


def test_what_fails_is_started_again_but_not_for_a_wrong_setting() -> None:
    for name in (WORKER, WEB, SPEECH, LIVEKIT):
        assert value_of(name, "Restart") == "on-failure"
        assert value_of(name, "StartLimitIntervalSec") == "0"
    for name in (WORKER, WEB, SPEECH):
        assert value_of(name, "RestartPreventExitStatus") == "2"

"""The image: built of locked parts, for nobody special, with what the settings say."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.web.http.server import WebServer
from services.web.routes.status import Check, HealthRoutes
from tests.support.deploy_files import DEPLOY, REPOSITORY, VARIABLES, default_of, validate

DOCKERFILE = DEPLOY / "Dockerfile"
HEALTHCHECK = DEPLOY / "healthcheck.py"
IGNORE = REPOSITORY / ".dockerignore"


def instructions(kind: str = "") -> list[tuple[str, str]]:
    """The instructions of the Dockerfile in order, lines joined, comments left out."""
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    pairs = [(line.split()[0], line.partition(" ")[2]) for line in lines if line.strip()]
    return [pair for pair in pairs if not kind or pair[0] == kind]


def stage(name: str) -> list[tuple[str, str]]:
    """The instructions of a stage; the last one has no name."""
    found: list[tuple[str, str]] = []
    current = None
    for kind, rest in instructions():
        if kind == "FROM":
            current = rest.partition(" AS ")[2]
        elif current == name:
            found.append((kind, rest))
    return found


def environment() -> dict[str, str]:
    """Environment variables of the finished image."""
    lines = [rest for name in ("agent", "") for kind, rest in stage(name) if kind == "ENV"]
    return dict(word.split("=", 1) for line in lines for word in shlex.split(line))


def arguments() -> dict[str, set[str]]:
    """Build arguments with their defaults, in whichever stage."""
    found: dict[str, set[str]] = {}
    for _, rest in instructions("ARG"):
        name, _, default = rest.partition("=")
        found.setdefault(name, set()).add(default)
    return found


def test_hadolint_finds_nothing() -> None:
    validate("hadolint", DOCKERFILE, install="make setup, then `make test`")


def test_it_runs_as_nobody_special() -> None:
    users = [rest for kind, rest in stage("") if kind == "USER"]
    assert users
    assert all(0 not in map(int, user.split(":")) for user in users)


def test_packages_are_installed_with_their_hashes_only() -> None:
    runs = "; ".join(re.sub(r"--mount=\S+ ", "", rest) for _, rest in instructions("RUN"))
    installs = re.findall(r"(?<![-\w])(?:pip|npm|apt-get|apk|uv|curl|wget)\b[^&|;]*", runs)
    assert installs
    for install in installs:
        if install.startswith("npm"):
            assert install.strip() in ("npm ci", "npm run build")
        else:
            assert install.startswith("pip ")
            assert "--require-hashes --requirement /requirements.lock" in install


def test_versions_are_those_that_the_project_supports() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    (python,) = arguments()["PYTHON_VERSION"]
    assert project["requires-python"] == f">={python}"
    engines = json.loads((REPOSITORY / "services/web/page/package.json").read_text())["engines"]
    (node,) = arguments()["NODE_VERSION"]
    least = re.fullmatch(r">=(\d+)\.\d+", engines["node"])
    assert least
    assert int(node) >= int(least.group(1))


def test_variables_are_settings_and_models_the_default_ones() -> None:
    not_ours = {"PATH", "HOME", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
    assert environment().keys() - not_ours <= VARIABLES.keys()
    for name in ("ASR_MODEL", "TTS_VOICE"):
        assert arguments()[name] == {default_of(name)}
        assert environment()[name] == f"${{{name}}}"
    (folder,) = {rest.split()[-1] for kind, rest in stage("") if kind == "COPY"}
    assert environment()["WHISPER_MODEL_PATH"] == folder


def test_it_listens_beyond_the_container_on_the_default_ports() -> None:
    assert environment()["WEB_HOST"] == environment()["WORKER_HOST"] == "0.0.0.0"
    (exposed,) = [rest for _, rest in instructions("EXPOSE")]
    assert exposed.split() == [default_of("WEB_PORT"), default_of("WORKER_PORT")]


def test_the_program_gets_signals_itself_and_is_a_worker_by_default() -> None:
    (entry,) = [json.loads(rest) for _, rest in instructions("ENTRYPOINT")]
    (command,) = [json.loads(rest) for _, rest in instructions("CMD")]
    assert (entry, command) == (["python", "-m", "agent"], ["start"])


def ignored(path: str) -> bool:
    """Whether a path of the repository is kept from the build, as Docker reads the file."""
    out = False
    parts = Path(path).parts
    prefixes = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    for line in IGNORE.read_text().splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        take = pattern.startswith("!")
        pattern = pattern.removeprefix("!")
        names = parts if pattern.startswith("**/") else prefixes
        if any(fnmatch.fnmatchcase(name, pattern.removeprefix("**/")) for name in names):
            out = not take
    return out


def tracked() -> list[str]:
    done = subprocess.run(
        ["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_all_that_is_copied_exists_and_reaches_the_build() -> None:
    copied = [
        source
        for _, rest in instructions("COPY")
        if not rest.startswith("--from=")
        for source in rest.split()[:-1]
    ]
    assert copied
    for source in copied:
        assert (REPOSITORY / source).exists(), source
        assert not ignored(source), source
    code = [name for name in tracked() if name.startswith(("agent/", "services/"))]
    assert code
    assert not [name for name in code if ignored(name)]


def test_secrets_models_and_built_things_stay_out() -> None:
    for path in (
        ".env",
        "deploy/.env",
        ".git/config",
        ".venv/bin/python",
        "models/asr/base.en/model.bin",
        "services/web/static/index.html",
        "services/web/page/node_modules/vite/package.json",
        "agent/__pycache__/worker.cpython-311.pyc",
        "tests/conftest.py",
    ):
        assert ignored(path), path


def check(port: int, variable: str = "WORKER_PORT") -> subprocess.CompletedProcess[str]:
    """The image's own health check, looking at `port`."""
    (_, rest), *_ = instructions("HEALTHCHECK")
    command = json.loads(rest[rest.index("[") :])
    assert command[0] == "python"
    assert REPOSITORY / command[-1] == HEALTHCHECK
    ports = {"WORKER_PORT": "1", "WEB_PORT": "1", variable: str(port)}
    return subprocess.run(
        [sys.executable, *command[1:]],
        cwd=REPOSITORY,
        env={**os.environ, **ports},
        capture_output=True,
        text=True,
        timeout=30,
    )


@pytest.fixture
def serve() -> Iterator[Callable[[Check], int]]:
    """Starts a server whose health is the given one; gives its port."""
    servers = []

    def start(alive: Check) -> int:
        routes = HealthRoutes(lambda: {"loop": alive}, lambda: {"worker": Check(False, "loading")})
        server = WebServer("127.0.0.1", 0, [routes])
        servers.append(server)
        server.start()
        return server.port

    yield start
    for server in servers:
        server.stop()


@pytest.mark.parametrize("variable", ["WORKER_PORT", "WEB_PORT"])
def test_the_health_check_believes_whichever_role_runs(
    serve: Callable[[Check], int], variable: str
) -> None:
    done = check(serve(Check(True)), variable)
    assert done.returncode == 0, done.stderr


def test_the_health_check_tells_why_a_worker_is_not_alive(serve: Callable[[Check], int]) -> None:
    done = check(serve(Check(False, "the loop of room seven stands still")))
    assert done.returncode == 1
    assert "room seven" in done.stderr


def test_the_health_check_fails_where_nothing_runs() -> None:
    done = check(1)
    assert done.returncode == 1
    assert "WORKER_PORT" in done.stderr


@pytest.mark.parametrize(("bake", "fetches"), [("true", True), ("false", False)])
def test_the_image_brings_every_model_that_its_settings_ask_for(
    tmp_path: Path, bake: str, fetches: bool
) -> None:
    (command,) = [rest for kind, rest in stage("models") if kind == "RUN"]
    choices = dict(rest.split("=", 1) for kind, rest in stage("models") if kind == "ARG")
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "$@" >fetched\nenv >>fetched\n')
    python.chmod(0o755)
    subprocess.run(
        ["sh", "-c", command.replace("/models", "models")],
        cwd=tmp_path,
        env={**choices, "BAKE_MODELS": bake, "PATH": f"{tmp_path}:/usr/bin:/bin"},
        check=True,
    )
    assert (tmp_path / "models").is_dir()
    if not fetches:
        assert not (tmp_path / "fetched").exists()
        return
    words, *variables = (tmp_path / "fetched").read_text().splitlines()
    # With names it would fetch those alone, without the end-of-turn model.
    assert words == "-m agent download-files"
    assert {f"{name}={choices[name]}" for name in ("ASR_MODEL", "TTS_VOICE")} <= set(variables)


def test_what_the_image_has_runs_and_knows_its_version(tmp_path: Path) -> None:
    copied = [rest for kind, rest in stage("agent") if kind == "COPY"]
    for rest in copied:
        *sources, place = rest.split()
        if sources[0].startswith("--from"):
            continue
        for source in sources:
            file = tmp_path / place / Path(source).name if place.endswith("/") else tmp_path / place
            file.parent.mkdir(exist_ok=True)
            file.symlink_to(REPOSITORY / source)
    done = subprocess.run(
        [sys.executable, "-m", "agent", "--version"], cwd=tmp_path, capture_output=True, text=True
    )
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert done.stdout.split() == [project["version"]], done.stderr

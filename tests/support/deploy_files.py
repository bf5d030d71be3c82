"""The files of `deploy/`, the settings they name, and the programs that judge them."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from dotenv import dotenv_values

from agent.settings import Settings, read_settings
from agent.settings.environment import variables_of
from services.web.http.server import AddRoutes
from services.web.routes.metrics import MetricsRoute
from services.web.routes.status import HealthRoutes

REPOSITORY = Path(__file__).parents[2]
DEPLOY = REPOSITORY / "deploy"

VARIABLES = {bound.name: bound for bound in variables_of(Settings)}
SECRETS = {name for name, bound in VARIABLES.items() if bound.secret}

GB = 10**9
_SIZES = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
_TIMES = {"": 1, "s": 1, "m": 60, "h": 3600}


def validate(program: str, *arguments: str | Path, install: str, cwd: Path | None = None) -> str:
    """Run a validator, failing the test with what it says or with where to get it."""
    scripts = sysconfig.get_path("scripts")
    found = shutil.which(program, path=scripts) or shutil.which(program)
    if found is None:
        pytest.fail(f"{program} is missing: {install}")
    done = subprocess.run(
        [found, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=60
    )
    said = f"{done.stdout}{done.stderr}"
    assert done.returncode == 0, said
    return said


def load(path: Path) -> Any:
    """The one document of a YAML file."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def documents(path: Path) -> Iterator[dict[str, Any]]:
    """Each document of a YAML file."""
    yield from yaml.safe_load_all(path.read_text(encoding="utf-8"))


def variables_in(path: Path) -> dict[str, str]:
    """What an environment file sets."""
    return {name: value or "" for name, value in dotenv_values(path, interpolate=False).items()}


def size_bytes(text: str | int) -> int:
    """A size as Docker, Kubernetes or systemd write it."""
    digits = str(text).rstrip("KMGi")
    return int(digits) * _SIZES[str(text)[len(digits) :]]


def duration_seconds(text: str | int) -> int:
    """A duration such as `330s`."""
    digits = str(text).rstrip("smh")
    return int(digits) * _TIMES[str(text)[len(digits) :]]


def settings_from(
    variables: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> Settings:
    """What the agent makes of an environment; it must find no mistyped name in it."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings = read_settings(env_file=None)
    assert not [record.getMessage() for record in caplog.records]
    return settings


def default_of(name: str) -> str:
    """Default of a setting, as text."""
    return VARIABLES[name].default


def assert_outlasts_the_drain(grace_seconds: int, settings: Settings) -> None:
    """Whoever ends a worker must wait longer than the worker itself does."""
    lifecycle = settings.lifecycle
    assert grace_seconds > lifecycle.drain_seconds + lifecycle.shutdown_seconds


WORKER_LIMIT_BYTES = 2 * 2**30
WORKER_RESERVATION_BYTES = 512 * 2**20


def paths_of(add_routes: AddRoutes) -> set[str]:
    """The paths that a set of routes answers."""
    app = web.Application()
    add_routes(app)
    return {resource.canonical for resource in app.router.resources()}


def health_paths() -> set[str]:
    """Where a process tells how it is."""
    return paths_of(HealthRoutes(dict, dict))


def metrics_path() -> str:
    """Where a worker shows its metrics."""
    (path,) = paths_of(MetricsRoute(bytes))
    return path

"""This distribution: its version, and whether it runs from a checkout or was installed."""

from __future__ import annotations

import functools
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import platformdirs

from services.defaults import WHISPER_MODEL_PATH

NAME: Final = "local-voice-agent"
SCRIPT: Final = "voice-agent"
"""The command that an installation has."""

_ROOT = Path(__file__).parents[1]
_LIVEKIT_CONFIG = "livekit.yaml"


def version() -> str:
    """Return the version, of the checkout before that of an installation.

    It is "unknown" for a copy of the packages without either, as of a folder somebody took along.
    """
    project = _project()
    if project:
        return str(project["version"])
    return metadata.version(NAME) if is_installed() else "unknown"


def requirements() -> list[str]:
    """Return what this needs, without extras. Raises PackageNotFoundError where nothing says so."""
    project = _project()
    if project:
        return list(project["dependencies"])
    return [line for line in metadata.requires(NAME) or [] if "extra ==" not in line]


@functools.cache
def is_installed() -> bool:
    """Whether this is an installation, beside which nothing may be written."""
    if _project():
        return False
    try:
        metadata.distribution(NAME)
    except metadata.PackageNotFoundError:
        return False
    return True


def env_example() -> Path:
    """Return the file that lists all settings."""
    return _ROOT / "agent" / "env.example" if is_installed() else Path(".env.example")


def repair() -> str:
    """Return how to install it again, for sentences."""
    return f"install {NAME} again" if is_installed() else "run `make setup`"


def models_folder() -> Path:
    """Return the folder of models where no setting names one.

    That is `models` of a checkout and of whoever has one; other installations share the folder of
    the user's cache.
    """
    here = Path(WHISPER_MODEL_PATH)
    if not is_installed() or here.is_dir():
        return here
    return platformdirs.user_cache_path(NAME, appauthor=False) / here


def livekit_config(wanted: Path) -> Path:
    """Return the configuration of the LiveKit server of `dev`.

    Where `wanted` is the default and not in this folder, it is the one that comes with us.
    """
    if wanted != Path(_LIVEKIT_CONFIG) or wanted.exists():
        return wanted
    if is_installed():
        return _ROOT / "services" / "livekit_server" / _LIVEKIT_CONFIG
    return _ROOT / _LIVEKIT_CONFIG


@functools.cache
def _project() -> dict[str, Any]:
    """Return the description of the checkout that this runs from; empty if it is none."""
    try:
        content = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError):
        return {}
    project: dict[str, Any] = content.get("project", {})
    return project if project.get("name") == NAME else {}

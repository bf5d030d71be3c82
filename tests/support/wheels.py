"""The wheels that this tree builds, and environments in which nothing else is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
_LOCK = REPOSITORY / "requirements.lock"
_SOURCES = (
    "agent services scripts docs/licences.md LICENSE MANIFEST.in README.md livekit.yaml "
    "pyproject.toml .env.example requirements.lock"
).split()
_NOT_COPIED = ("node_modules", "page", "__pycache__")


def copy_sources(folder: Path) -> Path:
    """Copy what wheels are built from into `folder`, so that a build leaves nothing here."""
    for name in _SOURCES:
        source, place = REPOSITORY / name, folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, place, ignore=shutil.ignore_patterns(*_NOT_COPIED))
        else:
            shutil.copy(source, place)
    return folder


def build_wheel(sources: Path, folder: Path) -> Path:
    """Build the wheel of the project in `sources`, from its source distribution; return it."""
    _uv_or_pip(
        ["build", "--out-dir", str(folder), str(sources)],
        ["wheel", "--no-deps", "--wheel-dir", str(folder), str(sources)],
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(folder: Path, *wheels: str | Path) -> Path:
    """Make an environment in `folder` with nothing but `wheels` and what they need.

    Returns its folder of programs. Versions are those of the lock.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    versions = folder / "versions.txt"
    # Without the checksums, which pip would want of our wheels too.
    locked = re.findall(r"^[\w.-]+==[^\\\n]+", _LOCK.read_text(), re.MULTILINE)
    versions.write_text("\n".join(locked))
    wanted = ["--constraint", str(versions), *map(str, wheels)]
    _uv_or_pip(
        ["pip", "install", "--python", str(python), *wanted],
        ["--python", str(python), "install", *wanted],
    )
    return python.parent


def _uv_or_pip(for_uv: list[str], for_pip: list[str]) -> None:
    """Set up as scripts/setup.sh does: pip knows mirrors that are set for it alone."""
    uv = [sys.executable, "-m", "uv", *for_uv]
    done = subprocess.run(uv, capture_output=True, text=True, check=False)
    if done.returncode:
        pip = subprocess.run(
            [sys.executable, "-m", "pip", *for_pip], capture_output=True, text=True, check=False
        )
        assert pip.returncode == 0, f"{done.stderr}\n{pip.stderr}"

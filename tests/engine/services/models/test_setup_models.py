"""The set-up fetches models once for each choice of them, and goes on where it cannot."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.genuine import VOICE

ROOT = Path(__file__).parents[4]
NOBODY = "http://127.0.0.1:9"

Setup = Callable[[], str]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The product and its set-up in a folder of their own, with this environment's packages."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "setup.sh", tmp_path / "scripts")
    for name in ("agent", "services"):
        (tmp_path / name).symlink_to(ROOT / name)
    environment = Path(sys.prefix)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(environment / "pyvenv.cfg", tmp_path / ".venv")
    (tmp_path / ".venv" / "lib").symlink_to(environment / "lib")
    (tmp_path / ".venv" / "bin" / "python").symlink_to(Path(sys.executable).resolve())
    return tmp_path


@pytest.fixture
def setup(checkout: Path) -> Setup:
    """Runs the part `models` as `make run` does, with nobody to fetch from; what it says."""

    def run() -> str:
        done = subprocess.run(
            ["bash", "scripts/setup.sh", "models"],
            cwd=checkout,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(checkout),
                "HF_ENDPOINT": NOBODY,
                "PIP_INDEX_URL": f"{NOBODY}/simple",
            },
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    return run


def test_a_machine_without_a_network_waits_once_for_each_choice_of_models(
    checkout: Path, setup: Setup
) -> None:
    assert "Until then the demo models serve" in setup()
    assert setup() == ""
    (checkout / ".env").write_text("ASR_MODEL=small\n")
    assert "small" in setup()
    assert setup() == ""


def test_models_that_are_here_are_found(checkout: Path, setup: Setup, genuine_cache: Path) -> None:
    (checkout / ".env").write_text(f"WHISPER_MODEL_PATH={genuine_cache}\nTTS_VOICE={VOICE}\n")
    said = setup()
    assert "base is already here and verified" in said
    assert f"{VOICE} is already here and verified" in said

"""`scripts/setup.sh` says what is missing before it does anything else."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SETUP = Path(__file__).parents[3] / "scripts" / "setup.sh"
TOOLS = "bash cat cksum dirname find grep head ldconfig sed sort tr uname xargs"


@pytest.fixture
def bare_machine(tmp_path: Path) -> dict[str, str]:
    """The environment of a user without root's rights, on whose PATH is next to nothing."""
    for tool in TOOLS.split():
        program = shutil.which(tool, path="/usr/bin:/bin:/usr/sbin:/sbin")
        assert program, tool
        (tmp_path / tool).symlink_to(program)
    identity = tmp_path / "id"
    identity.write_text("#!/bin/sh\necho 1000\n")
    identity.chmod(0o755)
    return {"PATH": str(tmp_path)}


def test_one_command_gets_everything_that_the_tests_need(bare_machine: dict[str, str]) -> None:
    ended = subprocess.run(
        [SETUP, "programs"], env=bare_machine, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    begin = "setup: what the tests need is missing: sudo apt-get install chromium espeak-ng flite"
    assert line.startswith(begin)


def test_everything_is_said_before_anything_is_done(bare_machine: dict[str, str]) -> None:
    ended = subprocess.run(
        [SETUP, "dev", "page", "programs"],
        env=bare_machine,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    missing = [line.split(" is missing")[0] for line in ended.stderr.splitlines()]
    assert "setup: what the tests need" in missing
    assert all(line.startswith("setup: ") for line in missing)

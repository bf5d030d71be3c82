"""What needs a second try in a run of all tests gets it, is named, and is an exception."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.second_chance import MOST

REPOSITORY = Path(__file__).parents[3]
ONCE = """
from pathlib import Path
import pytest

@pytest.mark.parametrize("number", range({number}))
def test_once(number):
    seen = Path(__file__).with_suffix(f".{{number}}")
    first = not seen.exists()
    seen.touch()
    assert not first, "the packet was lost"
"""
NEVER = "def test_never():\n    assert False\n"


def run(folder: Path, tests: dict[str, str]) -> tuple[int, str]:
    """The exit status and output of a run of these, two at a time."""
    for name, text in tests.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "2", "-p", "scripts.second_chance", "tests"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout


def test_a_room_gets_one_and_is_named(tmp_path: Path) -> None:
    status, output = run(tmp_path, {"tests/room/test_once.py": ONCE.format(number=1)})
    assert status == 0
    assert "first try of tests/room/test_once.py::test_once[0]" in output
    assert "the packet was lost" in output
    assert "  tests/room/test_once.py::test_once[0] (call)" in output.splitlines()


@pytest.mark.parametrize(
    "tests",
    [
        {"tests/room/test_never.py": NEVER},
        {"tests/unit/test_once.py": ONCE.format(number=1)},
        {"tests/browser/test_once.py": ONCE.format(number=MOST + 1)},
    ],
    ids=["fails twice", "keeps no time", "too many"],
)
def test_a_fault_stays_a_fault(tmp_path: Path, tests: dict[str, str]) -> None:
    assert run(tmp_path, tests)[0] == 1

"""A test run that needs too much memory fails, and says so in one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
LINE = "pytest's own process has needed"


def run(folder: Path, megabytes: str, *options: str) -> subprocess.CompletedProcess[str]:
    """A run of one test that passes, with that bound."""
    (folder / "test_nothing.py").write_text("def test_nothing() -> None:\n    pass\n")
    plugin = ("-p", "tests.support.peak_memory", "-o", f"peak_memory_mb={megabytes}")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *plugin, *options, str(folder)],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_run_beyond_the_bound_fails_in_one_line(tmp_path: Path) -> None:
    done = run(tmp_path, "1")
    assert "1 passed" in done.stdout
    assert done.returncode == 1
    (line,) = [line for line in done.stdout.splitlines() if LINE in line]
    assert line.endswith("MB at its peak, and may need 1")


def test_a_process_that_runs_a_part_of_the_tests_is_bound_as_well(tmp_path: Path) -> None:
    done = run(tmp_path, "1", "-n", "1")
    assert done.returncode == 1
    # The one that hands out the tests, and the one that runs them.
    assert len([line for line in done.stdout.splitlines() if LINE in line]) == 2


def test_a_run_within_the_bound_passes_in_silence(tmp_path: Path) -> None:
    done = run(tmp_path, "1024")
    assert done.returncode == 0
    assert LINE not in done.stdout

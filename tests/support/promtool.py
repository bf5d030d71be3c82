"""Prometheus' own tool, which judges rules, queries and answers."""

from __future__ import annotations

import shutil
import subprocess

import pytest


def promtool(*arguments: str, input: str | None = None) -> str:
    """Run promtool; fails the test with what it says, or with where to get it."""
    program = shutil.which("promtool")
    if program is None:
        pytest.fail("promtool is missing: `apt-get install --no-install-recommends prometheus`")
    done = subprocess.run(
        [program, *arguments], input=input, capture_output=True, text=True, timeout=60
    )
    said = f"{done.stdout}{done.stderr}"
    assert done.returncode == 0, said
    return said

"""What breaks a machine's parts needs to be root on it, and Linux."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

TEST_TIMEOUT_SECONDS = 240
"""For a machine that is busy with much else."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests of this folder longer than the others."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(TEST_TIMEOUT_SECONDS))


@pytest.fixture(scope="session", autouse=True)
def _root() -> None:
    """Fail rather than skip: a promise that was not tried is not held."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.fail("these tests break network, disk and memory: run them as root on Linux")

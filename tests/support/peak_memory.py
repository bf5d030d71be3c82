"""A pytest plugin that fails a run one of whose own processes has needed too much memory."""

from __future__ import annotations

import resource
import sys
from typing import Any

import pytest

_OPTION = "peak_memory_mb"
_ALLOWED_MB = 1400
"""3,200 collected tests (430 MB), the demo pair, the genuine pair for as long as the run lasts
(300 MB) and a copy of it that some tests load; rooms, and what a test sends them (250 MB)."""
_MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024
_MB = 2**20
_EXCESSES = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The bound is in the configuration, beside the others."""
    parser.addini(
        _OPTION,
        "MB of 2**20 bytes that a process of pytest's own may need",
        default=str(_ALLOWED_MB),
    )


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Note what a process that ran a part of the tests has needed."""
    _note(node.config, getattr(node, "workeroutput", {}).get(_OPTION, ""))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Turn success into failure where more was needed."""
    excess = _excess(session.config)
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[_OPTION] = excess
        return
    _note(session.config, excess)
    if session.config.stash.get(_EXCESSES, []) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was needed where it was too much."""
    for excess in terminalreporter.config.stash.get(_EXCESSES, []):
        terminalreporter.write_line(excess, red=True)


def _note(config: pytest.Config, excess: str) -> None:
    if excess:
        config.stash.setdefault(_EXCESSES, []).append(excess)


def _excess(config: pytest.Config) -> str:
    """One line; empty where the bound was kept."""
    allowed = float(config.getini(_OPTION))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_BYTES / _MB
    if peak <= allowed:
        return ""
    return f"pytest's own process has needed {peak:.0f} MB at its peak, and may need {allowed:.0f}"

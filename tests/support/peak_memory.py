"""A pytest plugin that fails a run whose own process has needed too much memory."""

from __future__ import annotations

import resource
import sys

import pytest

_OPTION = "peak_memory_mb"
_ALLOWED_MB = 1400
"""The demo pair, the genuine pair for as long as the run lasts (300 MB), and a copy of it that some
tests load; then rooms."""
_MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024
_MB = 2**20


def pytest_addoption(parser: pytest.Parser) -> None:
    """The bound is in the configuration, beside the others."""
    parser.addini(
        _OPTION,
        "MB of 2**20 bytes that pytest's own process may need",
        default=str(_ALLOWED_MB),
    )


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Turn success into failure where more was needed."""
    if _excess(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was needed where it was too much."""
    if excess := _excess(terminalreporter.config):
        terminalreporter.write_line(excess, red=True)


def _excess(config: pytest.Config) -> str:
    """One line; empty where the bound was kept."""
    allowed = float(config.getini(_OPTION))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_BYTES / _MB
    if peak <= allowed:
        return ""
    return f"pytest's own process has needed {peak:.0f} MB at its peak, and may need {allowed:.0f}"

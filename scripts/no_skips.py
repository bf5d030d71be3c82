"""A pytest plugin that fails a run in which a test was skipped."""

import pytest


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Turn success into failure where tests were skipped."""
    if _skipped(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say why the run failed."""
    number = _skipped(terminalreporter.config)
    if number:
        terminalreporter.write_line(f"skipped, and none may be: {number}", red=True)


def _skipped(config: pytest.Config) -> int:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return len(reporter.stats.get("skipped", ())) if reporter else 0

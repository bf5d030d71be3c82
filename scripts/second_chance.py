"""A pytest plugin: who fails in real time, beside other tests, may try once more and is named.

Rooms, browsers, models and servers take turns by the clock of the machine, which a busy one cannot
always keep. A test of these that fails is run a second time, from its own fixtures on; the run's
last lines say which needed it, so that each is looked into. A fault that is there at every try, or
in more than `MOST` tests, fails the run.
"""

import pytest

MOST = 5
_IN_REAL_TIME = (
    "tests/room/",
    "tests/browser/",
    "tests/genuine_models/",
    "tests/faults/",
    "tests/engine/",
    "tests/unit/agent/mcp/",
    "tests/unit/agent/definitions/test_examples.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests of these places a second try."""
    for item in items:
        if item.nodeid.startswith(_IN_REAL_TIME):
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run in which too many needed it."""
    if len(_again(session.config)) > MOST and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name them, and say what the first try said."""
    again = _again(terminalreporter.config)
    if not again:
        return
    for report in again:
        terminalreporter.section(f"first try of {report.nodeid}")
        terminalreporter.write_line(report.longreprtext)
    number = len(again)
    terminalreporter.write_line(
        f"passed or failed at the second try: {number}, at most {MOST} may", yellow=True
    )
    for report in again:
        terminalreporter.write_line(f"  {report.nodeid} ({report.when})")


def _again(config: pytest.Config) -> list[pytest.TestReport]:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return list(reporter.stats.get("rerun", ())) if reporter else []

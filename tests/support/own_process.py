"""A pytest plugin: modules marked `own_process` run in a process of their own.

What their tests measure of the process, such as its memory, then depends on no other module, and
what they leave in it is gone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

MARKER = "own_process"

_REPORTS_FILE = "OWN_PROCESS_REPORTS"
"""Names the file of reports in the environment of such a process."""
_REPORTS = pytest.StashKey[dict[str, list[pytest.TestReport]]]()


class _Failed(Exception):
    """What a test that failed in its own process has printed."""


class _RunElsewhere(pytest.Item):
    """Stands in for a test: runs its module in another process and fails as the test did there."""

    def __init__(self, *, test: pytest.Item, **rest: Any) -> None:
        super().__init__(**rest)
        self._test = test
        self.own_markers = test.own_markers
        self.keywords.update(test.keywords)

    def runtest(self) -> None:
        reports = self.session.stash.setdefault(_REPORTS, {})
        if self.nodeid not in reports:
            reports.update(_run_module(self))
        for report in reports[self.nodeid]:
            if report.failed:
                printed = (f"--- {title}\n{text}" for title, text in report.sections)
                raise _Failed("\n".join((report.longreprtext, *printed)))
            if report.skipped:
                pytest.skip(report.longreprtext)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, _Failed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        return self._test.reportinfo()


def _run_module(test: pytest.Item) -> dict[str, list[pytest.TestReport]]:
    """Run all selected tests of the module of this one; their reports by test."""
    selected = [item.nodeid for item in test.session.items if item.path == test.path]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "reports"
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *selected],
            cwd=test.config.rootpath,
            env={**os.environ, _REPORTS_FILE: str(file)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            raise _Failed(f"{test.path} in its own process:\n{done.stdout}{done.stderr}")
        lines = file.read_text().splitlines()
    found: dict[str, list[pytest.TestReport]] = {}
    for line in lines:
        report = test.config.hook.pytest_report_from_serializable(
            config=test.config, data=json.loads(line)
        )
        found.setdefault(report.nodeid, []).append(report)
    failed = any(report.failed for reports in found.values() for report in reports)
    if done.returncode != pytest.ExitCode.OK and not failed:
        # The run as a whole has failed, such as for the memory that it needed.
        raise _Failed(f"{test.path} in its own process:\n{done.stdout}{done.stderr}")
    return found


class _Reporter:
    """Writes each report into the file that the environment names."""

    def __init__(self, config: pytest.Config, file: Path) -> None:
        self._config = config
        self._file = file

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        with self._file.open("a") as lines:
            lines.write(json.dumps(data) + "\n")


def pytest_configure(config: pytest.Config) -> None:
    """Within such a process, report to the one that started it."""
    if file := os.environ.get(_REPORTS_FILE):
        config.pluginmanager.register(_Reporter(config, Path(file)))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Outside of it, leave the marked tests to processes of their own."""
    if _REPORTS_FILE in os.environ:
        return
    for place, item in enumerate(items):
        if item.parent is not None and item.get_closest_marker(MARKER):
            items[place] = _RunElsewhere.from_parent(item.parent, name=item.name, test=item)

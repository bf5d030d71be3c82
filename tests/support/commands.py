"""Runs commands of `python -m agent` inside the test's process, apart from its surroundings."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.__main__ import main
from agent.settings import Settings
from agent.settings.environment import variables_of


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a command."""

    status: int
    out: str
    err: str


class Commands:
    """A person at a command line, in an empty folder, with no settings but those given here."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str], folder: Path
    ) -> None:
        self._monkeypatch = monkeypatch
        self._capture = capture
        self.folder = folder

    def set(self, **variables: str) -> None:
        """Set environment variables for the commands that follow."""
        for name, value in variables.items():
            self._monkeypatch.setenv(name, value)

    def run(self, *words: str | Path) -> Ran:
        """Run one command to its end."""
        self._capture.readouterr()
        with logging_restored():
            try:
                status = main([str(word) for word in words])
            except SystemExit as ended:
                status = int(ended.code or 0)
        out, err = self._capture.readouterr()
        return Ran(status, out, err)


@contextmanager
def commands(
    monkeypatch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str], folder: Path
) -> Iterator[Commands]:
    """The demo models, and nothing of the settings that the test's own process has."""
    for variable in variables_of(Settings):
        monkeypatch.delenv(variable.name, raising=False)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MODELS", "demo")
    yield Commands(monkeypatch, capture, folder)


@contextmanager
def logging_restored() -> Iterator[None]:
    """Commands set logging up for a process of their own."""
    root = logging.getLogger()
    hooks = sys.excepthook, threading.excepthook
    level, handlers = root.level, list(root.handlers)
    levels = {logger.name: logger.level for logger in _loggers()}
    try:
        yield
    finally:
        logging.captureWarnings(False)
        sys.excepthook, threading.excepthook = hooks
        root.setLevel(level)
        root.handlers[:] = handlers
        for logger in _loggers():
            logger.setLevel(levels.get(logger.name, logging.NOTSET))


def _loggers() -> list[logging.Logger]:
    known = list(logging.root.manager.loggerDict.values())
    return [item for item in known if isinstance(item, logging.Logger)]

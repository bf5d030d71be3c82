"""A typed conversation with the agent, inside the test's process."""

from __future__ import annotations

import os

import pytest

from tests.support.commands import Commands, Ran


class Converse:
    """A person who types lines into `console --text`, until they have no more."""

    def __init__(self, terminal: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
        self.terminal = terminal
        self._monkeypatch = monkeypatch

    def __call__(self, *lines: str) -> Ran:
        """Type these lines, each once the last was answered; what came of it."""
        reading, writing = os.pipe()
        os.write(writing, "".join(f"{line}\n" for line in lines).encode())
        os.close(writing)
        with os.fdopen(reading) as source:
            self._monkeypatch.setattr("sys.stdin", source)
            ran = self.terminal.run("console", "--text")
        assert "Traceback" not in ran.err
        return ran

"""Progress of downloads, on a terminal or in a log."""

import sys
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as RichProgress

LINE_EVERY_PERCENT = 10


class Progress(Protocol):
    """Called by the fetching thread; must not raise."""

    def say(self, line: str) -> None:
        """Show a sentence to the owner."""

    def start(self, name: str, total_bytes: int, done_bytes: int) -> None:
        """Begin a download, of which `done_bytes` are already present."""

    def advance(self, byte_count: int) -> None:
        """Count received bytes; negative for discarded ones."""

    def finish(self) -> None:
        """End the download, successful or not; called once for every `start`."""


class SilentProgress:
    """Shows nothing."""

    def say(self, line: str) -> None:
        pass

    def start(self, name: str, total_bytes: int, done_bytes: int) -> None:
        pass

    def advance(self, byte_count: int) -> None:
        pass

    def finish(self) -> None:
        pass


class ConsoleProgress:
    """Show a bar on a terminal; in a log or pipe, a line for every tenth."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._console = Console(file=stream or sys.stderr, highlight=False)
        self._bar: RichProgress | None = None
        self._name = ""
        self._total_bytes = 0
        self._done_bytes = 0
        self._next_percent = 0

    def say(self, line: str) -> None:
        self._console.print(line, markup=False, soft_wrap=True)

    def start(self, name: str, total_bytes: int, done_bytes: int) -> None:
        self._name, self._total_bytes, self._done_bytes = name, total_bytes, done_bytes
        self._next_percent = LINE_EVERY_PERCENT
        if self._console.is_terminal:
            self._bar = RichProgress(
                TextColumn("{task.description}"),
                BarColumn(),
                DownloadColumn(),
                TransferSpeedColumn(),
                TimeRemainingColumn(),
                console=self._console,
            )
            self._bar.add_task(name, total=total_bytes, completed=done_bytes)
            self._bar.start()

    def advance(self, byte_count: int) -> None:
        self._done_bytes += byte_count
        if self._bar is not None:
            self._bar.advance(self._bar.task_ids[0], byte_count)
            return
        percent = 100 * self._done_bytes // max(1, self._total_bytes)
        if percent >= self._next_percent:
            self.say(f"{self._name}: {percent} % of {self._total_bytes / 1e6:.1f} MB")
            self._next_percent = percent - percent % LINE_EVERY_PERCENT + LINE_EVERY_PERCENT

    def finish(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

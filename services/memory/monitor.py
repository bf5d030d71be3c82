"""Watches the memory of the process and acts before the kernel does."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from ..host.process_memory import resident_bytes
from ..host.threads import run_in_daemon
from .breakdown import Components
from .cleaning import CleaningReport, CleaningStep, clean
from .config import MB, MemoryConfig
from .judge import LevelJudge
from .levels import Level
from .observer import MemoryObserver
from .reading import MemoryMeter
from .report import MemoryState, log_change, log_leak, log_statistics

logger = logging.getLogger("services.memory")

CLEANING_LIMIT_SECONDS = 120.0
"""How long the monitor waits for a cleaning before it goes on watching without it."""

_LONGEST_PAUSE_SECONDS = 3600.0


class MemoryMonitor:
    """Owned by the worker, which runs `run` as a task and cancels it at the end.

    Readings and cleanings run in threads of their own.
    """

    def __init__(
        self,
        config: MemoryConfig,
        meter: MemoryMeter,
        *,
        components: Components | None = None,
        steps: Sequence[CleaningStep] = (),
        each_check: Sequence[Callable[[Level], object]] = (),
        drain: Callable[[], object] | None = None,
    ) -> None:
        """Take a first reading, before any model is loaded; blocks some 10 ms.

        Args:
            config: thresholds and times.
            meter: takes the readings.
            components: parts that report their own size.
            steps: of a cleaning, cheapest first (`standard_steps`).
            each_check: called after each reading, in a thread, which they may block.
            drain: called once in the loop of `run`, when memory stays critical after a cleaning,
                to let rooms finish and end the process; None where nothing would restart it.
        """
        self.components = components or Components()
        self._config = config
        self._steps = tuple(steps)
        self._each_check = tuple(each_check)
        self._drain = drain
        self._observer = MemoryObserver(meter, self.components, slack_mb=config.slack_mb)
        self._judge = LevelJudge(config)
        self._lock = threading.Lock()
        self._cleaning: Future[CleaningReport] | None = None
        self._last_cleaning: CleaningReport | None = None
        self._clean_again_at = 0.0
        self._clean_pause_seconds = config.clean_again_seconds
        self._cleaned_in_vain = False
        self._draining = False
        self._restart_helps = True
        self._statistics_at = time.monotonic() + config.statistics_seconds

    @property
    def level(self) -> Level:
        """How full memory was at the last reading; from any thread."""
        return self._judge.level

    @property
    def ready_bytes(self) -> int | None:
        """The resident set when the models were ready; None before `mark_ready`."""
        return self._observer.ready_bytes

    def mark_ready(self) -> None:
        """Call once when the models are loaded and warm: later growth counts from here.

        Blocks some 10 ms; from any thread.
        """
        self._observer.mark_ready()
        snapshot = self._observer.snapshot
        critical = self._judge.critical(snapshot.reading)
        if critical:
            self._restart_helps = False
            logger.error(
                "the models alone make memory critical: choose smaller ones, or raise "
                "MEMORY_THRESHOLD_MB, GPU_MEMORY_THRESHOLD_MB or the container's limit",
                extra={"measures": critical, "largest_mb": snapshot.largest_mb},
            )

    def headroom_bytes(self) -> int:
        """Return how much may be allocated before memory is critical or the machine is full.

        As of the last reading; from any thread.
        """
        reading = self._observer.snapshot.reading
        config = self._config
        return max(
            0,
            min(
                config.figures().critical - reading.process_bytes,
                config.shares(reading.limit.bytes).critical - reading.counted_bytes,
                reading.available_bytes,
            ),
        )

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            try:
                await self.check()
            except Exception:
                logger.exception("memory check failed")
            seconds = self._config.check_seconds
            if self.level >= Level.HIGH:
                seconds = min(seconds, self._config.elevated_check_seconds)
            await asyncio.sleep(seconds)

    async def check(self) -> Level:
        """Take a reading and act on it; returns the level after that."""
        await asyncio.wrap_future(run_in_daemon("memory-check", self._observe))
        risen = self._update_level()
        if self._draining:
            return self.level
        if self._cleaned_in_vain and self.level is Level.CRITICAL:
            self._request_drain()
        elif self.level >= Level.HIGH and (risen or time.monotonic() >= self._clean_again_at):
            await self._clean_and_judge()
        return self.level

    def clean(self, reason: str) -> Future[CleaningReport]:
        """Begin a cleaning in a thread of its own, or join the running one; from any thread."""
        with self._lock:
            if self._cleaning is None or self._cleaning.done():
                self._cleaning = run_in_daemon("memory-cleaning", lambda: self._clean(reason))
            return self._cleaning

    def trim(self) -> None:
        """Give back what the allocator holds free, for when much was just freed; any thread.

        Blocks up to 0.1 s, in which other threads cannot allocate.
        """
        self._observer.trim()

    def look(self) -> MemoryState:
        """Take a reading without acting on it; blocks some milliseconds, from any thread."""
        self._observer.look()
        return self.state()

    def state(self) -> MemoryState:
        """Return what the last reading found; from any thread, at once."""
        snapshot = self._observer.snapshot
        return MemoryState(
            level=self.level,
            snapshot=snapshot,
            thresholds=self._config.in_force(snapshot.reading.limit.bytes),
            last_cleaning=self._last_cleaning,
            draining=self._draining,
        )

    def _observe(self) -> None:
        """Take a reading, log statistics where due, and run the checks that come with it."""
        statistics = time.monotonic() >= self._statistics_at
        self._observer.record(full=statistics)
        for check in self._each_check:
            try:
                check(self.level)
            except Exception:
                logger.exception("a memory callback failed")
        if statistics:
            self._statistics_at = time.monotonic() + self._config.statistics_seconds
            log_statistics(self.state(), trimmed_bytes=self._observer.take_trimmed_bytes())

    def _update_level(self) -> bool:
        """Judge the last reading; returns whether the level has risen."""
        snapshot = self._observer.snapshot
        change = self._judge.update(snapshot.reading)
        if self.level < Level.CRITICAL:
            self._cleaned_in_vain = False
        if self.level < Level.HIGH:
            self._clean_pause_seconds = self._config.clean_again_seconds
        if change is None:
            return False
        log_change(change, snapshot)
        return change.after > change.before

    async def _clean_and_judge(self) -> None:
        self._clean_again_at = time.monotonic() + self._clean_pause_seconds
        # Where memory stays high, cleaning has less and less to find.
        self._clean_pause_seconds = min(_LONGEST_PAUSE_SECONDS, self._clean_pause_seconds * 2.0)
        cleaning = asyncio.wrap_future(self.clean(f"memory {self.level.name.lower()}"))
        try:
            await asyncio.wait_for(asyncio.shield(cleaning), CLEANING_LIMIT_SECONDS)
        except TimeoutError:
            logger.error("memory cleaning does not end", extra={"seconds": CLEANING_LIMIT_SECONDS})
        self._update_level()
        self._cleaned_in_vain = self.level is Level.CRITICAL

    def _clean(self, reason: str) -> CleaningReport:
        report = clean(self._steps, reason, enough=self._is_low)
        self._observer.mark_trimmed()
        self._last_cleaning = report
        snapshot = self._observer.snapshot
        expected = self._config.leak_bytes(snapshot.reading.limit.bytes)
        if self.level >= Level.HIGH and report.freed_bytes < expected:
            log_leak(report, snapshot)
        return report

    def _is_low(self) -> bool:
        """Whether the resident set is far enough below high to do without the last resorts."""
        high = self._config.in_force(self._observer.snapshot.reading.limit.bytes).high
        return resident_bytes() < high * (1.0 - self._config.hysteresis)

    def _request_drain(self) -> None:
        """Cleaning did not help: drain, or where nothing restarts the worker, log it."""
        self._cleaned_in_vain = False
        process_mb = round(self._observer.snapshot.reading.process_bytes / MB)
        if self._drain is None or not self._restart_helps:
            logger.error(
                "memory stays critical after cleaning: no new rooms until it falls; restart the "
                "worker if it does not",
                extra={"process_mb": process_mb},
            )
            return
        self._draining = True
        logger.error(
            "memory stays critical after cleaning: the worker drains and ends",
            extra={"process_mb": process_mb},
        )
        self._drain()

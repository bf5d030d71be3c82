"""Watches the memory of the process, says what it sees, and acts before the kernel does."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace

from ..host.allocator import trim_allocator
from ..host.event_loops import LoopWatch
from ..host.process_memory import resident_bytes
from ..host.threads import run_in_daemon
from .breakdown import Breakdown, Components
from .cleaning import Cleaner, CleaningReport, CleaningStep
from .config import MB, MemoryConfig
from .levels import Level, LevelTracker, Thresholds
from .reading import MemoryMeter, MemoryReading
from .report import (
    LevelChange,
    MemoryState,
    Seen,
    log_change,
    log_leak,
    log_statistics,
)

logger = logging.getLogger("services.memory")

CLEANING_LIMIT_SECONDS = 120.0
"""How long the monitor waits for a cleaning before it goes on watching without it."""

_LONGEST_PAUSE_SECONDS = 3600.0


class MemoryMonitor:
    """Owned by the worker, which runs `run` as a task and ends it by cancelling that.

    Looking and cleaning happen in threads of its own; the callbacks come in the loop of `run`.
    """

    def __init__(
        self,
        config: MemoryConfig,
        meter: MemoryMeter,
        *,
        watch: LoopWatch,
        components: Components | None = None,
        steps: Sequence[CleaningStep] = (),
        each_check: Sequence[Callable[[Level], object]] = (),
        on_level: Callable[[LevelChange], object] | None = None,
        refuse: Callable[[bool], object] | None = None,
        drain: Callable[[], object] | None = None,
        on_statistics: Callable[[], object] | None = None,
    ) -> None:
        """Take a first reading, before any model is loaded; blocks some 10 ms.

        Args:
            config: thresholds and times.
            meter: takes the readings.
            watch: tells how long a cleaning held up the rooms' loops.
            components: parts that report themselves.
            steps: of a cleaning, cheapest first (`standard_steps`).
            each_check: called after each reading, in the monitor's thread, which it may block.
            on_level: called on each change of level.
            refuse: called with True when no more rooms may come, with False when they may again.
            drain: called once, when memory stays critical after a cleaning, to let rooms finish
                and end the process; None where nobody would start it again.
            on_statistics: called with each statistics line, in the monitor's thread.
        """
        self.components = components or Components()
        self._config = config
        self._meter = meter
        self._cleaner = Cleaner(steps, watch)
        self._each_check = tuple(each_check)
        self._on_level = on_level
        self._refuse = refuse
        self._drain = drain
        self._on_statistics = on_statistics
        self._trackers = {
            name: LevelTracker(config.hysteresis) for name in ("process", "limit", "gpu")
        }
        self._lock = threading.Lock()
        first = meter.read(full=True)
        self._breakdown = Breakdown(first)
        self._seen = Seen(first, self.components.read())
        self._after_trim_bytes = first.process_bytes
        self._trimmed_bytes = 0
        self._level = Level.HEALTHY
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
        return self._level

    @property
    def ready_bytes(self) -> int | None:
        """The resident set when the models were ready; None before `mark_ready`."""
        return self._breakdown.ready_bytes

    def mark_ready(self) -> None:
        """Call once when the models are loaded and warm: later growth counts from here.

        Blocks some 10 ms; from any thread.
        """
        with self._lock:
            self._look(full=True)
            self._breakdown.mark_ready(self._seen.reading, self._seen.reported)
            self._after_trim_bytes = self._seen.reading.process_bytes
            figures = self._figures(self._seen.reading)
        over = [name for name, (used, bounds) in figures.items() if used >= bounds.critical]
        if over:
            self._restart_helps = False
            logger.error(
                "the models alone make memory critical: choose smaller ones, or raise "
                "MEMORY_THRESHOLD_MB, GPU_MEMORY_THRESHOLD_MB or the container's limit",
                extra={"measures": over, "largest_mb": self._seen.largest_mb},
            )

    def headroom_bytes(self) -> int:
        """What may still be used before memory is critical, and the machine can give; any thread.

        As of the last reading.
        """
        reading = self._seen.reading
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
            elevated = self._level >= Level.HIGH
            seconds = self._config.check_seconds
            if elevated:
                seconds = min(seconds, self._config.elevated_check_seconds)
            await asyncio.sleep(seconds)

    async def check(self) -> Level:
        """Look once, and act on what is seen; returns the level after that."""
        await _in_thread("memory-check", self._look_and_tidy)
        risen = self._judge()
        if self._draining:
            return self._level
        if self._cleaned_in_vain and self._level is Level.CRITICAL:
            self._give_up()
        elif self._level >= Level.HIGH and (risen or time.monotonic() >= self._clean_again_at):
            await self._clean_and_judge()
        return self._level

    def clean(self, reason: str) -> Future[CleaningReport]:
        """Begin a cleaning in a thread of its own, or join the one that runs; any thread."""
        with self._lock:
            if self._cleaning is None or self._cleaning.done():
                self._cleaning = run_in_daemon("memory-cleaning", lambda: self._clean_now(reason))
            return self._cleaning

    def state(self) -> MemoryState:
        """What is known as of the last reading; from any thread, at once."""
        seen = self._seen
        return MemoryState(
            level=self._level,
            seen=seen,
            thresholds=self._config.in_force(seen.reading.limit.bytes),
            last_cleaning=self._last_cleaning,
            draining=self._draining,
        )

    def trim(self) -> None:
        """Give back what the allocator holds free, for when much was just freed; any thread.

        Blocks up to 0.1 s, in which other threads cannot allocate.
        """
        with self._lock:
            self._trim()

    def look(self) -> MemoryState:
        """A new reading, without acting on it; blocks some milliseconds, from any thread."""
        with self._lock:
            self._look()
        return self.state()

    def _look(self, *, full: bool = False) -> None:
        reading = self._meter.read(full=full)
        reported = self.components.read()
        parts = self._breakdown.explain(reading, reported)
        self._seen = Seen(reading, reported, parts, self._seen.history, self._seen.growth)

    def _look_and_tidy(self) -> None:
        statistics = time.monotonic() >= self._statistics_at
        with self._lock:
            self._look(full=statistics)
            self._tidy()
            self._breakdown.record(
                self._seen.reading, self._seen.parts, self._seen.reported.members
            )
            self._seen = replace(
                self._seen,
                history=self._breakdown.history,
                growth=self._breakdown.fastest_growing(),
            )
        for act in self._each_check:
            _call(act, self._level)
        if statistics:
            self._statistics_at = time.monotonic() + self._config.statistics_seconds
            trimmed, self._trimmed_bytes = self._trimmed_bytes, 0
            log_statistics(self.state(), trimmed_bytes=trimmed)
            if self._on_statistics is not None:
                _call(self._on_statistics)

    def _tidy(self) -> None:
        """Give back what the allocator has collected, often enough that it never takes long."""
        slack = self._config.slack_mb * MB
        allocator, before = self._seen.reading.allocator, self._seen.reading.process_bytes
        if not slack or allocator is None or allocator.free_bytes < slack:
            return
        if before >= self._after_trim_bytes + slack:
            self._trim()

    def _trim(self) -> None:
        before = resident_bytes()
        trim_allocator()
        self._look_trimmed()
        self._trimmed_bytes += max(0, before - self._seen.reading.process_bytes)

    def _look_trimmed(self) -> None:
        self._look()
        self._breakdown.mark_trimmed(self._seen.reading)
        self._after_trim_bytes = self._seen.reading.process_bytes

    def _judge(self) -> bool:
        """Bring the level up to date; whether it has risen."""
        figures = self._figures(self._seen.reading)
        before = self._level
        old = {name: tracker.level for name, tracker in self._trackers.items()}
        new = {name: self._trackers[name].update(*figure) for name, figure in figures.items()}
        after = max(new.values())
        self._level = after
        if after < Level.CRITICAL:
            self._cleaned_in_vain = False
        if after < Level.HIGH:
            self._clean_pause_seconds = self._config.clean_again_seconds
        if after is before:
            return False
        # Of a rise, the measure that is highest now; of a fall, the one that was highest before.
        decisive = max(new, key=lambda name: max(new[name], old[name]))
        used, thresholds = figures[decisive]
        self._report(LevelChange(before, after, decisive, used, thresholds.of(max(before, after))))
        return after > before

    def _figures(self, reading: MemoryReading) -> dict[str, tuple[int, Thresholds]]:
        """What is judged, each with its thresholds."""
        figures = {
            "process": (reading.process_bytes, self._config.figures()),
            "limit": (reading.counted_bytes, self._config.shares(reading.limit.bytes)),
        }
        if reading.gpu is not None:
            figures["gpu"] = (reading.gpu.process_bytes, self._config.gpu(reading.gpu.total_bytes))
        return figures

    def _report(self, change: LevelChange) -> None:
        log_change(change, self._seen)
        if self._on_level is not None:
            _call(self._on_level, change)
        critical = Level.CRITICAL
        if self._refuse is not None and critical in (change.before, change.after):
            _call(self._refuse, change.after is critical)

    async def _clean_and_judge(self) -> None:
        self._clean_again_at = time.monotonic() + self._clean_pause_seconds
        # Where memory stays high, cleaning has less and less to find.
        self._clean_pause_seconds = min(_LONGEST_PAUSE_SECONDS, self._clean_pause_seconds * 2.0)
        cleaning = asyncio.wrap_future(self.clean(f"memory {self._level.name.lower()}"))
        try:
            await asyncio.wait_for(asyncio.shield(cleaning), CLEANING_LIMIT_SECONDS)
        except TimeoutError:
            logger.error("memory cleaning does not end", extra={"seconds": CLEANING_LIMIT_SECONDS})
        self._judge()
        self._cleaned_in_vain = self._level is Level.CRITICAL

    def _clean_now(self, reason: str) -> CleaningReport:
        report = self._cleaner.clean(reason, enough=self._is_low)
        with self._lock:
            self._look_trimmed()
        self._last_cleaning = report
        expected = self._config.leak_bytes(self._seen.reading.limit.bytes)
        if self._level >= Level.HIGH and report.freed_bytes < expected:
            log_leak(report, self._seen)
        return report

    def _is_low(self) -> bool:
        """Whether the resident set is far enough below high to do without the last resorts."""
        high = self._config.in_force(self._seen.reading.limit.bytes).high
        return resident_bytes() < high * (1.0 - self._config.hysteresis)

    def _give_up(self) -> None:
        """Cleaning did not help: drain, or where nobody restarts the worker, say so."""
        self._cleaned_in_vain = False
        if self._drain is None or not self._restart_helps:
            logger.error(
                "memory stays critical after cleaning: no new rooms until it falls; restart the "
                "worker if it does not",
                extra={"process_mb": round(self._seen.reading.process_bytes / MB)},
            )
            return
        self._draining = True
        logger.error(
            "memory stays critical after cleaning: the worker drains and ends",
            extra={"process_mb": round(self._seen.reading.process_bytes / MB)},
        )
        _call(self._drain)


def _call(callback: Callable[..., object], *arguments: object) -> None:
    try:
        callback(*arguments)
    except Exception:
        logger.exception("a memory callback failed")


async def _in_thread(name: str, function: Callable[[], None]) -> None:
    await asyncio.wrap_future(run_in_daemon(name, function))

"""Lowering memory in steps, cheapest first, each with its gain and the pause it caused."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..host.allocator import trim_allocator
from ..host.event_loops import LoopWatch
from ..host.process_memory import resident_bytes

logger = logging.getLogger("services.memory")

MB = 2**20


class StepSkipped(Exception):
    """Raised by a step that has nothing to do now; the text says why."""


@dataclass(frozen=True, slots=True)
class CleaningStep:
    """One way to lower memory; `run` is called in a thread of the cleaner's."""

    name: str
    run: Callable[[], object]
    last_resort: bool = False
    """Only when the steps before did not suffice."""


@dataclass(frozen=True, slots=True)
class StepGain:
    """What one step did."""

    step: str
    freed_bytes: int
    """Of the resident set; negative when it grew meanwhile."""
    seconds: float
    pause_seconds: float
    """The longest time for which an event loop stood still."""
    paused_loop: str


@dataclass(frozen=True, slots=True)
class CleaningReport:
    """What one cleaning did."""

    reason: str
    before_bytes: int
    after_bytes: int
    gains: tuple[StepGain, ...]
    reloaded: bool = False
    """Whether a last resort was taken."""

    @property
    def freed_bytes(self) -> int:
        """Of the resident set; negative when it grew meanwhile."""
        return self.before_bytes - self.after_bytes


class Cleaner:
    """Runs the steps, one cleaning at a time. Blocks: never call it in an event loop."""

    def __init__(self, steps: Sequence[CleaningStep], watch: LoopWatch) -> None:
        self._steps = tuple(steps)
        self._watch = watch

    def clean(self, reason: str, *, enough: Callable[[], bool]) -> CleaningReport:
        """Run every step; the last resorts only until `enough` says that memory is low enough."""
        before = resident_bytes()
        gains: list[StepGain] = []
        resorted = False
        for step in self._steps:
            if step.last_resort and enough():
                continue
            gain = self._take(step)
            if gain is not None:
                gains.append(gain)
                resorted = resorted or step.last_resort
        report = CleaningReport(reason, before, resident_bytes(), tuple(gains), resorted)
        logger.info(
            "memory cleaned",
            extra={
                "reason": reason,
                "freed_mb": round(report.freed_bytes / MB, 1),
                "process_mb": round(report.after_bytes / MB),
            },
        )
        return report

    def _take(self, step: CleaningStep) -> StepGain | None:
        before = resident_bytes()
        started = time.monotonic()
        try:
            with self._watch.pauses() as pauses:
                step.run()
        except StepSkipped as reason:
            logger.info("memory step skipped", extra={"step": step.name, "reason": str(reason)})
            return None
        except Exception:
            logger.exception("memory step failed", extra={"step": step.name})
            return None
        gain = StepGain(
            step=step.name,
            freed_bytes=before - resident_bytes(),
            seconds=time.monotonic() - started,
            pause_seconds=pauses.longest_seconds,
            paused_loop=pauses.loop,
        )
        logger.info(
            "memory step done",
            extra={
                "step": gain.step,
                "freed_mb": round(gain.freed_bytes / MB, 1),
                "seconds": round(gain.seconds, 3),
                "longest_pause_ms": round(gain.pause_seconds * 1000.0, 1),
                "paused_loop": gain.paused_loop,
            },
        )
        return gain


def standard_steps(
    *,
    temp_files: Callable[[], object] | None = None,
    caches: Sequence[tuple[str, Callable[[], object]]] = (),
    gpu_cache: Callable[[], object] | None = None,
    reload: Callable[[], object] | None = None,
) -> tuple[CleaningStep, ...]:
    """The steps of a worker, cheapest first.

    There is none for onnxruntime's arena: the sessions run without it.

    Args:
        temp_files: removes those that are old.
        caches: each by name, with what drops it.
        gpu_cache: gives back what a library holds of the GPU. CTranslate2 has no call for it; it
            keeps 200 MB at most (CT2_CUDA_CACHING_ALLOCATOR_CONFIG).
        reload: replaces the models; raises StepSkipped when it is not the time.
    """
    steps = []
    if temp_files is not None:
        steps.append(CleaningStep("temp files", temp_files))
    steps.extend(CleaningStep(name, drop) for name, drop in caches)
    steps.append(CleaningStep("garbage collection", gc.collect))
    steps.append(CleaningStep("allocator trim", trim_allocator))
    if gpu_cache is not None:
        steps.append(CleaningStep("gpu cache", gpu_cache))
    if reload is not None:
        steps.append(CleaningStep("model reload", reload, last_resort=True))
        steps.append(CleaningStep("allocator trim after reload", trim_allocator, last_resort=True))
    return tuple(steps)


def settle() -> None:
    """Make what was loaded at start cheap to live with; blocks about 0.5 s, for once at start.

    What exists by now stays for good, so the garbage collector need not look at it again: a full
    collection takes 0.1 ms instead of 150, in which no event loop runs.
    """
    gc.collect()
    gc.freeze()
    trim_allocator()

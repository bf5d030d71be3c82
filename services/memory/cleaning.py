"""Lowering memory in steps, cheapest first, each with what it freed."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..host.allocator import trim_allocator
from ..host.process_memory import resident_bytes
from .config import MB

logger = logging.getLogger("services.memory")


class StepSkipped(Exception):
    """Raised by a step that has nothing to do now; the text says why."""


@dataclass(frozen=True, slots=True)
class CleaningStep:
    """One way to lower memory."""

    name: str
    run: Callable[[], object]
    """Called in the thread of the cleaning."""
    last_resort: bool = False
    """Whether it runs only when the steps before it did not free enough."""
    repeats: bool = False
    """Whether it is run again while memory is not low enough, until it raises StepSkipped."""


@dataclass(frozen=True, slots=True)
class StepGain:
    """The effect of one step."""

    step: str
    freed_bytes: int
    """Of the resident set; negative when it grew meanwhile."""
    seconds: float


@dataclass(frozen=True, slots=True)
class CleaningReport:
    """The effect of one cleaning."""

    reason: str
    before_bytes: int
    after_bytes: int
    gains: tuple[StepGain, ...]

    @property
    def freed_bytes(self) -> int:
        """Of the resident set; negative when it grew meanwhile."""
        return self.before_bytes - self.after_bytes


def clean(
    steps: Sequence[CleaningStep], reason: str, *, enough: Callable[[], bool]
) -> CleaningReport:
    """Run every step, the last resorts only while `enough` returns False.

    Blocks: never call it in an event loop.
    """
    before = resident_bytes()
    gains: list[StepGain] = []
    for step in steps:
        while not (step.last_resort and enough()):
            gain = _run(step)
            if gain is not None:
                gains.append(gain)
            if gain is None or not step.repeats:
                break
    report = CleaningReport(reason, before, resident_bytes(), tuple(gains))
    logger.info(
        "memory cleaned",
        extra={
            "reason": reason,
            "freed_mb": round(report.freed_bytes / MB, 1),
            "process_mb": round(report.after_bytes / MB),
        },
    )
    return report


def standard_steps(
    *,
    temp_files: Callable[[], object],
    caches: Sequence[tuple[str, Callable[[], object]]],
    unload: Callable[[], object],
    reload: Callable[[], object],
) -> tuple[CleaningStep, ...]:
    """Return the steps of a worker, cheapest first.

    None of them shrinks onnxruntime's arena, as the sessions run without one. What CTranslate2
    keeps on a GPU for each call at once goes with the model only.

    Args:
        temp_files: removes old temporary files.
        caches: each by name, with what empties it.
        unload: unloads the model that has been idle longest; raises StepSkipped when none is idle.
        reload: replaces the models; raises StepSkipped when a reload is not due.
    """
    return (
        CleaningStep("temp files", temp_files),
        *(CleaningStep(name, empty) for name, empty in caches),
        CleaningStep("garbage collection", gc.collect),
        CleaningStep("allocator trim", trim_allocator),
        CleaningStep("idle model", unload, last_resort=True, repeats=True),
        CleaningStep("model reload", reload, last_resort=True),
        CleaningStep("allocator trim after reload", trim_allocator, last_resort=True),
    )


def settle() -> None:
    """Exempt what was loaded at start from garbage collection; blocks about 0.5 s, once.

    It stays for good, so collections need not visit it: a full one takes 0.1 ms instead of 150 ms,
    during which no event loop runs.
    """
    gc.collect()
    gc.freeze()
    trim_allocator()


def _run(step: CleaningStep) -> StepGain | None:
    before = resident_bytes()
    started = time.monotonic()
    try:
        step.run()
    except StepSkipped as reason:
        logger.info("memory step skipped", extra={"step": step.name, "reason": str(reason)})
        return None
    except Exception:
        logger.exception("memory step failed", extra={"step": step.name})
        return None
    gain = StepGain(step.name, before - resident_bytes(), time.monotonic() - started)
    logger.info(
        "memory step done",
        extra={
            "step": gain.step,
            "freed_mb": round(gain.freed_bytes / MB, 1),
            "seconds": round(gain.seconds, 3),
        },
    )
    return gain

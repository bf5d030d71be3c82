"""Metrics that are read at each request, from the state that they describe."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from ..admission import Admission, Refusal
from ..host.event_loops import LoopWatch
from ..host.temp_files import TempFileStats
from ..inference import SchedulerStats
from ..inference.circuit_breaker import CircuitState
from ..memory import Level, MemoryState, ModelReload
from . import catalogue
from .catalogue import Definition

if TYPE_CHECKING:
    from ..shared.config import ModelInUse


def ready(value: bool) -> Iterator[Metric]:
    """Whether a new room would be served immediately."""
    yield _single(catalogue.READY, value)


def rooms(count: int, capacity: int) -> Iterator[Metric]:
    """Rooms in progress and the maximum."""
    yield _single(catalogue.ROOMS, count)
    yield _single(catalogue.ROOMS_CAPACITY, capacity)


def waiting(count: int) -> Iterator[Metric]:
    """Refused rooms waiting for a place."""
    yield _single(catalogue.ROOMS_WAITING, count)


def wyoming(clients: int) -> Iterator[Metric]:
    """Clients of the Wyoming server."""
    yield _single(catalogue.WYOMING_CLIENTS, clients)


def admission(owner: Admission) -> Iterator[Metric]:
    """The load reported to the dispatcher, and the answers to offered rooms."""
    yield _single(catalogue.LOAD, owner.load())
    yield _single(catalogue.ACCEPTING, owner.refusal().accepted)
    answers = owner.answers
    yield _single(catalogue.ROOMS_ADMITTED, answers.get(None, 0))
    yield _labelled(
        catalogue.ROOMS_REJECTED, {(reason.value,): answers.get(reason, 0) for reason in Refusal}
    )


def scheduler(stats: SchedulerStats) -> Iterator[Metric]:
    """The calls waiting and running at the inference scheduler, and the threads it has lost."""
    yield _labelled(
        catalogue.INFERENCE_QUEUED,
        {(priority.name.lower(),): count for priority, count in stats.queued.items()},
    )
    yield _single(catalogue.INFERENCE_RUNNING, stats.running)
    yield _single(catalogue.INFERENCE_SLOTS, stats.slots)
    yield _single(catalogue.INFERENCE_WRITTEN_OFF, stats.written_off)
    yield _single(catalogue.INFERENCE_EXHAUSTED, stats.exhausted)


def circuits(states: Mapping[str, CircuitState]) -> Iterator[Metric]:
    """The state of each engine's circuit breaker."""
    yield _labelled(
        catalogue.CIRCUIT_STATE,
        {
            (engine, state.value): state is current
            for engine, current in states.items()
            for state in CircuitState
        },
    )


def models(loaded: Iterable[ModelInUse], loads: Mapping[str, int]) -> Iterator[Metric]:
    """The models in use, and the number of loads of each, by role."""
    yield _labelled(
        catalogue.MODEL_INFO,
        {
            (used.role, used.model.name, "true" if used.model.demo else "false"): 1
            for used in loaded
        },
    )
    yield _labelled(catalogue.MODEL_LOADS, {(role,): count for role, count in loads.items()})


def reloads(owner: ModelReload) -> Iterator[Metric]:
    """Reloads of the models."""
    yield _single(catalogue.MODEL_RELOADS, owner.count)
    if owner.last is not None:
        yield _single(catalogue.MODEL_LAST_RELOAD, owner.last)


def memory(state: MemoryState) -> Iterator[Metric]:
    """The memory of the process, its parts and its limits."""
    reading = state.snapshot.reading
    yield _single(catalogue.MEMORY_PROCESS, reading.process_bytes)
    yield _single(catalogue.MEMORY_UNIQUE, reading.unique_bytes)
    yield _single(catalogue.MEMORY_COUNTED, reading.counted_bytes)
    yield _single(catalogue.MEMORY_LIMIT, reading.limit.bytes)
    yield _labelled(
        catalogue.MEMORY_THRESHOLD,
        {
            (level.name.lower(),): state.thresholds.of(level)
            for level in Level
            if level is not Level.HEALTHY
        },
    )
    yield _single(catalogue.MEMORY_LEVEL, state.level)
    yield _labelled(
        catalogue.MEMORY_PART, {(part,): size for part, size in state.snapshot.parts.items()}
    )
    yield _single(catalogue.MEMORY_MACHINE, reading.system_percent / 100.0)
    if reading.gpu is not None:
        yield _single(catalogue.GPU_MEMORY_PROCESS, reading.gpu.process_bytes)
        yield _single(catalogue.GPU_MEMORY_USED, reading.gpu.used_bytes)
        yield _single(catalogue.GPU_MEMORY_SIZE, reading.gpu.total_bytes)
    yield _single(catalogue.THREADS, reading.threads)


def temp_files(stats: TempFileStats) -> Iterator[Metric]:
    """Temporary files of the process."""
    yield _single(catalogue.TEMP_FILES, stats.count)
    yield _single(catalogue.TEMP_FILE_BYTES, stats.bytes)


def loops(watch: LoopWatch) -> Iterator[Metric]:
    """The lag of the event loops."""
    lag = watch.lag()
    yield _single(catalogue.LOOP_LAG, lag.p99_seconds)
    yield _single(catalogue.LOOP_LAG_LONGEST, lag.longest_seconds)
    yield _single(catalogue.LOOPS_STUCK, len(watch.stuck()))


def _single(definition: Definition, value: float) -> Metric:
    return _labelled(definition, {(): value})


def _labelled(definition: Definition, values: Mapping[tuple[str, ...], float]) -> Metric:
    family: CounterMetricFamily | GaugeMetricFamily
    if definition.kind == "counter":
        family = CounterMetricFamily(definition.name, definition.meaning, labels=definition.labels)
    else:
        family = GaugeMetricFamily(definition.name, definition.meaning, labels=definition.labels)
    for labels, value in values.items():
        family.add_metric(labels, float(value))
    return family

"""Collects the product's figures and renders them for Prometheus."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, get_args

from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from ..admission import Admission
from ..host.event_loops import LoopWatch
from ..host.temp_files import TempFileStats
from ..inference import CallRecord, Outcome, Priority, SchedulerStats
from ..inference.circuit_breaker import CircuitState
from ..memory import MemoryState, ModelReload
from ..protocol import NoticeKind, WaitReason
from . import catalogue, snapshots
from .catalogue import Definition

if TYPE_CHECKING:
    from ..shared.engines import SharedEngines

logger = logging.getLogger("services.metrics")

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

REPLY_OUTCOMES = ("used", "caller went on", "words changed")
NOTICE_KINDS = tuple(kind for kind in NoticeKind if kind is not NoticeKind.CALL_ENDED)
"""Problems that are reported to callers."""
WAIT_REASONS = tuple(WaitReason)
WYOMING_KINDS = ("transcribe", "synthesize")
WYOMING_OUTCOMES = ("done", "failed", "refused", "cancelled")
OTHER = "other"
"""Replaces an unknown value of a label, so that the number of series is bounded."""

_OUTCOMES: tuple[str, ...] = get_args(Outcome)

S = TypeVar("S")


class Metrics:
    """The metrics of one process. Safe from any thread; everything but `render` is cheap.

    Events are recorded with `observe_…` and `count_…`. State is read at each `render`, from the
    sources given to `watch_…`; until a source is given, its metrics are absent.
    """

    def __init__(self, *, others: Sequence[Collector] = (REGISTRY,)) -> None:
        """`others` are rendered with the product's own: the framework's and the process's."""
        registry = CollectorRegistry()
        self._snapshots = _Snapshots()
        registry.register(self._snapshots)
        self._answer = _Merged((registry, *others))
        self._response = _histogram(catalogue.RESPONSE, registry)
        self._end_of_turn = _histogram(catalogue.END_OF_TURN, registry)
        self._transcript = _histogram(catalogue.TRANSCRIPT, registry)
        self._first_token = _histogram(catalogue.FIRST_TOKEN, registry)
        self._first_sound = _histogram(catalogue.FIRST_SOUND, registry)
        self._turns = _counter(catalogue.TURNS, registry)
        self._replies = _counter(catalogue.REPLIES, registry)
        self._notices = _counter(catalogue.CALLER_NOTICES, registry)
        self._api_requests = _counter(catalogue.API_REQUESTS, registry)
        self._asr_factor = _histogram(catalogue.ASR_REAL_TIME_FACTOR, registry)
        self._asr_audio = _counter(catalogue.ASR_AUDIO, registry)
        self._tts_factor = _histogram(catalogue.TTS_REAL_TIME_FACTOR, registry)
        self._tts_speech = _counter(catalogue.TTS_SPEECH, registry)
        self._inference_wait = _histogram(catalogue.INFERENCE_WAIT, registry)
        self._inference_run = _histogram(catalogue.INFERENCE_RUN, registry)
        self._inference_calls = _counter(catalogue.INFERENCE_CALLS, registry)
        self._circuit_opened = _counter(catalogue.CIRCUIT_OPENED, registry)
        self._wyoming = _counter(catalogue.WYOMING_REQUESTS, registry)
        self._call_series: dict[tuple[str, Priority], _CallSeries] = {}
        # Prometheus misses the first event of a series that does not begin at 0.
        for flag in (False, True):
            self._response.labels(_flag(flag))
            self._turns.labels(_flag(flag))
        for outcome in REPLY_OUTCOMES:
            self._replies.labels(outcome)
        for kind in NOTICE_KINDS:
            self._notices.labels(kind)
        for reason in (*WAIT_REASONS, OTHER):
            self._end_of_turn.labels(reason)
        for wyoming_kind in WYOMING_KINDS:
            for outcome in WYOMING_OUTCOMES:
                self._wyoming.labels(wyoming_kind, outcome)

    def render(self) -> bytes:
        """Return all metrics in Prometheus' text format; blocks some milliseconds."""
        return generate_latest(self._answer)

    def observe_turn(
        self,
        *,
        response_seconds: float | None,
        end_of_speech_seconds: float | None,
        wait_reason: str | None,
        transcript_seconds: float | None,
        first_token_seconds: float | None,
        first_sound_seconds: float | None,
        prepared: bool,
        interrupted: bool,
    ) -> None:
        """Record a turn that was answered; None: not measured.

        `wait_reason` is one of `WAIT_REASONS`, None where silence alone ends turns.
        """
        self._turns.labels(_flag(interrupted)).inc()
        _observe(self._response.labels(_flag(prepared)), response_seconds)
        reason = wait_reason if wait_reason in WAIT_REASONS else OTHER
        _observe(self._end_of_turn.labels(reason), end_of_speech_seconds)
        _observe(self._transcript, transcript_seconds)
        _observe(self._first_token, first_token_seconds)
        _observe(self._first_sound, first_sound_seconds)

    def count_reply(self, outcome: str) -> None:
        """Count a reply by its outcome, one of `REPLY_OUTCOMES`."""
        self._replies.labels(outcome if outcome in REPLY_OUTCOMES else OTHER).inc()

    def count_notice(self, kind: str) -> None:
        """Count a problem reported to a caller, one of `NOTICE_KINDS`."""
        self._notices.labels(kind if kind in NOTICE_KINDS else OTHER).inc()

    def count_api_request(self, route: str, status: str) -> None:
        """Count a request to the audio API: its route, and its status or `cancelled`."""
        self._api_requests.labels(route, status).inc()

    def count_wyoming(self, kind: str, outcome: str) -> None:
        """Count a request to the Wyoming server, of `WYOMING_KINDS`, by `WYOMING_OUTCOMES`."""
        self._wyoming.labels(
            kind if kind in WYOMING_KINDS else OTHER,
            outcome if outcome in WYOMING_OUTCOMES else OTHER,
        ).inc()

    def observe_recognition(self, *, audio_seconds: float, compute_seconds: float) -> None:
        """Record a recognition that gave a result."""
        _observe_cost(self._asr_factor, self._asr_audio, audio_seconds, compute_seconds)

    def observe_synthesis(self, *, speech_seconds: float, compute_seconds: float) -> None:
        """Record a sentence that was synthesised, not taken from the phrase cache."""
        _observe_cost(self._tts_factor, self._tts_speech, speech_seconds, compute_seconds)

    def observe_call(self, record: CallRecord) -> None:
        """Record a model call that ended; for `InferenceScheduler.observer`."""
        series = self._call_series.get((record.engine, record.priority))
        if series is None:
            series = self._begin_series(record.engine, record.priority)
        series.ended[record.outcome].inc()
        if record.run_seconds > 0.0:
            _observe(series.wait, record.wait_seconds)
            _observe(series.run, record.run_seconds)

    def circuit_changed(self, engine: str, state: CircuitState) -> None:
        """Record a change of a circuit breaker; for `Circuits(on_change=…)`."""
        opened = self._circuit_opened.labels(engine)
        if state is CircuitState.OPEN:
            opened.inc()

    def watch_ready(self, read: Callable[[], bool]) -> None:
        """Report whether a new room would be served immediately."""
        self._snapshots.watch("ready", read, snapshots.ready)

    def watch_rooms(self, rooms: Callable[[], int], capacity: Callable[[], int]) -> None:
        """Report the rooms in progress and the maximum."""
        self._snapshots.watch(
            "rooms", lambda: (rooms(), capacity()), lambda both: snapshots.rooms(*both)
        )

    def watch_waiting(self, read: Callable[[], int]) -> None:
        """Report how many refused rooms wait for a place."""
        self._snapshots.watch("waiting", read, snapshots.waiting)

    def watch_wyoming(self, read: Callable[[], int]) -> None:
        """Report how many clients the Wyoming server has."""
        self._snapshots.watch("wyoming", read, snapshots.wyoming)

    def watch_admission(self, admission: Admission) -> None:
        """Report the load, and the rooms accepted and refused."""
        self._snapshots.watch("admission", lambda: admission, snapshots.admission)

    def watch_scheduler(self, read: Callable[[], SchedulerStats]) -> None:
        """Report the calls waiting and running; `read` is the scheduler's `stats`."""
        self._snapshots.watch("scheduler", read, snapshots.scheduler)

    def watch_circuits(self, read: Callable[[], Mapping[str, CircuitState]]) -> None:
        """Report the circuit breakers' states; `read` is `Circuits.states`."""
        self._snapshots.watch("circuits", read, snapshots.circuits)

    def watch_models(self, speech: SharedEngines) -> None:
        """Report the models in use."""
        self._snapshots.watch(
            "models", lambda: (speech.in_use, speech.loads), lambda both: snapshots.models(*both)
        )

    def watch_reloads(self, reload: ModelReload) -> None:
        """Report how often the models were reloaded."""
        self._snapshots.watch("reloads", lambda: reload, snapshots.reloads)

    def watch_memory(self, read: Callable[[], MemoryState]) -> None:
        """Report the memory by part; `read` is the monitor's `look` or `state`."""
        self._snapshots.watch("memory", read, snapshots.memory)

    def watch_temp_files(self, read: Callable[[], TempFileStats]) -> None:
        """Report the temporary files; `read` is `TempFiles.stats`."""
        self._snapshots.watch("temp files", read, snapshots.temp_files)

    def watch_loops(self, watch: LoopWatch) -> None:
        """Report the lag of the event loops."""
        self._snapshots.watch("loops", lambda: watch, snapshots.loops)

    def _begin_series(self, engine: str, priority: Priority) -> _CallSeries:
        """Create all series of an engine and class, with every outcome at 0."""
        labels = engine, priority.name.lower()
        series = _CallSeries(
            wait=self._inference_wait.labels(*labels),
            run=self._inference_run.labels(*labels),
            ended={
                outcome: self._inference_calls.labels(*labels, outcome) for outcome in _OUTCOMES
            },
        )
        self._call_series[engine, priority] = series
        return series


@dataclass(frozen=True, slots=True)
class _CallSeries:
    """The series of one engine and class, kept as a look-up by labels costs more than a count."""

    wait: Histogram
    run: Histogram
    ended: Mapping[str, Counter]


class _Snapshots(Collector):
    """Reads every watched part; one that fails is left out and logged once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parts: dict[str, Callable[[], Iterable[Metric]]] = {}
        self._failed: set[str] = set()

    def watch(
        self, part: str, read: Callable[[], S], describe: Callable[[S], Iterable[Metric]]
    ) -> None:
        """Read `part` from now on, replacing what was watched under its name."""
        with self._lock:
            self._parts[part] = lambda: describe(read())

    def describe(self) -> Iterable[Metric]:
        """Return nothing: the parts are not known when the collector is registered."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of all parts."""
        with self._lock:
            parts = dict(self._parts)
        for part, read in parts.items():
            try:
                found = list(read())
            except Exception:
                if part not in self._failed:
                    self._failed.add(part)
                    logger.exception("metrics cannot be read", extra={"part": part})
                continue
            self._failed.discard(part)
            yield from found


class _Merged(Collector):
    """Several collectors as one."""

    def __init__(self, collectors: Sequence[Collector]) -> None:
        self._collectors = tuple(collectors)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of all of them."""
        for collector in self._collectors:
            for metric in collector.collect():
                # The time at which a series began, of which Prometheus makes no use.
                began = f"{metric.name}_created"
                metric.samples = [s for s in metric.samples if s.name != began]
                yield metric


def _counter(definition: Definition, registry: CollectorRegistry) -> Counter:
    return Counter(definition.name, definition.meaning, definition.labels, registry=registry)


def _histogram(definition: Definition, registry: CollectorRegistry) -> Histogram:
    return Histogram(
        definition.name,
        definition.meaning,
        definition.labels,
        buckets=definition.buckets,
        registry=registry,
    )


def _observe(histogram: Histogram, value: float | None) -> None:
    """Ignore what is not a number, as it would stay in the histogram's sum."""
    if value is not None and math.isfinite(value) and value >= 0.0:
        histogram.observe(value)


def _observe_cost(
    factor: Histogram, amount: Counter, media_seconds: float, compute_seconds: float
) -> None:
    if math.isfinite(media_seconds) and media_seconds > 0.0:
        amount.inc(media_seconds)
        _observe(factor, compute_seconds / media_seconds)


def _flag(value: bool) -> str:
    return "true" if value else "false"

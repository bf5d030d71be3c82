"""The metrics: what is counted, what is read, and how both leave."""

from __future__ import annotations

import asyncio
import logging
import math
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from services.admission import Admission, AdmissionLimits, Conditions, Refusal
from services.host.event_loops import LoopWatch
from services.host.gpu import GPUReading
from services.host.temp_files import TempFiles
from services.inference import CallRecord, InferenceScheduler, Priority, Run
from services.inference.circuit_breaker import Circuits
from services.memory import Components, MemoryConfig, MemoryMeter, MemoryMonitor, ModelReload
from services.metrics import CATALOGUE, NOTICE_KINDS, REPLY_OUTCOMES, Metrics, snapshots
from services.metrics.recording import OTHER
from services.shared.config import LoadedModel, ModelInUse
from services.shared.engines import SharedEngines
from tests.support.promql import sample_names
from tests.support.promtool import promtool

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read(metrics: Metrics) -> Samples:
    """The samples of an answer by name and labels."""
    families = text_string_to_metric_families(metrics.render().decode())
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """One sample of an answer; None where there is none."""
    return read(metrics).get((f"voice_agent_{name}", frozenset(labels.items())))


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(others=())


@pytest.fixture
def scheduler() -> Iterator[InferenceScheduler]:
    scheduler = InferenceScheduler(slots=1)
    yield scheduler
    assert scheduler.close()


def submit(
    scheduler: InferenceScheduler,
    job: Callable[[Run], object],
    *,
    engine: str = "asr",
    priority: Priority = Priority.FINAL,
    deadline_seconds: float = 30.0,
) -> Future[object]:
    return scheduler.submit(
        job, engine=engine, owner="room", priority=priority, deadline_seconds=deadline_seconds
    )


def observe_turn(
    metrics: Metrics, response_seconds: float | None = 0.4, wait_reason: str | None = "dictating"
) -> None:
    metrics.observe_turn(
        response_seconds=response_seconds,
        end_of_speech_seconds=0.3,
        wait_reason=wait_reason,
        transcript_seconds=0.28,
        first_token_seconds=None,
        first_sound_seconds=0.06,
        prepared=True,
        interrupted=False,
    )


def test_a_turn_counts_in_each_part_that_was_measured(metrics: Metrics) -> None:
    observe_turn(metrics)
    assert value(metrics, "turns_total", interrupted="false") == 1
    assert value(metrics, "response_seconds_count", prepared="true") == 1
    assert value(metrics, "response_seconds_bucket", prepared="true", le="0.3") == 0
    assert value(metrics, "response_seconds_bucket", prepared="true", le="0.4") == 1
    assert value(metrics, "end_of_turn_seconds_sum", wait="dictating") == 0.3
    assert value(metrics, "end_of_turn_seconds_sum", wait="complete") == 0
    assert value(metrics, "transcript_seconds_sum") == 0.28
    assert value(metrics, "first_token_seconds_count") == 0
    assert value(metrics, "first_sound_seconds_sum") == 0.06


@pytest.mark.parametrize("nonsense", [None, -0.1, math.nan, math.inf])
def test_a_time_that_is_none_stays_out_of_the_histogram(
    metrics: Metrics, nonsense: float | None
) -> None:
    observe_turn(metrics, nonsense)
    observe_turn(metrics, 0.5)
    assert value(metrics, "response_seconds_count", prepared="true") == 1
    assert value(metrics, "response_seconds_sum", prepared="true") == 0.5
    assert value(metrics, "turns_total", interrupted="false") == 2


def test_events_that_have_not_happened_yet_are_zero_and_not_absent(metrics: Metrics) -> None:
    for outcome in REPLY_OUTCOMES:
        assert value(metrics, "replies_total", outcome=outcome) == 0
    for kind in NOTICE_KINDS:
        assert value(metrics, "caller_notices_total", kind=kind) == 0
    assert value(metrics, "turns_total", interrupted="true") == 0
    metrics.count_reply("caller went on")
    metrics.count_notice("llm_unavailable")
    assert value(metrics, "replies_total", outcome="caller went on") == 1
    assert value(metrics, "caller_notices_total", kind="llm_unavailable") == 1


def test_unforeseen_labels_share_one_series(metrics: Metrics) -> None:
    before = len(read(metrics))
    for number in range(100):
        metrics.count_reply(f"reason {number}")
        metrics.count_notice(f"kind {number}")
        observe_turn(metrics, wait_reason=f"wait {number}")
    assert len(read(metrics)) == before + 2
    assert value(metrics, "replies_total", outcome=OTHER) == 100


def test_the_cost_of_an_engine_is_computing_per_second_of_sound(metrics: Metrics) -> None:
    metrics.observe_recognition(audio_seconds=4.0, compute_seconds=0.4)
    metrics.observe_recognition(audio_seconds=0.0, compute_seconds=0.4)
    metrics.observe_synthesis(speech_seconds=2.0, compute_seconds=0.5)
    assert value(metrics, "asr_real_time_factor_sum") == pytest.approx(0.1)
    assert value(metrics, "asr_real_time_factor_count") == 1
    assert value(metrics, "asr_audio_seconds_total") == 4.0
    assert value(metrics, "tts_real_time_factor_sum") == 0.25
    assert value(metrics, "tts_speech_seconds_total") == 2.0


def test_model_calls_count_by_engine_class_and_outcome(
    metrics: Metrics, scheduler: InferenceScheduler
) -> None:
    scheduler.observer = metrics.observe_call
    metrics.watch_scheduler(scheduler.stats)
    running, go_on = threading.Event(), threading.Event()

    def hold(run: Run) -> None:
        running.set()
        go_on.wait()

    first = submit(scheduler, hold)
    running.wait()
    waiting = submit(scheduler, lambda run: None, priority=Priority.INTERIM)
    assert value(metrics, "inference_queued", priority="interim") == 1
    assert value(metrics, "inference_running") == 1
    waiting.cancel()
    go_on.set()
    first.result()
    with pytest.raises(ZeroDivisionError):
        submit(scheduler, lambda run: 1 / 0, engine="tts").result()
    scheduler.close()

    def jobs(engine: str, priority: str, outcome: str) -> float | None:
        labels = {"engine": engine, "priority": priority, "outcome": outcome}
        return value(metrics, "inference_calls_total", **labels)

    assert jobs("asr", "final", "done") == 1
    assert jobs("asr", "final", "timeout") == 0
    assert jobs("asr", "interim", "cancelled") == 1
    assert jobs("tts", "final", "failed") == 1
    assert value(metrics, "inference_run_seconds_count", engine="asr", priority="final") == 1
    assert value(metrics, "inference_wait_seconds_count", engine="asr", priority="final") == 1
    assert not value(metrics, "inference_run_seconds_count", engine="asr", priority="interim")
    assert not value(metrics, "inference_wait_seconds_count", engine="asr", priority="interim")
    assert value(metrics, "inference_slots") == 1
    assert value(metrics, "inference_running") == 0


def test_a_wedged_call_and_the_circuit_it_opens_are_seen(metrics: Metrics) -> None:
    scheduler = InferenceScheduler(slots=1, grace_seconds=0.02, wedge_budget=0)
    circuits = Circuits(failures=1, on_change=metrics.circuit_changed)
    metrics.watch_scheduler(scheduler.stats)
    metrics.watch_circuits(circuits.states)
    seen, go_on = threading.Event(), threading.Event()

    def observe(record: CallRecord) -> None:
        circuits.observe(record)
        metrics.observe_call(record)
        seen.set()

    scheduler.observer = observe
    submit(scheduler, lambda run: go_on.wait(), deadline_seconds=0.01)
    seen.wait()
    labels = {"engine": "asr", "priority": "final", "outcome": "wedged"}
    assert value(metrics, "inference_calls_total", **labels) == 1
    assert value(metrics, "inference_written_off_threads") == 1
    assert value(metrics, "inference_exhausted") == 1
    assert value(metrics, "circuit_opened_total", engine="asr") == 1
    assert value(metrics, "circuit_state", engine="asr", state="open") == 1
    assert value(metrics, "circuit_state", engine="asr", state="closed") == 0
    circuits.of("asr").success()
    assert value(metrics, "circuit_opened_total", engine="asr") == 1
    assert value(metrics, "circuit_state", engine="asr", state="closed") == 1
    go_on.set()
    scheduler.close()


def test_rooms_are_told_with_every_reason_for_refusing_one(metrics: Metrics) -> None:
    conditions = Conditions()
    admission = Admission(AdmissionLimits(max_rooms=1), lambda: conditions)
    metrics.watch_admission(admission)
    metrics.watch_rooms(lambda: admission.rooms, lambda: admission.capacity)
    metrics.watch_waiting(lambda: 2)
    assert value(metrics, "rooms_waiting") == 2
    assert value(metrics, "accepting_rooms") == 1
    assert admission.offer("first").accepted
    with admission.room("first"):
        assert not admission.offer("second").accepted
        assert value(metrics, "rooms") == 1
        assert value(metrics, "accepting_rooms") == 0
        # Below the target from which LiveKit offers a worker nothing, and so tells it of nobody.
        assert value(metrics, "load_ratio") == 0.695
    conditions = Conditions(loop_lag_seconds=9.0)
    assert not admission.offer("third").accepted
    assert value(metrics, "rooms") == 0
    assert value(metrics, "rooms_capacity") == 1
    assert value(metrics, "rooms_admitted_total") == 1
    refused = {r: value(metrics, "rooms_rejected_total", reason=r.value) for r in Refusal}
    assert refused.pop(Refusal.FULL) == 1
    assert refused.pop(Refusal.LOOP_LAG) == 1
    assert set(refused.values()) == {0}


def monitor(components: Components | None = None) -> MemoryMonitor:
    return MemoryMonitor(MemoryConfig(), MemoryMeter(rooms=lambda: 2), components=components)


def test_memory_is_told_whole_and_in_parts_but_not_by_room(metrics: Metrics) -> None:
    components = Components()
    components.add("rooms", lambda: 3_000_000, member="secret room")
    components.add("rooms", lambda: 1_000_000, member="other room")
    watched = monitor(components)
    metrics.watch_memory(watched.look)
    assert (value(metrics, "memory_process_bytes") or 0.0) > 2**20
    assert (value(metrics, "memory_part_bytes", part="libraries") or 0.0) > 2**20
    assert value(metrics, "memory_part_bytes", part="rooms") == 4_000_000
    assert value(metrics, "memory_threshold_bytes", level="critical") == pytest.approx(
        watched.state().thresholds.critical
    )
    assert value(metrics, "memory_level") == 0
    assert 0.0 < (value(metrics, "memory_machine_ratio") or 0.0) <= 1.0
    assert b"secret room" not in metrics.render()
    assert value(metrics, "gpu_memory_used_bytes") is None


def test_gpu_memory_is_told_where_there_is_one(metrics: Metrics) -> None:
    state = monitor().state()
    reading = replace(state.snapshot.reading, gpu=GPUReading(10, 20, 30))
    metrics.watch_memory(lambda: replace(state, snapshot=replace(state.snapshot, reading=reading)))
    assert value(metrics, "gpu_memory_process_bytes") == 10
    assert value(metrics, "gpu_memory_used_bytes") == 20
    assert value(metrics, "gpu_memory_size_bytes") == 30


def test_reloads_and_temporary_files_are_told(metrics: Metrics, tmp_path: Path) -> None:
    reload = ModelReload(
        lambda both: None,
        model_bytes=lambda: 0,
        fragmentation_bytes=0,
        headroom_bytes=lambda: 1,
        ready_bytes=lambda: 0,
    )
    metrics.watch_reloads(reload)
    assert value(metrics, "model_reloads_total") == 0
    assert value(metrics, "model_last_reload_timestamp_seconds") is None
    reload()
    assert value(metrics, "model_reloads_total") == 1
    assert value(metrics, "model_last_reload_timestamp_seconds") == reload.last
    with TempFiles(tmp_path) as files:
        metrics.watch_temp_files(files.stats)
        with files.file() as path:
            path.write_bytes(b"12345")
            assert value(metrics, "temp_files") == 1
            assert value(metrics, "temp_file_bytes") == 5
        assert value(metrics, "temp_files") == 0


@pytest.fixture
async def stuck_loops() -> AsyncIterator[LoopWatch]:
    """A watch that sees this test's own loop stand still while a metric is read in it."""
    loops = LoopWatch(tick_seconds=0.001)
    probe = loops.watch("room")
    yield loops
    probe.close()


async def test_the_lateness_of_event_loops_is_told(
    metrics: Metrics, stuck_loops: LoopWatch
) -> None:
    metrics.watch_loops(stuck_loops)
    await asyncio.sleep(0.01)
    threading.Event().wait(0.05)
    assert (value(metrics, "loop_lag_longest_seconds") or 0.0) > 0.04
    assert (value(metrics, "loop_lag_p99_seconds") or 0.0) > 0.0
    assert value(metrics, "loops_stuck") == 0


def test_models_are_told_by_role(metrics: Metrics) -> None:
    speech = SharedEngines()
    try:
        metrics.watch_models(speech)
        assert value(metrics, "model_loads_total", role="asr") == 0
    finally:
        speech.close()
    loaded = [ModelInUse("voice", "voice model", LoadedModel("demo-en", True, 1), users=1)]
    families = {family.name: family for family in snapshots.models(loaded, {"voice": 2})}
    assert families["voice_agent_model_info"].samples[0].labels == {
        "role": "voice",
        "name": "demo-en",
        "demo": "true",
    }
    assert families["voice_agent_model_loads"].samples[0].value == 2


def test_a_part_that_cannot_be_read_costs_only_its_own_metrics(
    metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    broken = True

    def is_ready() -> bool:
        if broken:
            raise RuntimeError("gone")
        return True

    metrics.watch_ready(is_ready)
    metrics.watch_rooms(lambda: 1, lambda: 5)
    with caplog.at_level(logging.ERROR, logger="services.metrics"):
        assert value(metrics, "ready") is None
        assert value(metrics, "rooms") == 1
    assert [record.getMessage() for record in caplog.records] == ["metrics cannot be read"]
    broken = False
    assert value(metrics, "ready") == 1


def test_many_threads_lose_no_count(metrics: Metrics) -> None:
    def work() -> None:
        for _ in range(500):
            observe_turn(metrics)
            metrics.count_reply("used")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert value(metrics, "turns_total", interrupted="false") == 2000
    assert value(metrics, "response_seconds_count", prepared="true") == 2000
    assert value(metrics, "replies_total", outcome="used") == 2000


def everything(tmp_path: Path) -> str:
    """An answer in which every metric of the product has a value."""
    metrics = Metrics(others=())
    scheduler = InferenceScheduler(slots=1, observer=metrics.observe_call)
    circuits = Circuits(on_change=metrics.circuit_changed)
    circuits.of("asr")
    for _ in range(3):
        circuits.of("tts").failure()
    admission = Admission(AdmissionLimits(), Conditions)
    state = monitor().state()
    reading = replace(state.snapshot.reading, gpu=GPUReading(1, 2, 3))
    reload = ModelReload(
        lambda both: None,
        model_bytes=lambda: 0,
        fragmentation_bytes=0,
        headroom_bytes=lambda: 1,
        ready_bytes=lambda: 0,
    )
    reload()
    speech = SharedEngines()
    try:
        submit(scheduler, lambda run: None).result()
        observe_turn(metrics)
        metrics.observe_recognition(audio_seconds=1.0, compute_seconds=0.1)
        metrics.observe_synthesis(speech_seconds=1.0, compute_seconds=0.1)
        metrics.watch_ready(lambda: True)
        metrics.watch_rooms(lambda: admission.rooms, lambda: admission.capacity)
        metrics.watch_admission(admission)
        metrics.watch_waiting(lambda: 0)
        metrics.watch_wyoming(lambda: 0)
        metrics.watch_scheduler(scheduler.stats)
        metrics.watch_circuits(circuits.states)
        metrics.watch_models(speech)
        metrics.watch_reloads(reload)
        metrics.watch_memory(
            lambda: replace(state, snapshot=replace(state.snapshot, reading=reading))
        )
        metrics.watch_loops(LoopWatch())
        with TempFiles(tmp_path) as files:
            metrics.watch_temp_files(files.stats)
            scheduler.close()
            return metrics.render().decode()
    finally:
        scheduler.close()
        speech.close()


def test_the_catalogue_is_what_is_answered(tmp_path: Path) -> None:
    kinds = {"counter": "_total", "gauge": "", "histogram": ""}
    families = {
        f"{family.name}{kinds[family.type]}": family
        for family in text_string_to_metric_families(everything(tmp_path))
    }
    assert sorted(families) == sorted(definition.name for definition in CATALOGUE)
    for definition in CATALOGUE:
        family = families[definition.name]
        assert family.type == definition.kind
        assert family.documentation == definition.meaning
        for sample in family.samples:
            assert sample.name in sample_names(definition)
            assert set(sample.labels) - {"le"} == set(definition.labels)


def test_names_and_texts_follow_the_conventions_of_prometheus(tmp_path: Path) -> None:
    promtool("check", "metrics", input=everything(tmp_path))
    for definition in CATALOGUE:
        assert definition.meaning.endswith(".")
        assert list(definition.buckets) == sorted(set(definition.buckets))


def test_the_frameworks_and_the_processs_own_metrics_come_along() -> None:
    from livekit.agents.telemetry import metrics as framework

    framework.proc_initialized(time_elapsed=0.2)
    text = Metrics().render().decode()
    assert "lk_agents_proc_initialize_duration_seconds_count" in text
    assert "process_resident_memory_bytes" in text
    assert "voice_agent_turns_total" in text
    assert "_created" not in text

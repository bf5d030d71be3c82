"""Supervision of a worker: memory, event loops, circuit breakers and admission."""

from __future__ import annotations

import gc
import logging
import math
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from agent.runtime.memory import memory_config
from agent.runtime.supervised_room import SupervisedRoom
from agent.settings import Settings
from services.admission import Admission, AdmissionLimits, Conditions
from services.host.cores import available_cores
from services.host.disk import DiskWatch
from services.host.event_loops import LoopWatch
from services.host.temp_files import TempFiles
from services.inference import CallRecord
from services.inference.circuit_breaker import Circuits, CircuitState
from services.memory import (
    Components,
    GPUMeter,
    Level,
    MemoryMeter,
    MemoryMonitor,
    MemoryView,
    ModelReload,
    StepSkipped,
    settle,
    standard_steps,
)
from services.metrics import Metrics
from services.shared.config import ModelProcess
from services.shared.engines import SharedASR, SharedEngines, SharedVoice

logger = logging.getLogger("agent.runtime.supervisor")

MB = 2**20

_STARTING = "starting"
_QUEUE_SHARE = 4
"""No room is taken while urgent calls fill this part of the scheduler's queue: a quarter."""

_ENDING_SECONDS = 10.0
"""How long a room's thread may take to end after the room."""

_LAG_SECONDS = 20.0
_LAG_SAMPLES = 40


class Supervisor:
    """Created before any model is loaded, closed last; safe from any thread.

    `begin` opens admission once the models are ready, and `run` is a task of the worker.
    """

    def __init__(
        self,
        settings: Settings,
        engines: SharedEngines,
        metrics: Metrics,
        *,
        drain: Callable[[], object] | None,
    ) -> None:
        """Guard the engines, and report to the metrics.

        Args:
            settings: of the process.
            engines: the models, loaded or not.
            metrics: of the process.
            drain: lets the rooms finish and ends the process; None where nobody restarts it.

        Raises:
            TempFilesError: there is no folder for temporary files.
        """
        memory, limits = settings.memory, settings.limits
        self._engines = engines
        self.metrics = metrics
        self._room_ended_at = -math.inf
        self._collected_at = time.monotonic()
        self._loops = LoopWatch()
        self._components = Components()
        self._components.add_parts(self._model_parts)
        self._gpu = GPUMeter.open() if settings.asr.device != "cpu" else None
        self.temp_files = TempFiles(
            max_age_seconds=memory.temp_file_seconds,
            pressure_age_seconds=memory.temp_file_pressure_seconds,
        )
        self.circuits = Circuits(
            failures=limits.circuit_failures,
            open_seconds=limits.circuit_open_seconds,
            on_change=metrics.circuit_changed,
        )
        self.admission = Admission(
            AdmissionLimits(
                max_rooms=limits.max_rooms,
                cores=available_cores(),
                loop_lag_seconds=limits.loop_lag_seconds,
                waiting_calls=max(1, limits.inference_queue_limit // _QUEUE_SHARE),
            ),
            self._conditions,
        )
        self.admission.hold(_STARTING)
        self._reload = ModelReload(
            lambda both_fit: engines.reload(both_fit=both_fit),
            model_bytes=self._largest_model_bytes,
            fragmentation_bytes=memory.fragmentation_mb * MB,
            headroom_bytes=self._headroom_bytes,
            ready_bytes=self._ready_bytes,
            interval_seconds=memory.reload_seconds,
        )
        self.monitor = MemoryMonitor(
            memory_config(memory),
            MemoryMeter(rooms=lambda: self.admission.rooms, gpu=self._gpu),
            components=self._components,
            steps=standard_steps(
                temp_files=lambda: self.temp_files.sweep(pressure=True),
                caches=[("phrase cache", self._forget_phrases)],
                unload=self._unload_idle,
                reload=self._reload,
            ),
            each_check=[
                lambda level: self.temp_files.sweep(pressure=level >= Level.HIGH),
                lambda _: self._collect_ended_rooms(),
                *(
                    _disk_check(folder)
                    for folder in (settings.models.cache, self.temp_files.folder)
                ),
            ],
            drain=drain,
        )
        self.view = MemoryView(
            self.monitor, temp_files=self.temp_files, reload=self._reload, more=self._more
        )
        engines.scheduler.observer = self._observe
        engines.scheduler.guard = self.circuits.allow
        engines.headroom_bytes = self._fresh_headroom_bytes
        self._report()

    def _observe(self, record: CallRecord) -> None:
        self.circuits.observe(record)
        self.metrics.observe_call(record)

    def _report(self) -> None:
        """Have the metrics read the state that is kept here."""
        metrics = self.metrics
        metrics.watch_scheduler(self._engines.scheduler.stats)
        metrics.watch_models(self._engines)
        metrics.watch_rooms(lambda: self.admission.rooms, lambda: self.admission.capacity)
        metrics.watch_admission(self.admission)
        metrics.watch_circuits(self.circuits.states)
        metrics.watch_memory(self.monitor.look)
        metrics.watch_reloads(self._reload)
        metrics.watch_temp_files(self.temp_files.stats)
        metrics.watch_loops(self._loops)

    def begin(self) -> None:
        """Open admission, and measure growth from here: all models are ready. Blocks 0.5 s."""
        settle()
        self.monitor.mark_ready()
        self.admission.hold(_STARTING, False)

    async def run(self) -> None:
        """Watch the memory and the running loop until cancelled."""
        probe = self._loops.watch("worker")
        try:
            await self.monitor.run()
        finally:
            probe.close()

    def enter_room(self, job: str, name: str) -> SupervisedRoom:
        """Count a room that begins, and watch the running loop, which is its own."""
        stack = ExitStack()
        stack.callback(self._room_ended)
        stack.enter_context(self.admission.room(job))
        stack.callback(self._loops.watch(name).close)
        return SupervisedRoom(name, self._components, stack)

    def voice_in_service(self, voice: SharedVoice) -> bool:
        """Whether the circuit breaker lets the voice be used; from any thread."""
        return self.circuits.of(voice.engine).usable

    def out_of_service(self, model: SharedASR | SharedVoice) -> bool:
        """Whether the circuit of a model is open, or its process is away; from any thread.

        Not half open, as then a room is what tries it.
        """
        engines = self._engines
        if engines.elsewhere is not None and engines.elsewhere.problem:
            return True
        if model.slot is None and model is not engines.asr and model is not engines.tts:
            # It was never called.
            return False
        return self.circuits.states().get(model.engine) is CircuitState.OPEN

    @property
    def engines_out_of_service(self) -> list[str]:
        """The names of the engines that are left alone for a while, for operators."""
        states = self.circuits.states().items()
        return sorted(engine for engine, state in states if state is CircuitState.OPEN)

    def close(self) -> None:
        """Remove the temporary files and close the GPU's driver. Idempotent."""
        self.temp_files.close()
        if self._gpu is not None:
            self._gpu.close()
            self._gpu = None

    def _room_ended(self) -> None:
        self._room_ended_at = time.monotonic()

    def _collect_ended_rooms(self) -> None:
        """Collect the cycles that are left of a room, with its threads and native parts.

        Their memory is returned to the system at once, before it fragments.
        """
        if self._collected_at <= self._room_ended_at + _ENDING_SECONDS:
            self._collected_at = time.monotonic()
            gc.collect()
            self.monitor.trim()

    def _conditions(self) -> Conditions:
        scheduler = self._engines.scheduler.stats()
        elsewhere = self._engines.elsewhere
        return Conditions(
            memory=max(self.monitor.level, elsewhere.memory.level if elsewhere else Level.HEALTHY),
            headroom_bytes=max(0, self._room_bytes()),
            loop_lag_seconds=self._lasting_lag_seconds(),
            waiting_calls=self._engines.waiting_calls,
            asr_unavailable=self.out_of_service(self._engines.asr),
            tts_unavailable=self.out_of_service(self._engines.tts),
            threads_exhausted=scheduler.exhausted,
        )

    def _room_bytes(self) -> int:
        """Return what rooms may take: idle models give way, and some are about to be loaded."""
        engines = self._engines
        return self.monitor.headroom_bytes() + engines.idle_bytes - engines.pending_bytes

    def _lasting_lag_seconds(self) -> float:
        """Return the lag that persists, without that of a start or a single stall.

        LiveKit does not soon offer a refused room again, so a passing lag must not refuse one.
        """
        lag = self._loops.lag(last_seconds=_LAG_SECONDS)
        return lag.p90_seconds if lag.samples >= _LAG_SAMPLES else 0.0

    def _headroom_bytes(self) -> int:
        return self.monitor.headroom_bytes()

    def _ready_bytes(self) -> int | None:
        return self.monitor.ready_bytes

    def _largest_model_bytes(self) -> int:
        return max((used.model.memory_bytes for used in self._engines.in_use), default=0)

    def _model_parts(self) -> dict[str, int]:
        parts = {used.part: used.model.memory_bytes for used in self._engines.in_use}
        voices = self._engines.loaded_voices
        if voices:
            parts["phrase cache"] = sum(voice.cached_bytes for voice in voices)
        return parts

    def _forget_phrases(self) -> None:
        for voice in self._engines.loaded_voices:
            voice.forget_phrases()

    def _unload_idle(self) -> None:
        if self._engines.unload_idle() is None:
            raise StepSkipped("no model is idle")
        self.monitor.trim()

    def _fresh_headroom_bytes(self) -> int:
        self.monitor.look()
        return self.monitor.headroom_bytes()

    def _more(self) -> dict[str, Any]:
        lag = self._loops.lag()
        elsewhere = self._engines.elsewhere
        return {
            **({"speech_process": process_json(elsewhere)} if elsewhere is not None else {}),
            "loop_lag_ms": {
                "p99": round(lag.p99_seconds * 1000.0, 1),
                "longest": round(lag.longest_seconds * 1000.0, 1),
                "loop": lag.loop,
            },
            "circuits": {engine: state.value for engine, state in self.circuits.states().items()},
            "admission": {
                "capacity": self.admission.capacity,
                "load": round(self.admission.load(), 3),
                "answers": {
                    answer.value if answer else "accepted": count
                    for answer, count in self.admission.answers.items()
                },
            },
        }


def process_json(elsewhere: ModelProcess) -> dict[str, Any]:
    """Return the state of the process that has the models; sizes in MB of 2**20 bytes."""
    memory = elsewhere.memory
    return {
        "socket": elsewhere.where,
        "problem": elsewhere.problem,
        "level": memory.level.name.lower(),
        "process_mb": round(memory.process_bytes / MB, 1),
    }


def _disk_check(folder: Path) -> Callable[[Level], object]:
    watch = DiskWatch(folder)
    return lambda _: watch.check()

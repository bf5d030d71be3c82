"""What keeps a worker fit: its memory, its loops, its engines' circuits, and who gets in."""

from __future__ import annotations

import gc
import logging
import math
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from agent.settings import Settings
from agent.settings.operation import MemorySettings
from services.admission import Admission, AdmissionLimits, Conditions
from services.host.cores import available_cores
from services.host.disk import DiskWatch
from services.host.event_loops import LoopWatch
from services.host.temp_files import TempFiles
from services.inference import CallRecord, Priority
from services.inference.circuit_breaker import Circuits, CircuitState
from services.memory import (
    ROOMS,
    Components,
    GPUMeter,
    Level,
    MemoryConfig,
    MemoryMeter,
    MemoryMonitor,
    MemoryView,
    ModelReload,
    settle,
    standard_steps,
)
from services.metrics import Metrics
from services.shared.engines import SharedEngines
from services.web.http.guard import Guard
from services.web.routes.admin import AdminAccess, MemoryRoutes

logger = logging.getLogger("agent.runtime.supervisor")

MB = 2**20

_STARTING = "starting"
_QUEUE_SHARE = 4
"""With a quarter of the scheduler's queue full of calls that people wait for, no room is taken."""

_ENDING_SECONDS = 10.0
"""A room's thread may take so long to end after the room has."""

_LAG_SECONDS = 20.0
_LAG_SAMPLES = 40


class Upkeep:
    """Made before any model is loaded, closed last; safe from any thread.

    `watch_over` gets the models, `begin` says that they are ready, `run` is the worker's task.
    """

    def __init__(self, settings: Settings, *, drain: Callable[[], object] | None) -> None:
        """`drain` lets the rooms finish and ends the process; None where nobody restarts it."""
        memory, limits = settings.memory, settings.limits
        self.loops = LoopWatch()
        self.components = Components()
        self.metrics = Metrics()
        self.circuits = Circuits(
            failures=limits.circuit_failures,
            open_seconds=limits.circuit_open_seconds,
            on_change=self.metrics.circuit_changed,
        )
        self.temp_files = TempFiles(
            max_age_seconds=memory.temp_file_seconds,
            pressure_age_seconds=memory.temp_file_pressure_seconds,
        )
        self._speech: SharedEngines | None = None
        self._room_ended_at = -math.inf
        self._collected_at = time.monotonic()
        self._gpu = GPUMeter.open() if settings.asr.device != "cpu" else None
        self.reload = ModelReload(
            self._reload_models,
            model_bytes=lambda: max((m.memory_bytes for m in self._loaded().values()), default=0),
            fragmentation_bytes=memory.fragmentation_mb * MB,
            headroom_bytes=lambda: self.monitor.headroom_bytes(),
            ready_bytes=lambda: self.monitor.ready_bytes,
            interval_seconds=memory.reload_seconds,
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
        self.monitor = MemoryMonitor(
            memory_config(memory),
            MemoryMeter(rooms=lambda: self.admission.rooms, gpu=self._gpu),
            components=self.components,
            steps=standard_steps(
                temp_files=lambda: self.temp_files.sweep(pressure=True),
                caches=[("phrase cache", self._forget_phrases)],
                reload=self.reload,
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
        self.components.add_parts(self._model_parts)
        self.view = MemoryView(
            self.monitor, temp_files=self.temp_files, reload=self.reload, more=self._more
        )
        self._report()

    def watch_over(self, speech: SharedEngines) -> None:
        """Take these models into account, loaded or not, and guard their engines."""
        self._speech = speech
        speech.scheduler.observer = self._observe
        speech.scheduler.guard = self.circuits.allow
        self.metrics.watch_scheduler(speech.scheduler.stats)
        self.metrics.watch_models(speech)

    def _observe(self, record: CallRecord) -> None:
        self.circuits.observe(record)
        self.metrics.observe_call(record)

    def _report(self) -> None:
        """Have the metrics read what is kept here."""
        metrics = self.metrics
        metrics.watch_rooms(lambda: self.admission.rooms, lambda: self.admission.capacity)
        metrics.watch_admission(self.admission)
        metrics.watch_circuits(self.circuits.states)
        metrics.watch_memory(self.monitor.look)
        metrics.watch_reloads(self.reload)
        metrics.watch_temp_files(self.temp_files.stats)
        metrics.watch_loops(self.loops)

    def begin(self) -> None:
        """All models are ready: rooms may come, and growth counts from here. Blocks 0.5 s."""
        settle()
        self.monitor.mark_ready()
        self.admission.hold(_STARTING, False)

    async def run(self) -> None:
        """Watch until cancelled."""
        probe = self.loops.watch("worker")
        try:
            await self.monitor.run()
        finally:
            probe.close()

    def enter_room(self, job: str, name: str) -> RoomUpkeep:
        """Count a room that begins, and watch the running loop, which is its own."""
        return RoomUpkeep(self, job, name, on_end=self._room_ended)

    def routes(self, token: str | None, guard: Guard) -> MemoryRoutes:
        """The admin routes, for a web server."""
        return MemoryRoutes(AdminAccess(token, guard), self.view.look, self.view.clean)

    def close(self) -> None:
        """Remove the temporary files and let go of the driver. Idempotent."""
        self.temp_files.close()
        if self._gpu is not None:
            self._gpu.close()
            self._gpu = None

    def _room_ended(self) -> None:
        self._room_ended_at = time.monotonic()

    def _collect_ended_rooms(self) -> None:
        """The framework leaves rooms as cycles, whose threads and native parts stay until then.

        What they held is given back at once: else each could leave other gaps behind.
        """
        if self._collected_at <= self._room_ended_at + _ENDING_SECONDS:
            self._collected_at = time.monotonic()
            gc.collect()
            self.monitor.trim()

    def _conditions(self) -> Conditions:
        speech = self._speech
        scheduler = speech.scheduler.stats() if speech is not None else None
        urgent = (Priority.FINAL, Priority.SPECULATIVE)
        states = self.circuits.states()
        return Conditions(
            memory=self.monitor.level,
            headroom_bytes=self.monitor.headroom_bytes(),
            loop_lag_seconds=self._lasting_lag_seconds(),
            waiting_calls=sum(scheduler.queued[priority] for priority in urgent)
            if scheduler
            else 0,
            deaf=states.get("asr") is CircuitState.OPEN,
            mute=states.get("tts") is CircuitState.OPEN,
            worn_out=scheduler.exhausted if scheduler else False,
        )

    def _lasting_lag_seconds(self) -> float:
        """Lateness that lasts: what a start or a single stall brings would refuse rooms for long,
        and LiveKit does not offer a refused room again soon."""
        lag = self.loops.lag(last_seconds=_LAG_SECONDS)
        return lag.p90_seconds if lag.samples >= _LAG_SAMPLES else 0.0

    def _loaded(self) -> dict[str, Any]:
        return dict(self._speech.loaded) if self._speech is not None else {}

    def _model_parts(self) -> dict[str, int]:
        parts = {f"{role} model": model.memory_bytes for role, model in self._loaded().items()}
        voice = self._speech.tts.peek() if self._speech is not None else None
        if voice is not None:
            parts["phrase cache"] = voice.cached_bytes
        return parts

    def _forget_phrases(self) -> None:
        voice = self._speech.tts.peek() if self._speech is not None else None
        if voice is not None:
            voice.forget_phrases()

    def _reload_models(self, both_fit: bool) -> None:
        if self._speech is not None:
            self._speech.reload(both_fit=both_fit)

    def _more(self) -> dict[str, Any]:
        lag = self.loops.lag()
        return {
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


class RoomUpkeep:
    """What is watched of one room, from its begin to its end."""

    def __init__(
        self,
        upkeep: Upkeep,
        job: str,
        name: str,
        *,
        on_end: Callable[[], None],
    ) -> None:
        """Made in the room's own event loop."""
        self._name = name
        self._components = upkeep.components
        self._stack = ExitStack()
        self._stack.callback(on_end)
        self._stack.enter_context(upkeep.admission.room(job))
        self._stack.callback(upkeep.loops.watch(name).close)

    def account(self, read: Callable[[], int]) -> None:
        """Have the room's state counted: `read` gives its bytes, from any thread, quickly."""
        self._stack.callback(self._components.add(ROOMS, read, member=self._name))

    def close(self) -> None:
        """The room is over. Idempotent; from any thread."""
        self._stack.close()


def memory_config(memory: MemorySettings) -> MemoryConfig:
    """The monitor's figures as the settings want them."""
    return MemoryConfig(
        check_seconds=memory.check_seconds,
        statistics_seconds=memory.statistics_seconds,
        warning_mb=memory.warning_mb,
        high_mb=memory.high_mb,
        critical_mb=memory.critical_mb,
        warning_percent=memory.warning_percent,
        high_percent=memory.high_percent,
        critical_percent=memory.critical_percent,
        gpu_critical_mb=memory.gpu_mb,
    )


def _disk_check(folder: Path) -> Callable[[Level], object]:
    watch = DiskWatch(folder)
    return lambda _: watch.check()

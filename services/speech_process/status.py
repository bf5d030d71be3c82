"""What a speech process says of itself, once a second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..inference import Priority
from ..memory.levels import Level
from ..shared.config import LoadedModel, ModelInUse, ProcessMemory
from ..shared.engines import SharedEngines
from .frames import FrameError, Header
from .frames import field as read

STATUS_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """The state of a speech process."""

    pid: int
    memory: ProcessMemory
    queued: Mapping[Priority, int]
    """Model calls that wait."""
    running: int
    slots: int
    exhausted: bool
    """It has lost too many threads, and is to be started again."""
    models: tuple[ModelInUse, ...]
    loads: Mapping[str, int] = field(default_factory=dict)
    """How often models were loaded, by role."""
    clients: int = 0
    """Processes that use it."""

    @classmethod
    def of(
        cls, engines: SharedEngines, memory: ProcessMemory, *, pid: int, clients: int
    ) -> ServerStatus:
        """Return the present state; quick, from any thread."""
        stats = engines.scheduler.stats()
        return cls(
            pid=pid,
            memory=memory,
            queued=stats.queued,
            running=stats.running,
            slots=stats.slots,
            exhausted=stats.exhausted,
            models=tuple(engines.in_use),
            loads=engines.loads,
            clients=clients,
        )

    def header(self) -> Header:
        """Return the fields of a header."""
        return {
            "pid": self.pid,
            "memory": {
                "level": self.memory.level.name.lower(),
                "headroom_bytes": self.memory.headroom_bytes,
                "process_bytes": self.memory.process_bytes,
            },
            "queued": {priority.name.lower(): n for priority, n in self.queued.items()},
            "running": self.running,
            "slots": self.slots,
            "exhausted": self.exhausted,
            "models": [
                {
                    "role": used.role,
                    "part": used.part,
                    "name": used.model.name,
                    "demo": used.model.demo,
                    "memory_bytes": used.model.memory_bytes,
                    "users": used.users,
                }
                for used in self.models
            ],
            "loads": dict(self.loads),
            "clients": self.clients,
        }

    @classmethod
    def read(cls, header: Header) -> ServerStatus:
        """Raises FrameError."""
        memory, queued = read(header, "memory", dict), read(header, "queued", dict)
        try:
            level = Level[read(memory, "level", str).upper()]
        except KeyError:
            raise FrameError("an unknown level of memory") from None
        return cls(
            pid=read(header, "pid", int),
            memory=ProcessMemory(
                level,
                read(memory, "headroom_bytes", int, None),
                read(memory, "process_bytes", int),
            ),
            queued={p: read(queued, p.name.lower(), int, 0) for p in Priority},
            running=read(header, "running", int),
            slots=read(header, "slots", int),
            exhausted=read(header, "exhausted", bool),
            models=tuple(_model(each) for each in read(header, "models", list)),
            loads={str(k): v for k, v in read(header, "loads", dict).items() if type(v) is int},
            clients=read(header, "clients", int),
        )


def _model(header: object) -> ModelInUse:
    if not isinstance(header, dict):
        raise FrameError("a model that is none")
    return ModelInUse(
        role=read(header, "role", str),
        part=read(header, "part", str),
        model=LoadedModel(
            read(header, "name", str),
            read(header, "demo", bool),
            read(header, "memory_bytes", int),
        ),
        users=read(header, "users", int),
    )

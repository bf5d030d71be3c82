"""One model of this machine: loaded once for all who hold it, left while nobody does."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Generic

from ..host.process_memory import measure_growth
from ..models import estimated_bytes
from .config import LoadedModel
from .load_once import LoadOnce
from .model_kind import Engine, Model, Request

if TYPE_CHECKING:
    from .pool import ModelPool

logger = logging.getLogger("services.shared")


class ModelSlot(Generic[Request, Model, Engine]):
    """One model of this machine, loaded or not. Safe from any thread."""

    def __init__(
        self,
        pool: ModelPool[Request, Model, Engine],
        model: Model,
        name: str,
        is_default: bool,
        weights: Path,
    ) -> None:
        kind = pool.kind
        self.name = name
        self.role = kind.role
        self.part = f"{kind.role} model {name}".rstrip()
        """Of the memory."""
        self.engine = f"{kind.engine} {name}".rstrip()
        """The name of its calls at the scheduler."""
        self.model = model
        self.is_default = is_default
        self.loaded: LoadedModel | None = None
        self.used_at = time.monotonic()
        self._pool = pool
        self.weights = weights
        """Its largest file."""
        self._bytes = estimated_bytes(weights)
        self._lock = threading.Lock()
        self._users = 0
        self.once: LoadOnce[Engine] = LoadOnce(
            self.engine, self._load, discard=lambda engine: engine.close()
        )

    @property
    def users(self) -> int:
        """How many hold it with `SharedModel.use`."""
        return self._users

    @property
    def bytes_to_load(self) -> int:
        """The bytes that its load will take, as measured or else estimated; 0 while loaded."""
        return self._bytes if self.once.peek() is None else 0

    def hold(self, by: int) -> None:
        """Count users up or down."""
        with self._lock:
            self._users += by
            self.used_at = time.monotonic()

    def unload(self) -> bool:
        """Free the model unless somebody uses it; returns whether that was done."""
        with self._lock:
            engine = self.once.take() if not self._users else None
            if engine is None:
                return False
            self.loaded = None
        engine.close()
        logger.info("idle model unloaded", extra={"role": self.role, "model": self.model.name})
        return True

    def renew(self, *, both_fit: bool) -> None:
        """Load it again if it is loaded; blocks.

        Replies and files in progress go on with the new one.
        """
        if self.once.peek() is None:
            return
        old = self.once.put(self._load()) if both_fit else self.once.take()
        if old is not None:
            old.retire(self.once.get)
        self.once.get_blocking()

    def _load(self) -> Engine:
        pool, model = self._pool, self.model
        with pool.loading:
            pool.make_room(self._bytes)
            with measure_growth() as growth:
                engine = pool.kind.start(model, self.engine, self.is_default)
            self._bytes = growth.bytes
            self.loaded = LoadedModel(
                model.name, model.demo, growth.bytes, model.source, model.note
            )
        logger.info(
            "model ready",
            extra={
                "role": self.role,
                "model": model.name,
                "demo": model.demo,
                "memory_mib": round(growth.bytes / 2**20, 1),
                **pool.kind.facts(engine),
            },
        )
        return engine

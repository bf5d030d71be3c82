"""A model as somebody asks for it: that one, or the one that takes its place."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Generic

from ..models import estimated_bytes
from .load_once import LoadOnce
from .model_kind import UNUSABLE, Engine, Model, Request
from .model_slot import ModelSlot

if TYPE_CHECKING:
    from .pool import ModelPool

logger = logging.getLogger("services.shared")


class SharedModel(Generic[Request, Model, Engine]):
    """What was asked for: that model, or the one that takes its place. Safe from any thread."""

    def __init__(
        self, pool: ModelPool[Request, Model, Engine], request: Request, fallback: Request | None
    ) -> None:
        self.request = request
        self.problem = ""
        """Why another model takes its place; empty if none does."""
        self.reason = ""
        """The same without what takes its place."""
        self._pool = pool
        self._fallback = fallback
        self._lock = threading.Lock()
        self._users = 0
        self._slot: ModelSlot[Request, Model, Engine] | None = None
        self._held: ModelSlot[Request, Model, Engine] | None = None
        self._found: LoadOnce[ModelSlot[Request, Model, Engine]] = LoadOnce(
            pool.kind.called, self._find
        )

    @property
    def slot(self) -> ModelSlot[Request, Model, Engine] | None:
        """Where the model is; None before it was first loaded."""
        return self._slot

    @property
    def loads(self) -> int:
        """How often the model has been loaded."""
        slot = self.slot
        return slot.once.loads if slot is not None else 0

    @property
    def users(self) -> int:
        """How many hold it with `use`."""
        return self._users

    @property
    def engine(self) -> str:
        """The name of its calls at the scheduler; that of the default before it is loaded."""
        slot = self.slot
        return slot.engine if slot is not None else self._pool.kind.engine

    @property
    def bytes_to_load(self) -> int:
        """The bytes that a load now would take, measured or estimated; 0 while it is loaded.

        Looks at files unless the model was loaded before.
        """
        slot = self.slot or self._pool.slot_with(self.weights)
        return slot.bytes_to_load if slot is not None else estimated_bytes(self.weights)

    @property
    def bytes_to_add(self) -> int:
        """Like `bytes_to_load`; 0 also where somebody holds the same model, by whatever name."""
        weights = self.weights
        held = weights is not None and weights in self._pool.weights_in_use
        return 0 if held or self.users else self.bytes_to_load

    @property
    def weights(self) -> Path | None:
        """Its largest file, the same for all names of one model; None if it is not here."""
        slot = self.slot
        return slot.weights if slot is not None else self._pool.kind.weights(self.request)

    async def get(self) -> Engine:
        """Return the engine, loaded and warm; raises what a load raises."""
        engine = self.peek()
        if engine is not None:
            return engine
        slot = await self._found.get()
        try:
            return await slot.once.get()
        except UNUSABLE:
            # Its files were there before, and are gone or broken now.
            self._found.take()
            return await (await self._found.get()).once.get()

    def get_blocking(self) -> Engine:
        """Like `get`, for threads without an event loop."""
        slot = self._found.get_blocking()
        try:
            return slot.once.get_blocking()
        except UNUSABLE:
            self._found.take()
            return self._found.get_blocking().once.get_blocking()

    def start(self) -> Future[ModelSlot[Request, Model, Engine]]:
        """Begin loading unless that has happened, and return at once."""
        slot = self.slot
        if slot is not None:
            slot.once.start()
        return self._found.start()

    def peek(self) -> Engine | None:
        """Return the engine, or None while it is not loaded."""
        slot = self.slot
        return slot.once.peek() if slot is not None else None

    def take(self) -> Engine | None:
        """Forget the engine and return it, for the caller to close."""
        slot = self.slot
        return slot.once.take() if slot is not None else None

    def put(self, engine: Engine) -> Engine | None:
        """Replace the engine of a model that was loaded; return the one before."""
        return self._found.get_blocking().once.put(engine)

    def use(self) -> Lease:
        """Keep the model from being unloaded until the lease is closed."""
        with self._lock:
            self._users += 1
            self._hold()
        return Lease(self._release)

    def _release(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users:
                return
            held, self._held = self._held, None
            if held is not None:
                held.hold(-1)
            if self.problem and self._fallback is not None and not self._is_default:
                # The next one to ask looks again, as the model may have been fetched since.
                self._found.take()
                self._slot = None

    @property
    def _is_default(self) -> bool:
        return self is self._pool.default

    def _hold(self) -> None:
        """Hold the slot once while there are users; call it with the lock."""
        if self._users and self._held is None and self._slot is not None:
            self._held = self._slot
            self._held.hold(1)

    def _find(self) -> ModelSlot[Request, Model, Engine]:
        """Load the model, or the one that takes its place; return where it is."""
        slot, problem, reason = self._usable()
        with self._lock:
            self.problem, self.reason, self._slot = problem, reason, slot
            previous, self._held = self._held, None
            self._hold()
            if previous is not None:
                previous.hold(-1)
        return slot

    def _usable(self) -> tuple[ModelSlot[Request, Model, Engine], str, str]:
        """Return the model that serves, and why it is another one: with what does, and without."""
        kind = self._pool.kind
        # Whatever is wrong with one agent's model, its calls go on.
        faults = UNUSABLE if self._is_default else (Exception,)
        try:
            slot = self._pool.slot(self.request)
            slot.once.get_blocking()
        except faults as error:
            if self._fallback is None:
                raise
            facts = {"role": kind.role, "error": str(error)}
            which = "demo" if self._is_default else "default"
            if self._is_default:
                logger.error("model unusable, demo takes its place", extra=facts)
            else:
                logger.error("model unusable, default takes its place", extra=facts)
            reason = str(error)
            problem = f"{reason}. The {which} {kind.called} takes its place."
        else:
            return slot, "", ""
        if self._is_default:
            slot = self._pool.slot(self._fallback, instead_of_default=True)
            slot.once.get_blocking()
        else:
            default = self._pool.default
            default.get_blocking()
            found = default.slot
            assert found is not None
            slot = found
        return slot, problem, reason


class Lease:
    """Holds a shared model until it is closed. Safe from any thread."""

    def __init__(self, release: Callable[[], None]) -> None:
        self._lock = threading.Lock()
        self._release: Callable[[], None] | None = release

    def close(self) -> None:
        """Release the model. Idempotent."""
        with self._lock:
            release, self._release = self._release, None
        if release is not None:
            release()

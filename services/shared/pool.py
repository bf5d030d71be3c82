"""Models of one kind, each loaded once for everybody who asks for it, and left while idle."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from ..asr.config import ASRLoadError
from ..host.process_memory import measure_growth
from ..models import ModelError
from ..tts.types import TTSLoadError
from .config import LoadedModel
from .load_once import LoadOnce

logger = logging.getLogger("services.shared")

UNUSABLE = (ModelError, ASRLoadError, TTSLoadError)
"""Errors of a model for which another one takes its place."""


class Closable(Protocol):
    """An engine."""

    def close(self) -> None:
        """Free the model once the running calls have ended."""


class ModelFiles(Protocol):
    """A model whose files were found on this machine."""

    @property
    def name(self) -> str: ...
    @property
    def demo(self) -> bool: ...
    @property
    def source(self) -> str: ...
    @property
    def note(self) -> str: ...


Engine = TypeVar("Engine", bound=Closable)
Model = TypeVar("Model", bound=ModelFiles)
Request = TypeVar("Request", bound=Hashable)


@dataclass(frozen=True, slots=True)
class ModelKind(Generic[Request, Model, Engine]):
    """What differs between recognisers and voices. The callables block, in a loading thread."""

    role: str
    """In logs, metrics and the breakdown of memory."""
    engine: str
    """The name of the default model's calls at the scheduler; other models add their own."""
    called: str
    """In sentences."""
    find: Callable[[Request], Model]
    """Finds and checks the files; raises ModelError."""
    place: Callable[[Model], Hashable]
    """Where they are: two requests that find the same place share one engine."""
    start: Callable[[Model, str, bool], Engine]
    """Loads and warms it; receives the name of its calls, and whether it is the default's."""
    size: Callable[[Request], int]
    """Estimates from its files the bytes that it will take; 0 if unknown."""
    facts: Callable[[Engine], dict[str, float]]
    """For the log."""


class ModelPool(Generic[Request, Model, Engine]):
    """Gives out a `SharedModel` for each request. Safe from any thread."""

    def __init__(
        self,
        kind: ModelKind[Request, Model, Engine],
        *,
        default: Request,
        demo: Request,
        loading: threading.Lock,
        make_room: Callable[[int], object],
    ) -> None:
        """Load nothing yet.

        Args:
            kind: recognisers or voices.
            default: what most conversations use; takes the place of others that are unusable.
            demo: takes the place of the default.
            loading: held during a load. One at a time, so that loads leave most of the machine to
                the conversations, and each is measured alone.
            make_room: called in the loading thread with the bytes that are about to be taken.
        """
        self.kind = kind
        self.loading = loading
        self.make_room = make_room
        self._default_request = default
        self._demo_request = demo
        self._lock = threading.Lock()
        self._shared: dict[Request, SharedModel[Request, Model, Engine]] = {}
        self._slots: dict[Hashable, ModelSlot[Request, Model, Engine]] = {}
        self.default = self.of(default)

    def of(self, request: Request) -> SharedModel[Request, Model, Engine]:
        """Return the model that was asked for; at once, whether or not it is loaded."""
        with self._lock:
            shared = self._shared.get(request)
            if shared is None:
                fallback = self.of_fallback(request)
                shared = self._shared[request] = SharedModel(self, request, fallback)
            return shared

    def of_fallback(self, request: Request) -> Request | None:
        """Return what takes the place of an unusable model; None if nothing does."""
        if request == self._demo_request:
            return None
        return self._demo_request if request == self._default_request else self._default_request

    @property
    def shared(self) -> list[SharedModel[Request, Model, Engine]]:
        """Everything that was asked for so far."""
        with self._lock:
            return list(self._shared.values())

    @property
    def slots(self) -> list[ModelSlot[Request, Model, Engine]]:
        """Every model that was found so far, loaded or not."""
        with self._lock:
            return list(self._slots.values())

    def slot(
        self, request: Request, *, instead_of_default: bool = False
    ) -> ModelSlot[Request, Model, Engine]:
        """Find the model of a request; blocks. Raises ModelError."""
        model = self.kind.find(request)
        place = self.kind.place(model)
        is_default = request == self._default_request or self._is_default(place)
        with self._lock:
            slot = self._slots.get(place)
            if slot is None:
                name = self._name(model, plain=is_default or instead_of_default)
                size = self.kind.size(request)
                slot = self._slots[place] = ModelSlot(self, model, name, is_default, size)
            slot.model = model
            return slot

    def _is_default(self, place: Hashable) -> bool:
        """Whether these are the files of the default model, which may not be loaded yet."""
        with self._lock:
            known = {other for other, slot in self._slots.items() if slot.is_default}
        if known:
            return place in known
        try:
            return place == self.kind.place(self.kind.find(self._default_request))
        except ModelError:
            return False

    def _name(self, model: Model, *, plain: bool) -> str:
        """Return a name of its own for a model; empty for the one of most conversations."""
        taken = {slot.name for slot in self._slots.values()}
        if plain and "" not in taken:
            return ""
        names = (model.name, *(f"{model.name} {number}" for number in range(2, len(taken) + 3)))
        return next(name for name in names if name not in taken)


class ModelSlot(Generic[Request, Model, Engine]):
    """One model of this machine, loaded or not. Safe from any thread."""

    def __init__(
        self,
        pool: ModelPool[Request, Model, Engine],
        model: Model,
        name: str,
        is_default: bool,
        size: int,
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
        self._bytes = size
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
        """Load it again if it is loaded; blocks."""
        if self.once.peek() is None:
            return
        old = self.once.put(self._load()) if both_fit else self.once.take()
        if old is not None:
            old.close()
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


class SharedModel(Generic[Request, Model, Engine]):
    """What was asked for: that model, or the one that takes its place. Safe from any thread."""

    def __init__(
        self, pool: ModelPool[Request, Model, Engine], request: Request, fallback: Request | None
    ) -> None:
        self.request = request
        self.problem = ""
        """Why another model takes its place; empty if none does."""
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
        slot = self.slot
        return slot.bytes_to_load if slot is not None else self._pool.kind.size(self.request)

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
        slot, problem = self._usable()
        with self._lock:
            self.problem, self._slot = problem, slot
            previous, self._held = self._held, None
            self._hold()
            if previous is not None:
                previous.hold(-1)
        return slot

    def _usable(self) -> tuple[ModelSlot[Request, Model, Engine], str]:
        kind = self._pool.kind
        try:
            slot = self._pool.slot(self.request)
            slot.once.get_blocking()
        except UNUSABLE as error:
            if self._fallback is None:
                raise
            facts = {"role": kind.role, "error": str(error)}
            which = "demo" if self._is_default else "default"
            if self._is_default:
                logger.error("model unusable, demo takes its place", extra=facts)
            else:
                logger.error("model unusable, default takes its place", extra=facts)
            problem = f"{error}. The {which} {kind.called} takes its place."
        else:
            return slot, ""
        if self._is_default:
            slot = self._pool.slot(self._fallback, instead_of_default=True)
            slot.once.get_blocking()
        else:
            default = self._pool.default
            default.get_blocking()
            found = default.slot
            assert found is not None
            slot = found
        return slot, problem


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

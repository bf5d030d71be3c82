"""Models of one kind, each loaded once for everybody who asks for it, and left while idle."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic

from ..models import ModelError
from .model_kind import Engine, Model, ModelKind, Request
from .model_slot import ModelSlot
from .shared_model import SharedModel


class ModelPool(Generic[Request, Model, Engine]):
    """Gives out a `SharedModel` for each request. Safe from any thread."""

    def __init__(
        self,
        kind: ModelKind[Request, Model, Engine],
        *,
        default: Request,
        demo: Request,
        stand_ins: bool,
        loading: threading.Lock,
        make_room: Callable[[int], object],
    ) -> None:
        """Load nothing yet.

        Args:
            kind: recognisers or voices.
            default: what most conversations use; takes the place of others that are unusable.
            demo: takes the place of the default.
            stand_ins: whether any takes the place of another.
            loading: held during a load. One at a time, so that loads leave most of the machine to
                the conversations, and each is measured alone.
            make_room: called in the loading thread with the bytes that are about to be taken.
        """
        self.kind = kind
        self.loading = loading
        self.make_room = make_room
        self._default_request = default
        self._demo_request = demo
        self._stand_ins = stand_ins
        self._lock = threading.Lock()
        self._shared: dict[Request, SharedModel[Request, Model, Engine]] = {}
        self._slots: dict[Path, ModelSlot[Request, Model, Engine]] = {}
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
        if request == self._demo_request or not self._stand_ins:
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

    @property
    def weights_in_use(self) -> set[Path]:
        """The largest files of all models that somebody holds, loaded or not; looks at files."""
        held = (shared.weights for shared in self.shared if shared.users)
        return {weights for weights in held if weights is not None}

    @property
    def pending_bytes(self) -> int:
        """What models that somebody holds will take, and are not loaded yet; looks at files."""
        pending = {shared.weights: shared.bytes_to_load for shared in self.shared if shared.users}
        return sum(pending.values())

    def slot_with(self, weights: Path | None) -> ModelSlot[Request, Model, Engine] | None:
        """Return the model with this largest file, if it was found before."""
        with self._lock:
            return self._slots.get(weights) if weights is not None else None

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
                slot = self._slots[place] = ModelSlot(self, model, name, is_default, place)
            slot.model = model
            return slot

    def _is_default(self, place: Path) -> bool:
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

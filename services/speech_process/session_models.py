"""The models that one client of the server holds, as long as it is connected."""

from __future__ import annotations

from collections.abc import Callable

from ..inference import QueueFull
from ..shared.engines import SharedASR, SharedEngines, SharedVoice
from ..shared.shared_model import Lease
from .frames import Header, field, strings

MAX_MODELS = 64
"""That one client holds at once."""


class SessionModels:
    """Finds the models that requests name, and keeps them from being unloaded until `close`."""

    def __init__(self, engines: SharedEngines) -> None:
        self._engines = engines
        self._leases: dict[tuple[str, ...], Lease] = {}

    def recogniser(self, header: Header) -> SharedASR:
        """Return the recogniser of a request. Raises FrameError, QueueFull."""
        shared = self._engines.recogniser(field(header, "model", str, None))
        self._hold(_key({**header, "role": "asr"}), shared.use)
        return shared

    def voice(self, header: Header) -> SharedVoice:
        """Return the voice of a request. Raises FrameError, QueueFull."""
        shared = self._engines.voice(strings(header, "voices"))
        self._hold(_key({**header, "role": "voice"}), shared.use)
        return shared

    def release(self, header: Header) -> None:
        """Let go of the model of a request, if it is held. Raises FrameError."""
        lease = self._leases.pop(_key(header), None)
        if lease is not None:
            lease.close()

    def close(self) -> None:
        """Let go of all. Idempotent."""
        for lease in self._leases.values():
            lease.close()
        self._leases.clear()

    def _hold(self, key: tuple[str, ...], use: Callable[[], Lease]) -> None:
        if key in self._leases:
            return
        if len(self._leases) >= MAX_MODELS:
            raise QueueFull(f"no more than {MAX_MODELS} models serve a client")
        self._leases[key] = use()


def _key(header: Header) -> tuple[str, ...]:
    """Return what tells the models that a client holds apart. Raises FrameError."""
    if field(header, "role", str) == "asr":
        return "asr", field(header, "model", str, "")
    return "voice", *strings(header, "voices")

"""The engines that the parts of a process share without handing them on."""

from __future__ import annotations

import threading

from ..asr.interface import ASREngine
from ..tts.interface import TTSEngine
from .engines import SharedEngines

_default_lock = threading.Lock()
_default: SharedEngines | None = None


def configure_shared(shared: SharedEngines | None) -> SharedEngines | None:
    """Make `shared` the engines of the process, for requests from now on; return those before."""
    global _default
    with _default_lock:
        before, _default = _default, shared
    return before


def shared_engines() -> SharedEngines:
    """Return the engines of the process: the demo models unless others were configured."""
    global _default
    with _default_lock:
        if _default is None:
            _default = SharedEngines()
        return _default


def release_shared() -> None:
    """Free the engines of the process; the next request starts anew."""
    global _default
    with _default_lock:
        shared, _default = _default, None
    if shared is not None:
        shared.close()


async def get_shared_asr() -> ASREngine:
    """Return the recogniser of the process, loaded and warm; safe from any event loop."""
    return await shared_engines().asr.get()


async def get_shared_tts() -> TTSEngine:
    """Return the voice of the process, loaded and warm; safe from any event loop."""
    return await shared_engines().tts.get()

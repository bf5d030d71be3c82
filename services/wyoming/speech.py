"""What every connection shares: the models, what is known of them, and the limits."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Literal

from wyoming.info import Info

from ..asr.config import ASRError
from ..asr.interface import ASREngine
from ..inference import InferenceError
from ..models import ModelError
from ..shared.engines import SharedEngines
from ..tts.interface import TTSEngine
from ..tts.types import Delivery, TTSError
from ..vad.silero import VoiceActivityLoadError, VoiceActivityModel
from .errors import WyomingError
from .info import describe
from .limits import WyomingLimits
from .requests import VoiceChoice
from .sparing_log import SparingLog
from .voices import OfferedVoice, choose_voice, offered_voices

_FRESH_SECONDS = 5.0
"""How long the list of voices is taken for true; a voice that is fetched is offered after it."""
_UNUSABLE = (ModelError, ASRError, TTSError, VoiceActivityLoadError, InferenceError)

RequestKind = Literal["transcribe", "synthesize"]
RequestOutcome = Literal["done", "failed", "refused", "cancelled"]
OnRequest = Callable[[RequestKind, RequestOutcome], object]


class Speech:
    """The speech services behind the connections; belongs to their event loop."""

    def __init__(
        self,
        engines: SharedEngines,
        limits: WyomingLimits,
        *,
        name: str,
        on_request: OnRequest | None = None,
    ) -> None:
        """`name` is what clients show; `on_request` is told how each request ended."""
        self.engines = engines
        self.limits = limits
        self.on_request: OnRequest = on_request or (lambda kind, outcome: None)
        self.log = SparingLog(logging.getLogger("services.wyoming"))
        self._name = name
        self._offered: list[OfferedVoice] = []
        self._offered_until = 0.0
        self._looking = asyncio.Lock()

    async def info(self) -> Info:
        """Return what there is, once the models are loaded. Raises WyomingError."""
        with _usable():
            asr = await self.engines.asr.get()
        return describe(
            self._name, asr.facts.name, sorted(asr.facts.languages), await self.voices()
        )

    async def voices(self) -> list[OfferedVoice]:
        """Return the voices that are on this machine, the default first. Raises WyomingError."""
        async with self._looking:
            if time.monotonic() >= self._offered_until:
                with _usable():
                    voice = await self.engines.tts.get()
                slot = self.engines.tts.slot
                # A model of the speech process has no files here.
                config = getattr(slot.model, "config", None) if slot is not None else None
                self._offered = await asyncio.to_thread(
                    offered_voices, voice, self.engines.config.cache, config=config
                )
                self._offered_until = time.monotonic() + _FRESH_SECONDS
            return self._offered

    async def hearing(self) -> tuple[ASREngine, VoiceActivityModel]:
        """Return the recogniser and the detector of voices, loaded. Raises WyomingError."""
        with _usable():
            return await self.engines.asr.get(), await self.engines.voice_activity.get()

    @asynccontextmanager
    async def voice(self, choice: VoiceChoice | None) -> AsyncIterator[tuple[TTSEngine, Delivery]]:
        """Hold the voice that is asked for. Raises WyomingError."""
        shared, delivery = choose_voice(choice, await self.voices(), self.engines)
        lease = shared.use()
        try:
            with _usable():
                voice = await shared.get()
            if shared.problem and shared is not self.engines.tts:
                # Another voice must not be taken for the one that was asked for.
                raise WyomingError("not-available", shared.problem)
            yield voice, delivery
        finally:
            lease.close()


@contextmanager
def _usable() -> Iterator[None]:
    """Turn the errors of a load into one for the client."""
    try:
        yield
    except _UNUSABLE as error:
        raise WyomingError("not-available", f"the models cannot be used: {error}") from error

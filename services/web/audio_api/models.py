"""Which models and voices the audio API offers, by their names and by OpenAI's."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Final

from ...asr.interface import ASREngine
from ...models.installed import installed_voices
from ...shared.engines import SharedEngines, SharedVoice
from ...shared.model_kind import UNUSABLE
from ...tts.interface import TTSEngine
from ..http.errors import ApiError

RECOGNISER_ALIASES: Final = (
    *("whisper-1", "gpt-transcribe"),
    *("gpt-4o-transcribe", "gpt-4o-mini-transcribe"),
)
"""Names of OpenAI's that stand for the recogniser; the dates of snapshots are ignored."""
VOICE_ALIASES: Final = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")
"""Names of OpenAI's for models that speak; which voice does, `voice` says."""
OPENAI_VOICES: Final = (
    *("alloy", "ash", "ballad", "cedar", "coral", "echo", "fable"),
    *("marin", "nova", "onyx", "sage", "shimmer", "verse"),
)
"""Spoken by the default voice."""

_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")
_OWNER = "local-voice-agent"
_BUSY_SECONDS = 30.0


class ApiModels:
    """Names of models, and their engines; used from the server's loop."""

    def __init__(self, speech: SharedEngines) -> None:
        self._speech = speech
        self._since = int(time.time())

    @property
    def recogniser(self) -> str:
        """The name of the recogniser that serves."""
        slot = self._speech.asr.slot
        if slot is not None and slot.loaded is not None:
            return slot.loaded.name
        return Path(self._speech.config.asr).name

    @property
    def default_voice(self) -> str:
        """The name of the voice that speaks for OpenAI's."""
        slot = self._speech.tts.slot
        if slot is not None and slot.loaded is not None:
            return slot.loaded.name
        return Path(self._speech.config.voices[0]).stem

    async def voices(self) -> list[str]:
        """Return the names of the voices on this machine, the default one first."""
        found = await asyncio.to_thread(installed_voices, self._speech.config.cache)
        default = self.default_voice
        return [default, *sorted(voice.name for voice in found if voice.name != default)]

    async def listed(self) -> list[dict[str, Any]]:
        """Return the models as `/v1/models` lists them."""
        return [self._described(name) for name in (self.recogniser, *await self.voices())]

    async def described(self, name: str) -> dict[str, Any]:
        """Return one model, by its own name or OpenAI's.

        Raises:
            ApiError: 404 `model_not_found`.
        """
        if _plain(name) in RECOGNISER_ALIASES:
            return self._described(self.recogniser)
        if _plain(name) in VOICE_ALIASES:
            return self._described(self.default_voice)
        known = (self.recogniser, *await self.voices())
        if name not in known:
            raise _unknown_model(name, known)
        return self._described(name)

    def check_recogniser(self, name: str) -> None:
        """Refuse a name that is not the recogniser's, nor one of OpenAI's for such a model.

        Raises:
            ApiError: 404 `model_not_found`.
        """
        if name != self.recogniser and _plain(name) not in RECOGNISER_ALIASES:
            raise _unknown_model(name, (self.recogniser, *RECOGNISER_ALIASES))

    async def voice_name(self, model: str, voice: str) -> str:
        """Return the voice that is asked for; empty for the default one.

        `model` is one of OpenAI's names or a voice, `voice` a voice or one of OpenAI's names.

        Raises:
            ApiError: 404 `model_not_found` or 400 `voice_not_found`.
        """
        known = await self.voices()
        chosen = ""
        if _plain(model) not in VOICE_ALIASES:
            if model not in known:
                raise _unknown_model(model, (*VOICE_ALIASES, *known))
            chosen = model
        if voice.lower() not in OPENAI_VOICES:
            if voice not in known:
                raise ApiError(
                    400,
                    "voice_not_found",
                    f"There is no voice {voice[:80]!r} here. There is {_some(known)}, and OpenAI's "
                    "names stand for the first.",
                    field="voice",
                )
            chosen = voice
        return "" if chosen == self.default_voice else chosen

    async def recogniser_engine(self) -> ASREngine:
        """Return the recogniser, loaded; raises ApiError 503 `engine`."""
        try:
            return await self._speech.asr.get()
        except UNUSABLE as error:
            raise _unavailable(str(error)) from error

    @contextlib.asynccontextmanager
    async def voice_engine(self, name: str) -> AsyncIterator[TTSEngine]:
        """Hold a voice, loaded; empty for the default one.

        Raises:
            ApiError: 503 `engine`: it is damaged, or there is no memory for it.
        """
        shared = self._speech.voice((name,) if name else None)
        lease = shared.use()
        try:
            await asyncio.to_thread(self._check_memory, shared)
            try:
                engine = await shared.get()
            except UNUSABLE as error:
                raise _unavailable(str(error)) from error
            if name and shared.problem:
                raise _unavailable(f"the voice {name} cannot be loaded")
            yield engine
        finally:
            lease.close()

    def _check_memory(self, shared: SharedVoice) -> None:
        headroom = self._speech.headroom_bytes
        needed = shared.bytes_to_load
        if needed and headroom is not None and headroom() + self._speech.idle_bytes < needed:
            raise _unavailable("there is not enough memory for one more voice")

    def _described(self, name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": self._since, "owned_by": _OWNER}


def _plain(name: str) -> str:
    """Return a model's name without the date of a snapshot."""
    return _SNAPSHOT.sub("", name)


def _unknown_model(name: str, known: Sequence[str]) -> ApiError:
    return ApiError(
        404,
        "model_not_found",
        f"There is no model {name[:80]!r} for this here. There is {_some(known)}.",
        field="model",
    )


def _some(names: Sequence[str], most: int = 12) -> str:
    more = f" and {len(names) - most} more (GET /v1/models)" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _unavailable(why: str) -> ApiError:
    return ApiError(
        503, "engine", f"The model is not available: {why}.", retry_after_seconds=_BUSY_SECONDS
    )

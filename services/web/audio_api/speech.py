"""`POST /v1/audio/speech`: a text in, its sound out while the rest is still being computed."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from ... import defaults
from ...audio.encoding import SOUND_FORMATS, sound_encoder
from ...host.cancellation import in_thread
from ...inference import InferenceError, Priority
from ...shared.engines import SharedEngines
from ...tts.interface import TTSEngine
from ...tts.text.sentences import split_sentences
from ...tts.types import PCM, Delivery, TTSError
from ..http.errors import ApiError
from ..http.guard import json_object
from .access import BUSY_SECONDS, ApiAccess
from .answers import EVENT_STREAM, STALL_SECONDS, BrokenOff, PieceByPiece
from .api_keys import ApiKey
from .models import ApiModels

SENTENCE_SECONDS: Final = 60.0
"""Engine time for one sentence. No conversation depends on it: a large voice may take its time."""

_SLOWEST, _FASTEST = 0.25, 4.0
"""OpenAI's range (API reference, create speech); voices have a narrower one."""
_LONGEST_NAME_CHARACTERS = 200


class Speech:
    """Speaks texts, in the scheduler's last class.

    Work for a client who disconnects, or does not read, is cancelled.
    """

    def __init__(
        self,
        access: ApiAccess,
        models: ApiModels,
        speech: SharedEngines,
        *,
        stall_seconds: float = STALL_SECONDS,
    ) -> None:
        self._access = access
        self._models = models
        self._speech = speech
        self._stall_seconds = stall_seconds

    async def answer(self, request: web.Request, key: ApiKey) -> web.StreamResponse:
        """Answer a request of a holder of a key."""
        with self._access.place(key) as limits:
            wanted = _Wanted.of(await json_object(request), limits.max_characters)
            delivery = Delivery(speed=self._pace(wanted.speed))
            name = await self._models.voice_name(wanted.model, wanted.voice)
            async with self._models.voice_engine(name) as voice:
                pieces = _spoken(voice, wanted.text, delivery, owner=f"api {key.name}")
                async with contextlib.aclosing(pieces):
                    return await self._send(request, wanted, pieces, voice.sample_rate)

    async def _send(
        self,
        request: web.Request,
        wanted: _Wanted,
        pieces: AsyncGenerator[PCM, None],
        sample_rate: int,
    ) -> web.StreamResponse:
        form = SOUND_FORMATS[wanted.format]
        answer = PieceByPiece(
            request,
            EVENT_STREAM if wanted.events else form.content_type,
            stall_seconds=self._stall_seconds,
        )

        async def send(sound: bytes) -> None:
            if not sound:
                return
            if wanted.events:
                audio = base64.b64encode(sound).decode()
                await answer.send_event({"type": "speech.audio.delta", "audio": audio})
            else:
                await answer.send(sound)

        # An encoder is not freed while a thread uses it.
        encoder = await in_thread(sound_encoder, wanted.format, sample_rate)
        try:
            silent = True
            async for samples in pieces:
                silent = False
                await send(await in_thread(encoder.encode, samples))
            if silent:
                raise ApiError(400, "silent", "Nothing in this text can be spoken.", field="input")
            await send(await in_thread(encoder.finish))
            if wanted.events:
                await answer.send_event({"type": "speech.audio.done"})
        except (TTSError, InferenceError) as error:
            refusal = _refusal(error)
            if not answer.begun:
                raise refusal from error
            if not wanted.events:
                answer.abort()
                raise BrokenOff(str(error)) from error
            await answer.send_error(refusal)
        finally:
            encoder.close()
        return await answer.end()

    def _pace(self, speed: float) -> float | None:
        """Return the voice's speed for a request's, which counts from the configured one."""
        if speed == 1.0:
            return None
        configured = self._speech.config.speed
        slowest, fastest = defaults.SLOWEST_TTS_SPEED, defaults.FASTEST_TTS_SPEED
        if not slowest <= configured * speed <= fastest:
            raise _bad(
                "speed",
                f"This voice can be spoken at a speed from {slowest / configured:.2g} to "
                f"{fastest / configured:.2g}.",
            )
        return configured * speed


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the body asks for."""

    text: str
    model: str
    voice: str
    format: str
    speed: float
    events: bool

    @classmethod
    def of(cls, body: dict[str, Any], max_characters: int) -> _Wanted:
        """Read the body; raises ApiError 400."""
        text = body.get("input")
        if not isinstance(text, str) or not text.strip():
            raise _bad("input", "The input is the text to speak, and must not be empty.")
        if len(text) > max_characters:
            raise _bad(
                "input",
                f"The input has {len(text)} characters, and at most {max_characters} are allowed.",
            )
        return cls(
            # A lone half of a surrogate pair cannot be written in any encoding.
            text=text.encode("utf-8", "replace").decode(),
            model=_name(body, "model"),
            voice=_voice(body),
            format=_choice(body, "response_format", tuple(SOUND_FORMATS), "mp3"),
            speed=_speed(body),
            events=_choice(body, "stream_format", ("audio", "sse"), "audio") == "sse",
        )


async def _spoken(
    voice: TTSEngine, text: str, delivery: Delivery, *, owner: str
) -> AsyncGenerator[PCM, None]:
    """Yield the sound of a text, each piece computed when it is asked for."""
    for sentence in split_sentences(text, language=voice.language):
        pieces = voice.synthesize(
            sentence,
            owner=owner,
            priority=Priority.BATCH,
            deadline_seconds=SENTENCE_SECONDS,
            delivery=delivery,
        )
        async with contextlib.aclosing(pieces):
            async for piece in pieces:
                if len(piece.samples):
                    yield piece.samples


def _name(body: dict[str, Any], field: str) -> str:
    value = body.get(field)
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_NAME_CHARACTERS:
        raise _bad(field, f"Name a {field}: see GET /v1/models.")
    return value


def _voice(body: dict[str, Any]) -> str:
    value = body.get("voice")
    if isinstance(value, dict):
        # The newer form, {"id": …}.
        return _name({"voice": value.get("id")}, "voice")
    return _name(body, "voice")


def _choice(body: dict[str, Any], field: str, allowed: tuple[str, ...], default: str) -> str:
    value = body.get(field)
    if value is None:
        return default
    if value not in allowed:
        raise _bad(field, f"The {field} is one of {', '.join(allowed)}.")
    return str(value)


def _speed(body: dict[str, Any]) -> float:
    value = body.get("speed")
    if value is None:
        return 1.0
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _bad("speed", "The speed is a number.")
    if not _SLOWEST <= value <= _FASTEST:
        raise _bad("speed", f"The speed is a number from {_SLOWEST:g} to {_FASTEST:g}.")
    return float(value)


def _bad(field: str, message: str) -> ApiError:
    return ApiError(400, f"bad_{field}", message, field=field)


def _refusal(error: Exception) -> ApiError:
    return ApiError(
        503,
        "engine",
        f"The voice is not available: {error}.",
        retry_after_seconds=BUSY_SECONDS,
    )

"""The answers to the requests of one client: what the models of the server compute for it."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable
from typing import Any, Protocol

from ..inference import QueueFull
from ..models import ModelError
from ..shared.engines import SharedEngines
from ..shared.model_slot import ModelSlot
from ..tts.types import SynthesisPiece
from .frames import (
    MAX_PAYLOAD_BYTES,
    FrameError,
    Header,
    field,
    pcm_payload,
    read_samples,
    strings,
)
from .messages import (
    MAX_TEXT_CHARACTERS,
    asr_facts_header,
    read_delivery,
    read_options,
    timed_words_header,
    transcription_header,
)
from .session_models import SessionModels
from .session_request import SessionRequest, on_demand

MAX_PHRASES = 1000
"""To be kept, of one client."""


class Reply(Protocol):
    """Sends a frame that answers a request; waits while the client does not read."""

    def __call__(
        self, request: SessionRequest, header: Header, payload: bytes = b"", /
    ) -> Awaitable[None]: ...


class SessionAnswers:
    """Each method answers one kind of request; raises FrameError, or what the models raise."""

    def __init__(
        self, client: int, engines: SharedEngines, models: SessionModels, reply: Reply
    ) -> None:
        """`client` tells the clients of a server apart."""
        self._client = client
        self._engines = engines
        self._models = models
        self._reply = reply
        self._phrases = 0

    async def ping(self, request: SessionRequest) -> None:
        """Say that the server is there."""
        await self._reply(request, {"type": "result"})

    async def open(self, request: SessionRequest) -> None:
        """Load a model, and keep it loaded for this client."""
        role = field(request.header, "role", str)
        found: ModelSlot[Any, Any, Any] | None
        if role == "asr":
            shared = self._models.recogniser(request.header)
            asr = await shared.get()
            facts = asr_facts_header(asr.facts)
            found, reason = shared.slot, shared.reason
        elif role == "voice":
            voice = self._models.voice(request.header)
            tts = await voice.get()
            facts = {
                "language": tts.language,
                "sample_rate": tts.sample_rate,
                "speakers": tts.speakers,
                "can_stream": tts.can_stream,
            }
            found, reason = voice.slot, voice.reason
        elif role == "turn":
            serves = await self._engines.acoustic.get() is not None
            loaded = self._engines.acoustic.loaded
            await self._reply(
                request,
                {
                    "type": "result",
                    "serves": serves,
                    "name": loaded.name if loaded is not None else "",
                    "reason": self._engines.acoustic.problem,
                },
            )
            return
        else:
            raise FrameError(f"no model has the role {role[:40]!r}")
        if reason:
            raise ModelError(reason)
        assert found is not None
        assert found.loaded is not None
        loaded = found.loaded
        facts |= {
            "name": loaded.name,
            "demo": loaded.demo,
            "source": loaded.source,
            "note": loaded.note,
        }
        await self._reply(request, {"type": "result", **facts})

    async def transcribe(self, request: SessionRequest) -> None:
        """Return what was said."""
        terms, header = request.terms, request.header
        samples = read_samples(header, request.take_payload())
        asr = await self._models.recogniser(header).get()
        heard = await asr.transcribe(
            samples,
            owner=terms.owner,
            priority=request.priority,
            deadline_seconds=terms.deadline_seconds,
            queue_seconds=terms.queue_seconds,
            options=read_options(field(header, "options", dict, {})),
            start_seconds=field(header, "start_seconds", float, 0.0),
            supersede=self._own(field(header, "supersede", str, None)),
            work=self._own(field(header, "work", str, None)) or "",
        )
        await self._reply(request, {"type": "result", **transcription_header(heard)})

    async def synthesize(self, request: SessionRequest) -> None:
        """Send the sound of a sentence, each piece once there is credit for it."""
        terms, header = request.terms, request.header
        text = field(header, "text", str)
        if len(text) > MAX_TEXT_CHARACTERS:
            raise FrameError(f"a sentence of {len(text)} characters")
        request.grant(field(header, "window", int, 1))
        voice = await self._models.voice(header).get()
        pieces = voice.synthesize(
            text,
            owner=terms.owner,
            priority=request.priority,
            deadline_seconds=terms.deadline_seconds,
            delivery=read_delivery(field(header, "delivery", dict, {})),
        )
        async with contextlib.aclosing(pieces):
            async for piece in on_demand(pieces, request):
                await self._send_piece(request, piece)
        await self._reply(request, {"type": "end"})

    async def judge(self, request: SessionRequest) -> None:
        """Return how likely a speaker has finished."""
        terms = request.terms
        probability = await self._engines.judge_turn(
            read_samples(request.header, request.take_payload()),
            owner=terms.owner,
            deadline_seconds=terms.deadline_seconds,
            queue_seconds=terms.queue_seconds,
        )
        await self._reply(request, {"type": "result", "probability": probability})

    async def remember(self, request: SessionRequest) -> None:
        """Have a voice keep the sound of phrases."""
        header = request.header
        phrases = strings(header, "phrases")
        self._phrases += len(phrases)
        if self._phrases > MAX_PHRASES or any(len(p) > MAX_TEXT_CHARACTERS for p in phrases):
            raise QueueFull(f"no more than {MAX_PHRASES} phrases are kept for a client")
        voice = await self._models.voice(header).get()
        await voice.remember(
            phrases,
            owner=request.terms.owner,
            priority=request.terms.priority,
            delivery=read_delivery(field(header, "delivery", dict, {})),
        )
        await self._reply(request, {"type": "result"})

    async def _send_piece(self, request: SessionRequest, piece: SynthesisPiece) -> None:
        """Send a piece, in several frames where one does not hold it."""
        data = pcm_payload(piece.samples)
        parts = range(0, max(1, len(data)), MAX_PAYLOAD_BYTES)
        for start in parts:
            await self._reply(
                request,
                {
                    "type": "piece",
                    "more": start != parts[-1],
                    **timed_words_header(piece.words if start == 0 else ()),
                },
                data[start : start + MAX_PAYLOAD_BYTES],
            )

    def _own(self, key: str | None) -> str | None:
        """Return a key that no other client's equals."""
        return f"{self._client} {key}" if key else None

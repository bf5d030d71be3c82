"""One client of the server: its requests, and what is computed for them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from ..inference import DynamicPriority, QueueFull
from ..models import ModelError
from ..shared.engines import SharedASR, SharedEngines, SharedVoice
from ..shared.model_slot import ModelSlot
from ..shared.shared_model import Lease
from ..tts.types import SynthesisPiece
from .frames import (
    FRAME_SECONDS,
    MAX_PAYLOAD_BYTES,
    NAME,
    VERSION,
    FrameError,
    Header,
    field,
    pack,
    pcm_payload,
    read_frame,
    read_samples,
    strings,
)
from .messages import (
    MAX_TEXT_CHARACTERS,
    Terms,
    asr_facts_header,
    error_header,
    read_delivery,
    read_options,
    read_priority,
    timed_words_header,
    transcription_header,
)
from .status import ServerStatus

logger = logging.getLogger("services.speech_process")

MAX_REQUESTS = 256
"""Of one client at once; more are refused as by a full queue."""
MAX_HELD_BYTES = 64 * 2**20
"""Audio that waits to be recognised, of one client."""
MAX_MODELS = 64
"""That one client holds at once."""
MAX_WINDOW = 16
"""Pieces of sound that may be on their way to a client that has not asked for more."""
MAX_PHRASES = 1000
"""To be kept, of one client."""
_HIGH_BYTES = 2**20
"""Unsent bytes beyond which nothing more is computed for a client."""


class ClientSession:
    """Serves one connection; belongs to the server's event loop."""

    def __init__(
        self,
        number: int,
        engines: SharedEngines,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """`number` tells the clients of a server apart."""
        self._number = number
        self._engines = engines
        self._reader = reader
        self._writer = writer
        writer.transport.set_write_buffer_limits(high=_HIGH_BYTES)
        self._requests: dict[int, _Request] = {}
        self._leases: dict[tuple[str, ...], Lease] = {}
        self._sending = asyncio.Lock()
        self._held_bytes = 0
        self._phrases = 0
        self._handlers: dict[str, Callable[[_Request], Awaitable[None]]] = {
            "ping": self._ping,
            "open": self._open,
            "transcribe": self._transcribe,
            "synthesize": self._synthesize,
            "judge": self._judge,
            "remember": self._remember,
        }

    async def serve(self, status: ServerStatus) -> None:
        """Answer requests until the client leaves, or breaks the protocol."""
        try:
            if await self._greet(status):
                while (frame := await read_frame(self._reader)) is not None:
                    self._take(*frame)
        except FrameError as error:
            logger.warning(
                "speech client broke the protocol: its connection is closed",
                extra={"client": self._number, "reason": str(error)},
            )
            with contextlib.suppress(OSError, TimeoutError):
                await self._send({"type": "bye", "message": str(error)})
        except (ConnectionError, TimeoutError) as error:
            logger.info("speech client lost", extra={"client": self._number, "reason": repr(error)})

    def report(self, status: ServerStatus) -> None:
        """Tell the client how the server is, unless it does not read."""
        if self._writer.transport.get_write_buffer_size() == 0:
            self._writer.writelines(pack({"type": "status", **status.header()}))

    async def aclose(self) -> None:
        """End the connection, what is computed for it, and its hold on models. Idempotent."""
        for request in self._requests.values():
            request.task.cancel()
        tasks = [request.task for request in self._requests.values()]
        await asyncio.gather(*tasks, return_exceptions=True)
        for lease in self._leases.values():
            lease.close()
        self._leases.clear()
        self._writer.close()
        try:
            async with asyncio.timeout(1.0):
                await self._writer.wait_closed()
        except (OSError, TimeoutError):
            self._writer.transport.abort()

    async def _greet(self, status: ServerStatus) -> bool:
        """Agree on a version; returns whether there is one."""
        frame = await read_frame(self._reader)
        if frame is None:
            return False
        header, _ = frame
        if header["type"] != "hello" or field(header, "protocol", str) != NAME:
            raise FrameError(f"it does not begin with a hello of {NAME}")
        versions = field(header, "versions", list)
        if VERSION not in versions:
            message = f"this server speaks version {VERSION}, the client {versions}"
            logger.warning(
                "speech client refused", extra={"client": self._number, "reason": message[:200]}
            )
            await self._send({"type": "bye", "versions": [VERSION], "message": message[:200]})
            return False
        await self._send(
            {
                "type": "hello",
                "protocol": NAME,
                "version": VERSION,
                "max_payload_bytes": MAX_PAYLOAD_BYTES,
                "status": status.header(),
            }
        )
        return True

    def _take(self, header: Header, payload: bytes) -> None:
        """Begin a request, or take what belongs to one in progress. Raises FrameError."""
        kind, number = header["type"], field(header, "id", int)
        request = self._requests.get(number)
        handler = self._handlers.get(kind)
        if handler is not None:
            if request is not None:
                raise FrameError(f"request {number} is made twice")
            self._begin(number, header, payload, handler)
        elif kind == "release":
            lease = self._leases.pop(_lease_key(header), None)
            if lease is not None:
                lease.close()
        elif kind not in ("cancel", "credit", "promote"):
            raise FrameError(f"a frame of unknown type {kind[:40]!r}")
        elif kind == "credit":
            pieces = field(header, "pieces", int)
            if request is not None:
                request.grant(pieces)
        elif kind == "promote":
            priority = read_priority(header)
            if request is not None:
                request.priority.raise_to(priority)
        elif request is not None:
            # It may have ended while this was on its way.
            request.task.cancel()

    def _begin(
        self,
        number: int,
        header: Header,
        payload: bytes,
        handler: Callable[[_Request], Awaitable[None]],
    ) -> None:
        request = _Request(number, header, payload)
        request.read_terms()
        self._held_bytes += len(payload)
        self._requests[number] = request
        too_much = len(self._requests) > MAX_REQUESTS or self._held_bytes > MAX_HELD_BYTES
        request.task = asyncio.create_task(
            self._answer(request, self._refuse if too_much else handler), name="speech-request"
        )
        # Not by the task itself: one that is cancelled at once never begins.
        request.task.add_done_callback(lambda _: self._forget(request))

    def _forget(self, request: _Request) -> None:
        self._held_bytes -= request.size
        del self._requests[request.number]

    async def _answer(
        self, request: _Request, handler: Callable[[_Request], Awaitable[None]]
    ) -> None:
        try:
            await handler(request)
        except FrameError as error:
            # Its frames can still be told apart, so that only this request is refused.
            refusal = {"error": "request", "message": str(error), "retryable": False}
            with contextlib.suppress(ConnectionError, TimeoutError):
                await self._reply(request, {"type": "error", **refusal})
        except (ConnectionError, TimeoutError):
            self._writer.transport.abort()
        except Exception as error:
            header = error_header(error)
            if header["error"] == "inference":
                logger.exception("a request of a speech client failed")
            with contextlib.suppress(ConnectionError, TimeoutError):
                await self._reply(request, {"type": "error", **header})

    async def _refuse(self, request: _Request) -> None:
        raise QueueFull("this client has too many requests in progress")

    async def _ping(self, request: _Request) -> None:
        await self._reply(request, {"type": "result"})

    async def _open(self, request: _Request) -> None:
        """Load a model, and keep it loaded for this client."""
        role = field(request.header, "role", str)
        found: ModelSlot[Any, Any, Any] | None
        if role == "asr":
            shared = self._recogniser(request.header)
            asr = await shared.get()
            facts = asr_facts_header(asr.facts)
            found, reason = shared.slot, shared.reason
        elif role == "voice":
            voice = self._voice(request.header)
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

    async def _transcribe(self, request: _Request) -> None:
        terms, header = request.terms, request.header
        samples = read_samples(header, request.take_payload())
        asr = await self._recogniser(header).get()
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

    async def _synthesize(self, request: _Request) -> None:
        terms, header = request.terms, request.header
        text = field(header, "text", str)
        if len(text) > MAX_TEXT_CHARACTERS:
            raise FrameError(f"a sentence of {len(text)} characters")
        request.grant(field(header, "window", int, 1))
        voice = await self._voice(header).get()
        pieces = voice.synthesize(
            text,
            owner=terms.owner,
            priority=request.priority,
            deadline_seconds=terms.deadline_seconds,
            delivery=read_delivery(field(header, "delivery", dict, {})),
        )
        async with contextlib.aclosing(pieces):
            async for piece in _on_demand(pieces, request):
                await self._send_piece(request, piece)
        await self._reply(request, {"type": "end"})

    async def _send_piece(self, request: _Request, piece: SynthesisPiece) -> None:
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

    async def _judge(self, request: _Request) -> None:
        terms = request.terms
        probability = await self._engines.judge_turn(
            read_samples(request.header, request.take_payload()),
            owner=terms.owner,
            deadline_seconds=terms.deadline_seconds,
            queue_seconds=terms.queue_seconds,
        )
        await self._reply(request, {"type": "result", "probability": probability})

    async def _remember(self, request: _Request) -> None:
        header = request.header
        phrases = strings(header, "phrases")
        self._phrases += len(phrases)
        if self._phrases > MAX_PHRASES or any(len(p) > MAX_TEXT_CHARACTERS for p in phrases):
            raise QueueFull(f"no more than {MAX_PHRASES} phrases are kept for a client")
        voice = await self._voice(header).get()
        await voice.remember(
            phrases,
            owner=request.terms.owner,
            priority=request.terms.priority,
            delivery=read_delivery(field(header, "delivery", dict, {})),
        )
        await self._reply(request, {"type": "result"})

    def _recogniser(self, header: Header) -> SharedASR:
        shared = self._engines.recogniser(field(header, "model", str, None))
        self._hold(_lease_key({**header, "role": "asr"}), shared.use)
        return shared

    def _voice(self, header: Header) -> SharedVoice:
        shared = self._engines.voice(strings(header, "voices"))
        self._hold(_lease_key({**header, "role": "voice"}), shared.use)
        return shared

    def _hold(self, key: tuple[str, ...], use: Callable[[], Lease]) -> None:
        """Keep a model from being unloaded as long as the client is there."""
        if key in self._leases:
            return
        if len(self._leases) >= MAX_MODELS:
            raise QueueFull(f"no more than {MAX_MODELS} models serve a client")
        self._leases[key] = use()

    def _own(self, key: str | None) -> str | None:
        """Return a key that no other client's equals."""
        return f"{self._number} {key}" if key else None

    async def _reply(self, request: _Request, header: Header, payload: bytes = b"") -> None:
        await self._send({**header, "id": request.number}, payload)

    async def _send(self, header: Header, payload: bytes = b"") -> None:
        """Write a frame; waits while the client does not read. Raises OSError, TimeoutError."""
        frame = pack(header, payload)
        # One at a time: for a client that does not read, one frame is kept beyond the limit.
        async with self._sending:
            self._writer.writelines(frame)
            async with asyncio.timeout(FRAME_SECONDS):
                await self._writer.drain()


class _Request:
    """One request in progress."""

    task: asyncio.Task[None]

    def __init__(self, number: int, header: Header, payload: bytes) -> None:
        self.number = number
        self.header = header
        self.size = len(payload)
        self._payload = payload
        self._credit = 0
        self._granted = asyncio.Event()

    def read_terms(self) -> None:
        """Read who asks, and when the answer is wanted. Raises FrameError."""
        self.terms = Terms.read({"owner": "", "priority": 0, "deadline_seconds": 60, **self.header})
        self.priority = DynamicPriority(self.terms.priority)

    def take_payload(self) -> bytes:
        """Return the payload, which is not kept any longer."""
        payload, self._payload = self._payload, b""
        return payload

    def grant(self, pieces: int) -> None:
        """Let that many more pieces be sent."""
        self._credit = min(MAX_WINDOW, self._credit + max(0, pieces))
        self._granted.set()

    async def spend_credit(self) -> None:
        """Wait until a piece may be sent."""
        while not self._credit:
            self._granted.clear()
            await self._granted.wait()
        self._credit -= 1


def _lease_key(header: Header) -> tuple[str, ...]:
    """Return what tells the models that a client holds apart. Raises FrameError."""
    if field(header, "role", str) == "asr":
        return "asr", field(header, "model", str, "")
    return "voice", *strings(header, "voices")


async def _on_demand(
    pieces: AsyncIterator[SynthesisPiece], request: _Request
) -> AsyncIterator[SynthesisPiece]:
    """Compute each piece only once the client takes it."""
    while True:
        await request.spend_credit()
        try:
            piece = await anext(pieces)
        except StopAsyncIteration:
            return
        yield piece

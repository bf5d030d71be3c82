"""One client, from its connection to its end."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack

from wyoming.ping import Pong
from wyoming.tts import SynthesizeStopped

from .errors import WyomingError
from .framing import discard, read_header, read_rest
from .hearing import Hearing, decode_options
from .inbox import Inbox
from .outlet import Outlet
from .requests import (
    AudioChunk,
    AudioStart,
    AudioStop,
    Describe,
    Ping,
    Request,
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    Transcribe,
    read_request,
)
from .speaking import Speaking
from .speech import RequestKind, RequestOutcome, Speech

logger = logging.getLogger("services.wyoming")

_EVENT_BYTES = 200
"""What an event without data takes while it waits."""


class Connection:
    """Serves the requests of one client in turn; belongs to one event loop.

    A request that fails ends the connection after its error was sent: Home Assistant waits for
    nothing but the answer or the end.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        speech: Speech,
        *,
        owner: str,
    ) -> None:
        """`owner` is the key by which its calls are scheduled."""
        self._reader = reader
        self._speech = speech
        self._owner = owner
        self._outlet = Outlet(writer)
        self._inbox = Inbox()
        self._wanted = Transcribe()
        self._hearing: Hearing | None = None
        self._speaking: Speaking | None = None
        self._held = AsyncExitStack()
        self._open: RequestKind | None = None
        loop = asyncio.get_running_loop()
        self._time = loop.time
        self.last_event = loop.time()

    @property
    def idle(self) -> bool:
        """Whether no request is open."""
        return self._open is None and self._inbox.idle

    async def run(self) -> None:
        """Serve until the client goes, a request fails, or the task is cancelled."""
        reading = asyncio.create_task(self._read(), name="wyoming-read")
        serving = asyncio.create_task(self._serve(), name="wyoming-serve")
        outcome: RequestOutcome = "cancelled"
        refusal: WyomingError | None = None
        try:
            done, _ = await asyncio.wait([reading, serving], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except WyomingError as error:
            outcome = "failed" if error.code in ("engine", "internal") else "refused"
            self._speech.log.info("wyoming request refused", code=error.code, error=str(error))
            refusal = error
        except OSError:
            logger.debug("wyoming client gone")
        except Exception:
            outcome = "failed"
            logger.exception("wyoming connection failed")
            refusal = WyomingError("internal", "the request failed; the server's log says why")
        finally:
            for task in (reading, serving):
                task.cancel()
            await asyncio.gather(reading, serving, return_exceptions=True)
            if self._hearing is not None:
                await self._hearing.aclose()
            await self._held.aclose()
            if self._open is not None:
                self._speech.on_request(self._open, outcome)
            if refusal is not None:
                await self._outlet.refuse(refusal)
                await discard(self._reader)
            await self._outlet.close()

    async def _read(self) -> None:
        """Take what the client sends until it goes."""
        while (header := await self._next_header()) is not None:
            self.last_event = self._time()
            try:
                event, size_bytes = await read_rest(self._reader, header)
            except asyncio.IncompleteReadError:
                return
            request = read_request(event)
            if request is not None:
                await self._inbox.put(request, size_bytes + _EVENT_BYTES)
            # What has arrived at once must not keep others from their turn.
            await asyncio.sleep(0)

    async def _next_header(self) -> dict[str, object] | None:
        while True:
            try:
                async with asyncio.timeout(self._speech.limits.idle_seconds):
                    return await read_header(self._reader)
            except TimeoutError:
                if not self._inbox.idle:
                    continue
                if self._open is None:
                    return None
                raise WyomingError("idle", "the request does not come to an end") from None

    async def _serve(self) -> None:
        while True:
            await self._answer(await self._inbox.take())

    async def _answer(self, request: Request) -> None:
        match request:
            case Describe():
                await self._outlet.send(await self._speech.info())
            case Ping():
                await self._outlet.send(Pong(text=request.text))
            case Transcribe():
                self._wanted = request
            case AudioChunk():
                await self._hear(request)
            case AudioStart():
                await self._begin_hearing()
            case AudioStop():
                await self._finish_hearing()
            case Synthesize():
                # Within a stream it repeats the text for servers that cannot take it in pieces.
                if self._speaking is None:
                    await self._begin_speaking(request)
                    await self._speak(request.text)
                    await self._finish_speaking()
            case SynthesizeStart():
                await self._begin_speaking(request)
            case SynthesizeChunk():
                if self._speaking is not None:
                    await self._speak(request.text)
            case SynthesizeStop():
                if self._speaking is not None:
                    await self._finish_speaking()
                    await self._outlet.send(SynthesizeStopped())

    async def _begin_hearing(self) -> None:
        self._begin("transcribe")
        asr, voice_activity = await self._speech.hearing()
        self._hearing = Hearing(
            self._speech.engines.asr.get,
            voice_activity,
            self._outlet,
            self._speech.limits,
            owner=self._owner,
            options=decode_options(self._wanted, asr),
        )

    async def _hear(self, chunk: AudioChunk) -> None:
        if self._hearing is None:
            # Some clients leave out the start.
            await self._begin_hearing()
        assert self._hearing is not None
        await self._hearing.push(chunk)

    async def _finish_hearing(self) -> None:
        if self._hearing is None:
            await self._begin_hearing()
        assert self._hearing is not None
        await self._hearing.finish()
        self._done()
        hearing, self._hearing = self._hearing, None
        self._wanted = Transcribe()
        await hearing.aclose()

    async def _begin_speaking(self, request: SynthesizeStart) -> None:
        self._begin("synthesize")
        if (request.text_format or "text") != "text":
            raise WyomingError("not-available", "only plain text can be spoken")
        voice, delivery = await self._held.enter_async_context(self._speech.voice(request.voice))
        self._speaking = Speaking(
            voice, delivery, self._outlet, self._speech.limits, owner=self._owner
        )

    async def _speak(self, text: str) -> None:
        assert self._speaking is not None
        await self._speaking.push(text)

    async def _finish_speaking(self) -> None:
        assert self._speaking is not None
        await self._speaking.finish()
        self._done()
        self._speaking = None
        await self._held.aclose()

    def _begin(self, kind: RequestKind) -> None:
        if self._open is not None:
            raise WyomingError("protocol", f"a request to {self._open} is still open")
        self._open = kind

    def _done(self) -> None:
        kind, self._open = self._open, None
        assert kind is not None
        self._speech.on_request(kind, "done")

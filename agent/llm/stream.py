"""One answer of an endpoint's model, from request to end."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

import aiohttp
from livekit.agents import (
    APIConnectionError,
    APIConnectOptions,
    APIStatusError,
    APITimeoutError,
    llm,
    utils,
)

from agent.languages import phrases_in
from agent.llm.answer import Piece, UnusableAnswerError
from agent.llm.calls import KnownTools
from agent.llm.endpoint import Endpoint, RefusedError
from agent.llm.filters import ReplyFilter
from agent.llm.messages import Message, build_messages, history_characters
from agent.llm.profile import EndpointProfile
from agent.llm.reading import Reading
from agent.llm.refusals import Refusal, RequestShape, judge, next_shape
from agent.llm.request import MOST_SHAPES, request_body
from agent.llm.schemas import with_known_schemas
from agent.llm.waking import WAKING_CHUNK, Waker

logger = logging.getLogger("agent.llm")

_ASK_AGAIN_SECONDS = 1.0
_LONGEST_RETRY_AFTER_SECONDS = 3.0
"""Wait between two requests to an endpoint that is not ready."""


@dataclass(frozen=True)
class LLMLimits:
    """Limits on the waits for an answer and on its length."""

    idle_seconds: float
    """Longest silence of an endpoint whose model is loaded, before the answer and within it."""
    load_seconds: float
    """Longest silence before the answer while the model may have to be loaded."""
    reply_seconds: float
    """Longest time for a whole answer with its reasoning, from its first chunk."""
    reply_characters: int
    """Longest answer; the request is closed there."""
    waking_seconds: float = 3.0
    """Wait after which the caller hears that the model is being loaded."""


class EndpointStream(llm.LLMStream):
    """Asks until the endpoint takes the request, and emits what is said and called.

    No word of the endpoint's errors or of the conversation is in what it raises.
    """

    def __init__(
        self,
        owner: llm.LLM[Any],
        *,
        endpoint: Endpoint,
        profile: EndpointProfile,
        waker: Waker | None,
        limits: LLMLimits,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool],
        conn_options: APIConnectOptions,
        options: dict[str, Any],
        language: str,
    ) -> None:
        super().__init__(owner, chat_ctx=chat_ctx, tools=tools, conn_options=conn_options)
        self._language = language
        self._endpoint = endpoint
        self._profile = profile
        self._waker = waker
        self._limits = limits
        self._options = options
        self._described = with_known_schemas(tools)
        self._known_tools = KnownTools(self._described)
        self._loop = asyncio.get_running_loop()
        self._begun = False
        """Whether something was spoken or called; the request is not repeated then."""
        self._told_of_waking = False
        self._wait_seconds = 0.0
        """Wait that the endpoint requested before the next try."""
        self._id = utils.shortuuid("reply_")
        patience = limits.idle_seconds if profile.is_awake else limits.load_seconds
        self._first_piece_by = self._loop.time() + patience

    async def _run(self) -> None:
        await asyncio.sleep(self._wait_seconds)
        telling = None
        if not self._profile.is_awake and not self._told_of_waking:
            telling = self._loop.call_later(self._limits.waking_seconds, self._tell_of_waking)
        try:
            await self._ask()
        except TimeoutError:
            self._note_silence()
            late = "the next part of its answer" if self._begun else "its first word"
            raise APITimeoutError(
                f"{self._profile.address} was too late with {late}", retryable=False
            ) from None
        except RefusedError as refused:
            if self._begun:
                raise APIConnectionError(
                    f"{self._profile.address} broke off with an error", retryable=False
                ) from None
            refusal = judge(refused.status, refused.words)
            if refusal is Refusal.LOADING:
                self._note_silence()
            # A caller waits for the reply: a longer wait is not worth it.
            wait = refused.retry_after_seconds
            self._wait_seconds = wait if wait <= _LONGEST_RETRY_AFTER_SECONDS else 0.0
            raise APIStatusError(
                f"{self._profile.address} answered {refused.status}: {refusal.value}",
                status_code=refused.status,
            ) from None
        except UnusableAnswerError as error:
            raise APIConnectionError(
                f"{self._profile.address} sent {error}", retryable=not self._begun
            ) from None
        except APIConnectionError as error:
            self._note_silence()
            error.retryable = error.retryable and not self._begun
            raise
        finally:
            if telling is not None:
                telling.cancel()

    async def _ask(self) -> None:
        """Try one shape after another until there is an answer."""
        known = shape = self._profile.shape
        refusal = Refusal.REQUEST
        for _ in range(MOST_SHAPES):
            messages = build_messages(self._chat_ctx, shape)
            try:
                await self._ask_while_loading(self._body(messages, shape))
            except RefusedError as refused:
                if shape == known:
                    refusal = judge(refused.status, refused.words)
                logger.debug(
                    "LLM refusal", extra={"status": refused.status, "words": refused.words}
                )
                other = next_shape(
                    shape,
                    refused.status,
                    refused.words,
                    history_characters=_shortenable(messages),
                    tools=shape.tools and bool(self._described),
                )
                if other is None or self._begun:
                    raise
                shape = other
            else:
                if shape != known:
                    self._profile.learn(shape, refusal)
                return
        raise RefusedError(400, "")

    async def _ask_while_loading(self, body: dict[str, Any]) -> None:
        """Send the request, repeatedly while the model is being loaded."""
        while True:
            try:
                return await self._answer(body)
            except RefusedError as refused:
                now = self._loop.time()
                if (
                    self._begun
                    or self._profile.is_awake
                    or judge(refused.status, refused.words) is not Refusal.LOADING
                    or now + _ASK_AGAIN_SECONDS > self._first_piece_by
                ):
                    raise
                await asyncio.sleep(_ASK_AGAIN_SECONDS)

    async def _answer(self, body: dict[str, Any]) -> None:
        patience = max(self._first_piece_by - self._loop.time(), 0.01)
        async with asyncio.timeout_at(self._first_piece_by) as waiting:
            async with self._endpoint.complete(
                body, idle_seconds=max(patience, self._limits.idle_seconds)
            ) as response:
                await self._read(response, waiting)

    async def _read(self, response: aiohttp.ClientResponse, waiting: asyncio.Timeout) -> None:
        reading = Reading(
            ReplyFilter(
                self._known_tools, begins_with_reasoning=self._profile.begins_with_reasoning
            )
        )
        try:
            while not (reading.is_over or reading.characters >= self._limits.reply_characters):
                data = await _next(response, quiet_seconds=reading.quiet_seconds(self._loop.time()))
                if data is None and not reading.unfiltered:
                    break
                if data:
                    self._extend(waiting, reading)
                for piece in reading.push(data):
                    self._heed(piece, reading)
                if data == b"":
                    break
                if data is None or not reading.is_burst(self._loop.time()):
                    self._say(reading.filtered(), reading)
        except Exception:
            # What came before it broke off is said.
            self._say(reading.filtered(), reading)
            raise
        self._say(reading.filtered() + reading.reply.finish(), reading)
        self._finish(reading)

    def _extend(self, waiting: asyncio.Timeout, reading: Reading) -> None:
        """Restart the wait for the next chunk, within the limit for the whole answer."""
        now = self._loop.time()
        if reading.end_by is None:
            reading.end_by = now + self._limits.reply_seconds
        idle_by = now + self._limits.idle_seconds
        if not self._profile.is_awake:
            idle_by = max(idle_by, self._first_piece_by)
        waiting.reschedule(min(idle_by, reading.end_by))

    def _heed(self, piece: Piece, reading: Reading) -> None:
        if piece.error is not None:
            raise RefusedError(piece.error.status, piece.error.words)
        if piece.text or piece.reasoning or piece.calls:
            self._profile.note_answer()
        reading.heed(piece)

    def _say(self, text: str, reading: Reading) -> None:
        """Emit speakable text, up to the limit."""
        text = text[: self._limits.reply_characters - reading.characters]
        if text:
            self._begun = True
            reading.characters += len(text)
            self._emit(llm.ChoiceDelta(role="assistant", content=text))

    def _finish(self, reading: Reading) -> None:
        """Emit the calls and the token counts."""
        # Some endpoints number the calls of each answer from one.
        used_ids = [i.call_id for i in self._chat_ctx.items if isinstance(i, llm.FunctionCall)]
        calls = reading.calls.finish(used_ids) + [
            call.as_tool_call() for call in reading.reply.calls
        ]
        if reading.reply.dropped_calls or reading.calls.dropped:
            logger.warning(
                "LLM wrote calls of no tool, which were dropped",
                extra={"model": self._profile.model},
            )
        if reading.characters >= self._limits.reply_characters:
            logger.warning("LLM reply cut at its limit", extra={"characters": reading.characters})
        if calls:
            self._begun = True
            self._emit(llm.ChoiceDelta(role="assistant", tool_calls=calls))
        elif not reading.characters and not reading.is_complete:
            raise UnusableAnswerError("an answer that ends before it begins")
        self._profile.streams = reading.is_stream
        if reading.has_text:
            self._profile.note_reasoning(begins_with_it=reading.reply.ends_reasoning_alone)
        self._event_ch.send_nowait(llm.ChatChunk(id=self._id, usage=_usage(reading.usage)))

    def _emit(self, delta: llm.ChoiceDelta) -> None:
        self._event_ch.send_nowait(llm.ChatChunk(id=self._id, delta=delta))

    def _tell_of_waking(self) -> None:
        if not self._begun and not self._profile.is_awake:
            self._told_of_waking = True
            if self._waker is not None:
                self._waker.wake()
            delta = llm.ChoiceDelta(
                role="assistant", content=f"{phrases_in(self._language).waking} "
            )
            self._event_ch.send_nowait(llm.ChatChunk(id=WAKING_CHUNK, delta=delta))

    def _note_silence(self) -> None:
        if not self._begun:
            self._profile.note_silence()
            if self._waker is not None:
                # Loading goes on though this request hangs up.
                self._waker.wake()

    def _body(self, messages: list[Message], shape: RequestShape) -> dict[str, Any]:
        return request_body(
            self._profile.model, messages, self._described, shape, options=self._options
        )


async def _next(response: aiohttp.ClientResponse, *, quiet_seconds: float | None) -> bytes | None:
    """Return the next bytes, b"" at the end, or None after that many seconds without any."""
    if quiet_seconds is None:
        return await response.content.readany()
    try:
        async with asyncio.timeout(quiet_seconds):
            return await response.content.readany()
    except TimeoutError:
        return None


def _shortenable(messages: list[Message]) -> int:
    """Return the characters before the caller's last message that may be left out."""
    callers = [i for i, message in enumerate(messages) if message["role"] == "user"]
    return history_characters(messages) if len(callers) > 1 else 0


def _usage(usage: dict[str, Any] | None) -> llm.CompletionUsage:
    def count(name: str) -> int:
        value = (usage or {}).get(name)
        return value if isinstance(value, int) else 0

    return llm.CompletionUsage(
        prompt_tokens=count("prompt_tokens"),
        completion_tokens=count("completion_tokens"),
        total_tokens=count("total_tokens"),
    )

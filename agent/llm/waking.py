"""Has an endpoint load its model, and holds that request until it is loaded.

An endpoint that loads its model at the first request gives that up when the client hangs up. A room
hangs up when its caller speaks or leaves; this request belongs to the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

from livekit.agents import APIConnectionError, llm

from agent.llm.answer import AnswerReader, UnusableAnswerError
from agent.llm.endpoint import Endpoint, RefusedError
from agent.llm.messages import build_messages
from agent.llm.profile import EndpointProfile
from agent.llm.refusals import Refusal, judge, next_shape
from agent.llm.request import MOST_SHAPES, request_body
from agent.llm.schemas import with_known_schemas

logger = logging.getLogger("agent.llm")

WAKING_CHUNK = "waking"
"""Id of the chunk that announces the loading to the caller, and is no part of the answer."""
_ASK_AGAIN_SECONDS = 2.0
_LONGEST_RETRY_AFTER_SECONDS = 30.0
_REQUEST = "Hello."
_ONE_TOKEN = "max_tokens"
"""The field that bounds an answer; some models know it only by another name."""


class Waker:
    """Keeps one request open while the model may have to be loaded.

    The request has the instructions and tools of a room's and asks for one token, so that the
    endpoint also caches their beginning. Make it on the event loop that it is to use; `wake` may be
    called from any thread.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        profile: EndpointProfile,
        *,
        instructions: str,
        greeting: str,
        tools: list[llm.Tool],
        load_seconds: float,
    ) -> None:
        self._endpoint = endpoint
        self._profile = profile
        self._tools = tools
        self._load_seconds = load_seconds
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self._chat_ctx = llm.ChatContext.empty()
        self._chat_ctx.add_message(role="system", content=instructions)
        if greeting:
            self._chat_ctx.add_message(role="assistant", content=greeting)
        self._chat_ctx.add_message(role="user", content=_REQUEST)

    def wake(self) -> None:
        """Send the request unless one is open. From any thread, also after the loop has ended."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._begin)

    async def aclose(self) -> None:
        """Cancel the request and close the connection."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._endpoint.aclose()

    def _begin(self) -> None:
        if self._closed or (self._task is not None and not self._task.done()):
            return
        self._task = self._loop.create_task(self._wake(), name="wake-llm")

    async def _wake(self) -> None:
        begun = self._loop.time()
        try:
            async with asyncio.timeout(self._load_seconds):
                await self._ask_until_taken()
        except (TimeoutError, UnusableAnswerError, RefusedError, APIConnectionError) as error:
            why = judge(error.status, error.words).value if isinstance(error, RefusedError) else ""
            logger.warning(
                "LLM does not answer yet",
                extra={
                    "endpoint": self._profile.address,
                    "model": self._profile.model,
                    "kind": type(error).__name__,
                    "reason": why or str(error),
                },
            )
        else:
            self._profile.note_answer()
            logger.info(
                "LLM is ready",
                extra={
                    "endpoint": self._profile.address,
                    "model": self._profile.model,
                    "seconds": round(self._loop.time() - begun, 1),
                },
            )

    async def _ask_until_taken(self) -> None:
        """Ask until there is an answer; wait while the endpoint is unreachable or not ready."""
        known = shape = self._profile.shape
        described = with_known_schemas(self._tools)
        first: Refusal | None = None
        shapes = 0
        options = {_ONE_TOKEN: 1}
        while True:
            messages = build_messages(self._chat_ctx, shape)
            body = request_body(self._profile.model, messages, described, shape, options=options)
            try:
                await self._answer(body)
                break
            except APIConnectionError:
                await asyncio.sleep(_ASK_AGAIN_SECONDS)
            except RefusedError as refused:
                if options and _ONE_TOKEN in refused.words:
                    options = {}
                    continue
                refusal = judge(refused.status, refused.words)
                if refusal in (Refusal.LOADING, Refusal.BUSY):
                    wait = min(refused.retry_after_seconds, _LONGEST_RETRY_AFTER_SECONDS)
                    await asyncio.sleep(max(wait, _ASK_AGAIN_SECONDS))
                    continue
                other = next_shape(
                    shape,
                    refused.status,
                    refused.words,
                    history_characters=0,
                    tools=shape.tools and bool(described),
                )
                shapes += 1
                if other is None or shapes >= MOST_SHAPES:
                    raise
                first = first or refusal
                shape = other
        if shape != known and first is not None:
            self._profile.learn(shape, first)

    async def _answer(self, body: dict[str, Any]) -> None:
        """Ask, and hang up at the first chunk of the answer."""
        reader = AnswerReader()
        async with self._endpoint.complete(body, idle_seconds=self._load_seconds) as response:
            data = None
            while data != b"":
                data = await response.content.readany()
                for piece in reader.push(data) if data else reader.finish():
                    if piece.error is not None:
                        raise RefusedError(piece.error.status, piece.error.words)
                    if piece.text or piece.reasoning or piece.calls or piece.finished:
                        return
        if not reader.finished:
            raise UnusableAnswerError("an answer that ends before it begins")

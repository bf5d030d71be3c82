"""Builds the LLM of a room: an OpenAI-compatible endpoint with bounded waits, or ours."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2 as httpx
import openai
from livekit.agents import APIConnectionError, APIConnectOptions, APITimeoutError, llm
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, NotGivenOr
from livekit.plugins import openai as openai_plugin

from agent.builtin_llm import BuiltinLLM
from agent.tools import Toolbox
from agent.tools.schemas import with_known_schemas

_SENT_HEADERS = frozenset(
    {
        "host",
        "accept",
        "accept-encoding",
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "transfer-encoding",
        "user-agent",
    }
)
"""All the headers an endpoint gets: nothing about the room, the job or other accounts."""

_NO_KEY = "none"
"""Sent where no key is set, so that no key of the environment is."""


@dataclass(frozen=True)
class LLMTimeouts:
    """How long a caller is kept waiting before the LLM counts as failed, in seconds."""

    connect_seconds: float = 3.0
    """To reach the endpoint."""
    first_token_seconds: float = 10.0
    """From the request to the first word or tool call, connecting included."""
    between_chunks_seconds: float = 5.0
    """From one part of the answer to the next."""


def build_llm(
    *,
    base_url: str | None,
    model: str | None,
    api_key: str | None,
    toolbox: Toolbox,
    timeouts: LLMTimeouts | None = None,
    max_retry: int = 1,
    temperature: float | None = None,
) -> llm.LLM[Any]:
    """The LLM for one room; close it with `aclose` when the room ends.

    With `base_url` (Ollama, llama.cpp, vLLM or any other OpenAI-compatible endpoint) the only
    connections are to it; proxies and keys of the environment are not used. A failed request is
    repeated at once, `max_retry` times, unless words have been spoken or time has run out.
    Without `base_url` it is the built-in LLM, which answers from `toolbox`.

    Raises:
        ValueError: the URL or the model name cannot be used; the text says why.
    """
    if base_url is None:
        return BuiltinLLM(toolbox)
    url = urlsplit(base_url)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError(
            "the LLM's base URL must begin with http:// or https:// and name a host, "
            "such as http://127.0.0.1:11434/v1"
        )
    if not model:
        raise ValueError("an LLM endpoint needs the name of a model, such as llama3.2")
    timeouts = timeouts or LLMTimeouts()
    client = _client(base_url, api_key or _NO_KEY, timeouts)
    endpoint = openai_plugin.LLM(
        model=model,
        client=client,
        temperature=NOT_GIVEN if temperature is None else temperature,
    )
    return EndpointLLM(endpoint, client, timeouts=timeouts, max_retry=max_retry)


class EndpointLLM(llm.LLM[Any]):
    """An LLM behind HTTP whose every wait is bounded.

    Its failures are reported as recoverable: the framework would close the session after a few
    of the other kind, though the caller's next turn may well be answered.
    """

    def __init__(
        self,
        endpoint: openai_plugin.LLM,
        client: openai.AsyncClient,
        *,
        timeouts: LLMTimeouts,
        max_retry: int,
    ) -> None:
        super().__init__()
        self._endpoint = endpoint
        self._client = client
        self._timeouts = timeouts
        self._max_retry = max_retry

    @property
    def model(self) -> str:
        return self._endpoint.model

    @property
    def provider(self) -> str:
        return self._endpoint.provider

    def emit(self, event: Any, *args: Any) -> None:
        if event == "error":
            args[0].recoverable = True
        super().emit(event, *args)

    def prewarm(self, *, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._endpoint.prewarm(loop=loop)

    def chat(
        self,
        *,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool] | None = None,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
        parallel_tool_calls: NotGivenOr[bool] = NOT_GIVEN,
        tool_choice: NotGivenOr[llm.ToolChoice] = NOT_GIVEN,
        extra_kwargs: NotGivenOr[dict[str, Any]] = NOT_GIVEN,
    ) -> llm.LLMStream:
        """Answer the chat. The waits are those given at construction, not `conn_options`."""
        return _BoundedStream(
            self,
            endpoint=self._endpoint,
            timeouts=self._timeouts,
            chat_ctx=chat_ctx,
            tools=tools or [],
            conn_options=APIConnectOptions(max_retry=self._max_retry, retry_interval=0.1),
            request={
                "parallel_tool_calls": parallel_tool_calls,
                "tool_choice": tool_choice,
                "extra_kwargs": extra_kwargs,
            },
        )

    async def aclose(self) -> None:
        await super().aclose()
        await self._endpoint.aclose()
        await self._client.close()


class _BoundedStream(llm.LLMStream):
    """The endpoint's stream, given up when the first token or the next chunk is late."""

    def __init__(
        self,
        owner: EndpointLLM,
        *,
        endpoint: openai_plugin.LLM,
        timeouts: LLMTimeouts,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool],
        conn_options: APIConnectOptions,
        request: dict[str, Any],
    ) -> None:
        super().__init__(owner, chat_ctx=chat_ctx, tools=tools, conn_options=conn_options)
        self._endpoint = endpoint
        self._timeouts = timeouts
        self._request = request
        self._first_token_by = asyncio.get_running_loop().time() + timeouts.first_token_seconds
        self._begun = False

    async def _run(self) -> None:
        longest = max(self._timeouts.first_token_seconds, self._timeouts.between_chunks_seconds)
        stream = self._endpoint.chat(
            chat_ctx=self._chat_ctx,
            tools=with_known_schemas(self._tools),
            conn_options=APIConnectOptions(max_retry=0, timeout=longest),
            **self._request,
        )
        try:
            async with stream:
                while (chunk := await self._next(stream)) is not None:
                    self._begun = self._begun or chunk.has_response()
                    self._event_ch.send_nowait(chunk)
        except APIConnectionError as error:
            # Words that were spoken once must not be spoken again, nor must time run on.
            error.retryable = error.retryable and not self._begun
            if isinstance(error, APITimeoutError):
                error.retryable = False
            raise

    async def _next(self, stream: llm.LLMStream) -> llm.ChatChunk | None:
        """The next chunk, or None at the end."""
        now = asyncio.get_running_loop().time()
        by = now + self._timeouts.between_chunks_seconds if self._begun else self._first_token_by
        try:
            async with asyncio.timeout_at(by):
                return await anext(stream, None)
        except TimeoutError:
            late = "the next part of its answer" if self._begun else "its first word"
            raise APITimeoutError(f"the LLM was too late with {late}", retryable=False) from None


def _client(base_url: str, api_key: str, timeouts: LLMTimeouts) -> openai.AsyncClient:
    async def prepare(request: httpx.Request) -> None:
        for name in set(request.headers) - _SENT_HEADERS:
            del request.headers[name]
        # The plugin sets one timeout for all phases of each request; connecting gets its own.
        request.extensions["timeout"]["connect"] = timeouts.connect_seconds

    return openai.AsyncClient(
        api_key=api_key,
        base_url=base_url,
        max_retries=0,
        http_client=httpx.AsyncClient(
            timeout=httpx.Timeout(timeouts.first_token_seconds, connect=timeouts.connect_seconds),
            follow_redirects=False,
            trust_env=False,
            event_hooks={"request": [prepare]},
        ),
    )

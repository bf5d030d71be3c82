"""Builds the LLM of a room: an OpenAI-compatible endpoint, or the built-in replies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from livekit.agents import APIConnectOptions, llm
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, NotGivenOr
from livekit.agents.utils import is_given

from agent.llm.builtin import BuiltinLLM
from agent.llm.endpoint import Endpoint
from agent.llm.profile import EndpointProfile
from agent.llm.stream import EndpointStream, LLMLimits
from agent.llm.waking import Waker
from agent.tools import RoomState, Toolbox

_LIST_SECONDS = 5.0
_RETRY_SECONDS = 0.1
_TEST_SECONDS = 120.0
_TEST_CHARACTERS = 20_000


class LanguageModels:
    """What a process has of its language model: one LLM for each room, what was learned of the
    endpoint, and the request that has the model loaded.

    Args:
        base_url: OpenAI-compatible endpoint (Ollama, llama.cpp, vLLM or another); None for the
            built-in replies, which answer from the room's tools.
        model: the name to ask for there.
        api_key: sent where it is not empty.
        temperature: randomness of the replies; None for the endpoint's own.
        max_retry: how often a failed request is repeated, unless words have been spoken or time
            has run out.

    Raises:
        ValueError: the URL or the model name cannot be used; the text says why.
    """

    def __init__(
        self,
        *,
        base_url: str | None,
        model: str | None,
        api_key: str = "",
        limits: LLMLimits,
        temperature: float | None = None,
        max_retry: int = 1,
    ) -> None:
        self._options = {} if temperature is None else {"temperature": temperature}
        self._base_url = base_url
        self._api_key = api_key
        self._limits = limits
        self._max_retry = max_retry
        self._profile: EndpointProfile | None = None
        self._waker: Waker | None = None
        if base_url is None:
            return
        url = urlsplit(base_url)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ValueError(
                "the LLM's base URL must begin with http:// or https:// and name a host, "
                "such as http://127.0.0.1:11434/v1"
            )
        if not model:
            raise ValueError("an LLM endpoint needs the name of a model, such as llama3.2")
        self._profile = EndpointProfile(self._endpoint(base_url).address, model)

    @property
    def woken(self) -> bool:
        """Whether `wake` has been called, or there is nothing to wake."""
        return self._profile is None or self._waker is not None

    @property
    def profile(self) -> EndpointProfile | None:
        """What is known about the endpoint; None for the built-in replies."""
        return self._profile

    def build(self, toolbox: Toolbox) -> llm.LLM[Any]:
        """Build the LLM of one room, on that room's event loop; close it when the room ends."""
        if self._base_url is None or self._profile is None:
            return BuiltinLLM(toolbox)
        return EndpointLLM(
            self._endpoint(self._base_url),
            self._profile,
            waker=self._waker,
            limits=self._limits,
            options=self._options,
            max_retry=self._max_retry,
            language=lambda: toolbox.state.language(),
        )

    def wake(self, *, instructions: str, greeting: str) -> None:
        """Have the endpoint load its model, without waiting for it.

        Call it once, on the event loop of the process; rooms that find the model asleep later have
        it woken there. The arguments are those that a conversation begins with.
        """
        if self._base_url is None or self._profile is None:
            return
        self._waker = Waker(
            self._endpoint(self._base_url),
            self._profile,
            instructions=instructions,
            greeting=greeting,
            tools=list(Toolbox(RoomState()).function_tools),
            load_seconds=self._limits.load_seconds,
        )
        self._waker.wake()

    async def aclose(self) -> None:
        """Cancel the request that has the model loaded."""
        if self._waker is not None:
            await self._waker.aclose()

    def _endpoint(self, base_url: str) -> Endpoint:
        return Endpoint(base_url, self._api_key)


class EndpointLLM(llm.LLM[Any]):
    """An LLM behind HTTP, for one room.

    Its failures are reported as recoverable: the framework would close the session after a few
    of the other kind, though the caller's next turn may well be answered.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        profile: EndpointProfile,
        *,
        waker: Waker | None,
        limits: LLMLimits,
        options: Mapping[str, Any],
        max_retry: int,
        language: Callable[[], str],
    ) -> None:
        """`language` returns the code of the one that the agent speaks."""
        super().__init__()
        self._language = language
        self._endpoint = endpoint
        self._profile = profile
        self._waker = waker
        self._limits = limits
        self._options = options
        self._max_retry = max_retry

    @property
    def model(self) -> str:
        return self._profile.model

    @property
    def provider(self) -> str:
        return urlsplit(self._profile.address).netloc

    def emit(self, event: Any, *args: Any) -> None:
        if event == "error":
            args[0].recoverable = True
        super().emit(event, *args)

    async def _prewarm_impl(self) -> None:
        # Opens the connection that the first request then finds ready.
        await self._endpoint.models(seconds=_LIST_SECONDS)

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
        options = dict(self._options)
        if is_given(extra_kwargs):
            options.update(extra_kwargs)
        if is_given(parallel_tool_calls):
            options["parallel_tool_calls"] = parallel_tool_calls
        if is_given(tool_choice) and tool_choice != "auto":
            options["tool_choice"] = tool_choice
        return EndpointStream(
            self,
            endpoint=self._endpoint,
            profile=self._profile,
            waker=self._waker,
            limits=self._limits,
            chat_ctx=chat_ctx,
            tools=tools or [],
            conn_options=APIConnectOptions(
                max_retry=self._max_retry, retry_interval=_RETRY_SECONDS
            ),
            options=options,
            language=self._language(),
        )

    async def aclose(self) -> None:
        await super().aclose()
        await self._endpoint.aclose()


def endpoint_llm(base_url: str, model: str, *, api_key: str = "") -> llm.LLM[Any]:
    """Return an LLM behind an OpenAI-compatible endpoint, such as for the test of an agent.

    Use it on one event loop, and close it. Raises ValueError.
    """
    limits = LLMLimits(_TEST_SECONDS, _TEST_SECONDS, _TEST_SECONDS, _TEST_CHARACTERS)
    models = LanguageModels(base_url=base_url, model=model, api_key=api_key, limits=limits)
    return models.build(Toolbox(RoomState(), ()))

"""An OpenAI-compatible endpoint: healthy, down, slow, cut off, and what it is told."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from livekit.agents import APIConnectionError, APIStatusError, APITimeoutError, llm

from agent.llm.builtin import BuiltinLLM
from agent.llm.language_models import EndpointLLM, LanguageModels
from agent.llm.stream import LLMLimits
from agent.tools import RoomState, Toolbox

KEY = "sk-very-secret"
LIMITS = LLMLimits(idle_seconds=5.0, load_seconds=5.0, reply_seconds=120.0, reply_characters=20_000)
IMPATIENT = replace(LIMITS, idle_seconds=0.3, load_seconds=0.3, reply_seconds=0.6)

Answer = Callable[[web.StreamResponse], Awaitable[None]]


def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"} | {
        "choices": [choice]
    }


USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}


class Endpoint:
    """A local server that speaks the OpenAI streaming protocol, as a test wants it to."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.answer: Answer = self.healthy
        self.status = 200
        self.retry_after = ""
        self.redirect_to = ""
        self.refusal: Callable[[dict[str, Any]], str | bool] = lambda _: False
        self.queries: list[str] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(await request.json())
        self.queries.append(request.query_string)
        if refusal := self.refusal(self.requests[-1]):
            return web.json_response({"error": {"message": refusal}}, status=400)
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        if self.redirect_to:
            return web.Response(status=307, headers={"Location": self.redirect_to})
        if self.status != 200:
            wait = {"Retry-After": self.retry_after} if self.retry_after else None
            return web.json_response({"error": {"message": "no"}}, status=self.status, headers=wait)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await self.answer(response)
        return response

    @staticmethod
    async def send(response: web.StreamResponse, *events: dict[str, Any] | str) -> None:
        for event in events:
            data = event if isinstance(event, str) else json.dumps(event)
            await response.write(f"data: {data}\n\n".encode())

    async def healthy(self, response: web.StreamResponse) -> None:
        await self.send(
            response,
            chunk({"role": "assistant", "content": "It is "}),
            chunk({"content": "six."}),
            chunk({}, "stop"),
            {**chunk({}), "choices": [], "usage": USAGE},
            "[DONE]",
        )

    async def calls_a_tool(self, response: web.StreamResponse) -> None:
        function = {"name": "set_timer", "arguments": ""}
        begun = {"index": 0, "id": "call_1", "type": "function", "function": function}
        arguments = ['{"when": "five', ' minutes"}']
        parts = [{"index": 0, "function": {"arguments": part}} for part in arguments]
        await self.send(
            response,
            chunk({"role": "assistant", "tool_calls": [begun]}),
            *(chunk({"tool_calls": [part]}) for part in parts),
            chunk({}, "tool_calls"),
            "[DONE]",
        )

    async def never_answers(self, response: web.StreamResponse) -> None:
        await asyncio.sleep(60)

    async def only_keeps_alive(self, response: web.StreamResponse) -> None:
        for _ in range(1000):
            await response.write(b": processing\n\n")
            await asyncio.sleep(0.05)

    async def stops_after_two_chunks(self, response: web.StreamResponse) -> None:
        await self.send(response, chunk({"content": "It "}), chunk({"content": "is "}))
        await asyncio.sleep(60)

    async def breaks_after_two_chunks(self, response: web.StreamResponse) -> None:
        await self.send(response, chunk({"content": "It "}), chunk({"content": "is "}))
        assert response._req is not None
        assert response._req.transport is not None
        response._req.transport.close()

    async def fails_in_the_middle(self, response: web.StreamResponse) -> None:
        await self.send(response, chunk({"content": "It is "}))
        await self.send(response, {"error": {"message": "out of memory"}})


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    endpoint = Endpoint()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", endpoint.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    endpoint.url = f"http://{host}:{port}/v1"
    yield endpoint
    await runner.cleanup()


def toolbox() -> Toolbox:
    return Toolbox(RoomState())


def endpoint_llm(url: str, limits: LLMLimits = LIMITS, **options: Any) -> EndpointLLM:
    options = {"api_key": KEY, **options}
    built = LanguageModels(base_url=url, model="m", limits=limits, **options).build(toolbox())
    assert isinstance(built, EndpointLLM)
    return built


async def ask(
    language_model: llm.LLM[Any], tools: list[llm.Tool] | None = None
) -> tuple[str, list[llm.ChatChunk], Exception | None]:
    """The text, the chunks, and the error that ended them."""
    chat_ctx = llm.ChatContext.empty()
    chat_ctx.add_message(role="user", content="how late is it")
    chunks = []
    error = None
    try:
        async with language_model.chat(chat_ctx=chat_ctx, tools=tools) as stream:
            async for part in stream:
                chunks.append(part)
    except Exception as raised:
        error = raised
    await language_model.aclose()
    return "".join(c.delta.content or "" for c in chunks if c.delta), chunks, error


async def test_a_healthy_endpoint_streams_text_and_usage(endpoint: Endpoint) -> None:
    text, chunks, error = await ask(endpoint_llm(endpoint.url))
    assert (text, error) == ("It is six.", None)
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 10


async def test_a_healthy_endpoint_streams_tool_calls(endpoint: Endpoint) -> None:
    endpoint.answer = endpoint.calls_a_tool
    _, chunks, error = await ask(endpoint_llm(endpoint.url), [*toolbox().function_tools])
    calls = [call for c in chunks if c.delta for call in c.delta.tool_calls]
    assert error is None
    assert [(c.name, json.loads(c.arguments)) for c in calls] == [
        ("set_timer", {"when": "five minutes"})
    ]
    offered = {tool["function"]["name"] for tool in endpoint.requests[0]["tools"]}
    assert {"set_timer", "calculate", "end_call"} <= offered


async def test_an_endpoint_that_refuses_connections_is_tried_twice() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        language_model = endpoint_llm(url)
        errors: list[llm.LLMError] = []
        language_model.on("error", errors.append)
        text, _, error = await ask(language_model)
    assert text == ""
    assert isinstance(error, APIConnectionError)
    assert [e.recoverable for e in errors] == [True, True]


async def test_a_server_error_is_tried_twice(endpoint: Endpoint) -> None:
    endpoint.status = 500
    _, _, error = await ask(endpoint_llm(endpoint.url))
    assert isinstance(error, APIConnectionError)
    assert len(endpoint.requests) == 2


@pytest.mark.parametrize("retries", [0, 1])
async def test_the_time_that_an_endpoint_asks_for_is_waited_before_a_try_and_not_after_the_last(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, retries: int
) -> None:
    endpoint.status, endpoint.retry_after = 429, "2.5"
    waits: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        waits.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", note)
    _, _, error = await ask(endpoint_llm(endpoint.url, max_retry=retries))
    assert isinstance(error, APIConnectionError | APIStatusError)
    assert len(endpoint.requests) == retries + 1
    assert waits.count(2.5) == retries


async def test_a_refusal_is_not_tried_again(endpoint: Endpoint) -> None:
    endpoint.status = 401
    _, _, error = await ask(endpoint_llm(endpoint.url))
    assert isinstance(error, APIStatusError)
    assert error.status_code == 401
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize("behaviour", ["never_answers", "only_keeps_alive"])
async def test_an_endpoint_without_a_first_word_is_given_up(
    endpoint: Endpoint, behaviour: str
) -> None:
    endpoint.answer = getattr(endpoint, behaviour)
    text, _, error = await ask(endpoint_llm(endpoint.url, IMPATIENT))
    assert text == ""
    assert isinstance(error, APITimeoutError)
    assert len(endpoint.requests) == 1


async def test_an_endpoint_that_stops_in_the_middle_is_given_up(endpoint: Endpoint) -> None:
    endpoint.answer = endpoint.stops_after_two_chunks
    patient_at_first = replace(LIMITS, idle_seconds=0.3, load_seconds=5.0)
    text, _, error = await ask(endpoint_llm(endpoint.url, patient_at_first))
    assert text == "It is "
    assert isinstance(error, APITimeoutError)
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize("behaviour", ["breaks_after_two_chunks", "fails_in_the_middle"])
async def test_an_answer_that_breaks_off_is_an_error_and_not_begun_again(
    endpoint: Endpoint, behaviour: str
) -> None:
    endpoint.answer = getattr(endpoint, behaviour)
    text, _, error = await ask(endpoint_llm(endpoint.url))
    assert text == "It is "
    assert isinstance(error, APIConnectionError)
    assert len(endpoint.requests) == 1


async def test_after_a_failure_the_next_request_is_answered(endpoint: Endpoint) -> None:
    language_model = endpoint_llm(endpoint.url, max_retry=0)
    chat_ctx = llm.ChatContext.empty()
    chat_ctx.add_message(role="user", content="how late is it")
    endpoint.status = 500
    with pytest.raises(APIStatusError):
        await language_model.chat(chat_ctx=chat_ctx).collect()
    endpoint.status = 200
    assert (await language_model.chat(chat_ctx=chat_ctx).collect()).text == "It is six."
    await language_model.aclose()


async def test_a_request_that_is_given_up_leaves_no_task_behind(endpoint: Endpoint) -> None:
    endpoint.answer = endpoint.never_answers
    before = asyncio.all_tasks()
    language_model = endpoint_llm(endpoint.url)
    chat_ctx = llm.ChatContext.empty()
    chat_ctx.add_message(role="user", content="how late is it")
    stream = language_model.chat(chat_ctx=chat_ctx)
    async with asyncio.timeout(10):
        while not endpoint.requests:
            await asyncio.sleep(0.01)
    await stream.aclose()
    await language_model.aclose()
    left = asyncio.all_tasks() - before
    assert not {t.get_name() for t in left if "LLM" in t.get_name()}


async def test_loading_goes_on_when_the_room_that_waits_for_it_hangs_up(
    endpoint: Endpoint,
) -> None:
    loaded = asyncio.Event()

    async def answers_once_loaded(response: web.StreamResponse) -> None:
        await loaded.wait()
        await endpoint.healthy(response)

    endpoint.answer = answers_once_loaded
    models = LanguageModels(base_url=endpoint.url, model="m", limits=LIMITS)
    assert models.profile is not None
    models.wake(instructions="Be brief.", greeting="Hello.")
    language_model = models.build(toolbox())
    chat_ctx = llm.ChatContext.empty()
    chat_ctx.add_message(role="user", content="how late is it")
    stream = language_model.chat(chat_ctx=chat_ctx)
    async with asyncio.timeout(10):
        while len(endpoint.requests) < 2:
            await asyncio.sleep(0.01)
    await stream.aclose()
    await language_model.aclose()
    assert not models.profile.is_awake
    loaded.set()
    async with asyncio.timeout(10):
        while not models.profile.is_awake:
            await asyncio.sleep(0.01)
    await models.aclose()


async def test_a_model_that_knows_no_max_tokens_is_woken_without(endpoint: Endpoint) -> None:
    endpoint.refusal = lambda body: "max_tokens" in body and "Unsupported parameter: 'max_tokens'"
    models = LanguageModels(base_url=endpoint.url, model="m", limits=LIMITS)
    assert models.profile is not None
    models.wake(instructions="Be brief.", greeting="")
    async with asyncio.timeout(10):
        while not models.profile.is_awake:
            await asyncio.sleep(0.01)
    await models.aclose()
    assert models.profile.shape.tools


@pytest.mark.parametrize(("asked", "waited"), [("7", 7.0), ("3600", 30.0), ("0.1", 2.0)])
async def test_a_busy_endpoint_is_woken_again_when_it_asks_for_it_within_bounds(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, asked: str, waited: float
) -> None:
    endpoint.status, endpoint.retry_after = 429, asked
    waits: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        if seconds >= 1.0:
            waits.append(seconds)
            endpoint.status = 200
            seconds = 0.0
        await sleep(seconds)

    monkeypatch.setattr(asyncio, "sleep", note)
    models = LanguageModels(base_url=endpoint.url, model="m", limits=LIMITS)
    assert models.profile is not None
    models.wake(instructions="Be brief.", greeting="")
    async with asyncio.timeout(10):
        while not models.profile.is_awake:
            await sleep(0.01)
    await models.aclose()
    assert waits == [waited]


async def test_credentials_of_the_address_are_sent_and_never_shown(endpoint: Endpoint) -> None:
    url = endpoint.url.replace("http://", "http://me:secret@")
    models = LanguageModels(base_url=url, model="m", limits=LIMITS)
    assert models.profile is not None
    assert "secret" not in models.profile.address
    assert (await ask(models.build(toolbox())))[0] == "It is six."
    assert endpoint.headers[0]["authorization"].startswith("Basic ")
    assert (await ask(endpoint_llm(url)))[0] == "It is six."
    assert endpoint.headers[1]["authorization"] == f"Bearer {KEY}"


async def test_what_an_address_asks_for_goes_with_each_request(endpoint: Endpoint) -> None:
    assert (await ask(endpoint_llm(f"{endpoint.url}?api-version=1")))[0] == "It is six."
    assert endpoint.queries == ["api-version=1"]


async def test_the_endpoint_is_told_the_key_and_nothing_of_other_accounts(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody-else")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-somebody-else")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-of-somebody-else")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Other: of-somebody-else")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    await ask(endpoint_llm(endpoint.url))
    await ask(endpoint_llm(endpoint.url, api_key=""))
    with_key, without_key = endpoint.headers
    assert with_key["authorization"] == f"Bearer {KEY}"
    assert "authorization" not in without_key
    assert "somebody-else" not in json.dumps(endpoint.headers)
    assert not [name for name in with_key if name.startswith(("x-", "openai-"))]


async def test_a_redirect_to_another_host_is_not_followed(endpoint: Endpoint) -> None:
    endpoint.redirect_to = "http://127.0.0.1:9/v1/chat/completions"
    _, _, error = await ask(endpoint_llm(endpoint.url, max_retry=0))
    assert isinstance(error, APIStatusError)
    assert error.status_code == 307


async def test_no_secret_is_logged(endpoint: Endpoint, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    for status in (200, 401, 500):
        endpoint.status = status
        language_model = endpoint_llm(endpoint.url)
        await ask(language_model)
        assert KEY not in repr(language_model)
    assert KEY not in caplog.text


async def test_without_a_url_it_is_the_built_in_one() -> None:
    built = LanguageModels(base_url=None, model=None, limits=LIMITS).build(toolbox())
    assert isinstance(built, BuiltinLLM)


@pytest.mark.parametrize(
    ("url", "model", "complaint"),
    [
        ("localhost:11434", "m", "http://"),
        ("ftp://localhost/v1", "m", "http://"),
        ("http://", "m", "host"),
        ("http://127.0.0.1:11434/v1", None, "name of a model"),
    ],
)
def test_an_unusable_endpoint_is_named(url: str, model: str | None, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        LanguageModels(base_url=url, model=model, api_key=KEY, limits=LIMITS)

"""What `doctor` says of a language model by asking it as a room does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web

from agent.doctor.findings import Finding, Status
from agent.doctor.language_model import check_llm_reply, context_tokens
from agent.settings import Settings
from tests.room.llm_endpoint import (
    Endpoint,
    echoes,
    endpoint_in_thread,
    refuses_tools,
    says,
)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with endpoint_in_thread() as endpoint:
        yield endpoint


async def findings(endpoint: Endpoint) -> dict[str, Finding]:
    llm = {"base_url": endpoint.base_url, "model": "m", "timeout_seconds": 5, "load_seconds": 5}
    settings = Settings.model_validate({"llm": llm})
    return {finding.subject: finding async for finding in check_llm_reply(settings)}


async def test_nothing_is_said_of_the_built_in_replies() -> None:
    assert not [finding async for finding in check_llm_reply(Settings.model_validate({}))]


async def test_a_model_that_does_all_is_fine(endpoint: Endpoint) -> None:
    found = await findings(endpoint)
    assert [finding.status for finding in found.values()] == [Status.OK]
    assert {message["role"] for message in endpoint.requests[0]["messages"]} == {"system", "user"}
    assert endpoint.requests[0]["tools"]


async def test_a_model_without_tools_is_named_with_what_it_cannot_do(endpoint: Endpoint) -> None:
    endpoint.refuse = refuses_tools(400, {"error": {"message": "m does not support tools"}})
    found = await findings(endpoint)
    assert found["LLM reply"].status is Status.OK
    assert found["LLM tools"].status is Status.WARN
    assert "timers" in found["LLM tools"].text


async def test_an_endpoint_that_does_not_stream_is_named(endpoint: Endpoint) -> None:
    answered = {"choices": [{"message": {"role": "assistant", "content": "Hello."}}]}
    endpoint.instead = lambda: web.json_response(answered)
    assert (await findings(endpoint))["LLM stream"].status is Status.WARN


async def test_a_refusal_is_told_in_our_words(endpoint: Endpoint) -> None:
    endpoint.refuse = echoes
    (finding,) = (await findings(endpoint)).values()
    assert finding.status is Status.FAIL
    assert "answered 422" in finding.text
    assert "input" not in finding.text


async def test_an_answer_without_words_is_named(endpoint: Endpoint) -> None:
    endpoint.respond = says("<think>Hmm, nothing to say")
    assert (await findings(endpoint))["LLM reply"].status is Status.WARN


async def test_a_small_context_is_named_with_a_cure(endpoint: Endpoint) -> None:
    endpoint.models = [{"id": "m", "meta": {"n_ctx": 2048}}]
    finding = (await findings(endpoint))["LLM context"]
    assert finding.status is Status.WARN
    assert "2048" in finding.text
    assert "8192" in finding.cure


@pytest.mark.parametrize(
    ("listed", "tokens"),
    [
        ({"data": [{"id": "m", "max_model_len": 8192}]}, 8192),
        ({"data": [{"id": "other", "max_model_len": 8192}]}, 8192),
        ({"data": [{"id": "other", "max_model_len": 8192}, {"id": "more"}]}, None),
        ({"data": [{"id": "m:latest", "context_length": 4096}]}, 4096),
        ({"data": [{"id": "m", "meta": None}]}, None),
        ({"data": "m"}, None),
        (None, None),
    ],
)
def test_the_context_is_read_where_an_endpoint_tells_it(listed: Any, tokens: int | None) -> None:
    assert context_tokens(listed, "m") == tokens

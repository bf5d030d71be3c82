"""What an endpoint refuses is understood by its own words, and asked otherwise."""

from __future__ import annotations

import pytest

from agent.llm.refusals import Refusal, RequestShape, judge, next_shape

WORDS = [
    (400, "registry.ollama.ai/library/gemma:2b does not support tools", Refusal.TOOLS),
    (400, '"auto" tool choice requires --enable-auto-tool-choice', Refusal.TOOLS),
    (500, "tools param requires --jinja flag", Refusal.TOOLS),
    (404, "No endpoints found that support tool use", Refusal.TOOLS),
    (500, "Conversation roles must alternate user/assistant/user/assistant", Refusal.ROLES),
    (400, "System role not supported", Refusal.ROLES),
    (400, "This model's maximum context length is 4096 tokens. However, you", Refusal.CONTEXT),
    (400, "the request exceeds the available context size, try increasing", Refusal.CONTEXT),
    (413, "Request too large", Refusal.CONTEXT),
    (422, "`inputs` tokens + `max_new_tokens` must be <= 2048", Refusal.CONTEXT),
    (400, "prompt is too long: 210000 tokens > 200000 maximum", Refusal.CONTEXT),
    (400, "Please reduce the length of the messages", Refusal.CONTEXT),
    (422, "stream_options: Extra inputs are not permitted", Refusal.FIELDS),
    (400, "Unsupported parameter: 'max_tokens' is not supported", Refusal.REQUEST),
    (404, "model 'm' not found, try pulling it first", Refusal.MODEL),
    (404, "404 page not found", Refusal.MODEL),
    (400, "The model `m` does not exist", Refusal.MODEL),
    (401, "no tools for you", Refusal.KEY),
    (429, "too many tokens per minute", Refusal.BUSY),
    (503, "Loading model", Refusal.LOADING),
    (500, "out of memory", Refusal.FAULT),
    (502, "does not support tools", Refusal.FAULT),
    (400, "bad request", Refusal.REQUEST),
]


@pytest.mark.parametrize(("status", "words", "refusal"), WORDS)
def test_refusals_are_understood(status: int, words: str, refusal: Refusal) -> None:
    assert judge(status, words) is refusal


def shapes(status: int, words: str, *, history: int = 0, tools: bool = True) -> list[RequestShape]:
    """All the ways in which an endpoint is asked that goes on refusing."""
    shape = RequestShape()
    tried: list[RequestShape] = []
    for _ in range(20):
        other = next_shape(
            shape,
            status,
            words,
            history_characters=history,
            tools=tools and shape.tools,
        )
        if other is None:
            return tried
        assert other != shape
        shape = other
        if shape.history_characters is not None:
            history = shape.history_characters
        tried.append(shape)
    raise AssertionError("it is asked for ever")


@pytest.mark.parametrize(("status", "words", "refusal"), WORDS)
def test_no_endpoint_is_asked_for_ever(status: int, words: str, refusal: Refusal) -> None:
    assert len(shapes(status, words, history=10_000)) < 20


@pytest.mark.parametrize("refusal", [Refusal.KEY, Refusal.MODEL, Refusal.BUSY, Refusal.FAULT])
def test_what_no_other_wording_cures_is_not_asked_again(refusal: Refusal) -> None:
    for status, words, of in WORDS:
        if of is refusal:
            assert shapes(status, words) == []


def test_a_refusal_without_a_reason_costs_one_thing_after_another() -> None:
    assert [(s.tools, s.extras, s.system_role) for s in shapes(400, "bad request")] == [
        (False, True, True),
        (False, False, True),
        (False, False, False),
    ]


def test_an_endpoint_that_tells_its_limit_is_sent_what_fits_at_once() -> None:
    words = "maximum context length is 1000 tokens. However, you requested 4000 tokens"
    (first, *_) = shapes(400, words, history=8_000)
    assert first.history_characters == 1_600
    (first, *_) = shapes(400, "context length exceeded", history=8_000)
    assert first.history_characters == 4_000


def test_tools_are_left_out_where_no_history_is_left() -> None:
    assert [s.tools for s in shapes(400, "context length exceeded", history=0)] == [False]

"""Language models as they are: what `console --text` says with each, and what is logged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from agent.languages import ENGLISH
from agent.llm.calls import MOST_CALLS
from tests.room.llm_endpoint import (
    ANSWER,
    Endpoint,
    Refuse,
    always,
    calls,
    echoes,
    endpoint_in_thread,
    loading,
    loads_for,
    refuses_beyond,
    refuses_system,
    refuses_tools,
    refuses_unless_alternating,
    says,
    sends,
)
from tests.support.commands import Commands, commands
from tests.support.console import Converse

SECRET = "the name of my cat is Miranda"


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with endpoint_in_thread() as endpoint:
        yield endpoint


@pytest.fixture
def terminal(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    endpoint: Endpoint,
) -> Iterator[Commands]:
    with commands(monkeypatch, capfd, tmp_path) as found:
        found.set(AGENT_GREETING="off", LLM_BASE_URL=endpoint.base_url, LLM_MODEL="m")
        yield found


@pytest.fixture
def converse(terminal: Commands, monkeypatch: pytest.MonkeyPatch) -> Converse:
    return Converse(terminal, monkeypatch)


def results(endpoint: Endpoint) -> list[str]:
    """What tools answered, as the endpoint was told at last."""
    return [m["content"] for m in endpoint.requests[-1]["messages"] if m["role"] == "tool"]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, {"error": {"message": "registry.ollama.ai/library/m does not support tools"}}),
        (400, {"object": "error", "message": '"auto" tool choice requires --enable-auto-tool'}),
        (500, {"error": {"message": "tools param requires --jinja flag"}}),
        (501, {"detail": "Function calling is not implemented: functions"}),
        (422, {"detail": "Unprocessable"}),
        (400, "bad request"),
    ],
)
def test_an_endpoint_that_takes_no_tools_is_asked_without_from_then_on(
    converse: Converse, endpoint: Endpoint, status: int, error: Any
) -> None:
    endpoint.refuse = refuses_tools(status, error)
    ran = converse("hello", "and again", "and again")
    assert ran.out == f"{ANSWER}\n" * 3
    assert endpoint.refused <= 1
    assert not any("tools" in request for request in endpoint.requests[-2:])
    assert ran.err.count("it takes no tools") + ran.err.count("does not take the request") == 1


def test_tool_results_are_told_in_words_to_an_endpoint_that_takes_no_tools(
    converse: Converse, endpoint: Endpoint
) -> None:
    endpoint.refuse = refuses_tools(400, {"error": "does not support tools"})
    answers = iter([says('{"name": "roll_dice", "parameters": {}}'), says("Well rolled.")])
    endpoint.respond = lambda response, body: (
        says("ok") if body.get("max_tokens") else next(answers)
    )(response, body)
    assert converse("roll a die").out == "Well rolled.\n"
    last = endpoint.requests[-1]["messages"]
    assert {message["role"] for message in last} <= {"system", "user", "assistant"}
    assert "result of roll_dice is" in last[-1]["content"]


@pytest.mark.parametrize("refuse", [refuses_unless_alternating, refuses_system])
def test_a_strict_template_is_content_also_after_a_greeting(
    converse: Converse, endpoint: Endpoint, refuse: Refuse
) -> None:
    converse.terminal.set(AGENT_GREETING="Good morning.")
    endpoint.refuse = refuse
    assert converse("hello", "and again").out == f"Good morning.\n{ANSWER}\n{ANSWER}\n"
    assert "Good morning." in endpoint.requests[-1]["messages"][0]["content"]


def test_a_history_beyond_the_context_is_shortened_and_the_length_remembered(
    converse: Converse, endpoint: Endpoint
) -> None:
    endpoint.refuse = refuses_beyond(400)
    lines = [f"this is line {number} of a long conversation of mine" for number in range(12)]
    ran = converse(*lines)
    assert ran.out == f"{ANSWER}\n" * 12
    assert endpoint.refused <= 2
    assert endpoint.requests[-1]["messages"][-1]["content"] == lines[-1]
    assert endpoint.requests[-1]["messages"][0]["role"] == "system"


def test_no_call_is_parted_from_its_result_when_the_history_is_shortened(
    converse: Converse, endpoint: Endpoint
) -> None:
    endpoint.refuse = refuses_beyond(300)
    endpoint.respond = calls(("roll_dice", "{}"))
    assert converse(*["roll a die for me, please"] * 8).out == f"{ANSWER}\n" * 8
    for request in endpoint.requests:
        called = [c["id"] for m in request["messages"] for c in m.get("tool_calls", ())]
        assert [m["tool_call_id"] for m in request["messages"] if m["role"] == "tool"] == called


@pytest.mark.parametrize(
    "pieces",
    [
        ("<think>The user wants", " a day.</think>", ANSWER),
        ("<thin", "king>Hmm.</thinking>\n\n", ANSWER),
        ("The user wants a day.\n", "</think>\n\n", ANSWER),
        (ANSWER[:5], "<reasoning>Hmm.</reasoning>", ANSWER[5:]),
        (ANSWER, "<|im_end|>\n<|im_start|>user\nthanks"),
        ("[INST] [/INST]", ANSWER, "</s>"),
    ],
)
def test_neither_reasoning_nor_marks_are_said(
    converse: Converse, endpoint: Endpoint, pieces: tuple[str, ...]
) -> None:
    endpoint.respond = says(*pieces)
    assert converse("what is it").out == f"{ANSWER}\n"


def test_an_answer_that_began_with_reasoning_is_expected_to_do_so_again(
    converse: Converse, endpoint: Endpoint
) -> None:
    endpoint.respond = says("Hmm. ", "Let me see.", "\n</think>\n\n", ANSWER, seconds_between=0.05)
    said = converse("what is it", "and now", "and now").out
    assert said.count(ANSWER) == 3
    assert said.count("Hmm") == 1


def test_reasoning_in_a_field_is_not_said_and_keeps_the_answer_alive(
    converse: Converse, endpoint: Endpoint
) -> None:
    converse.terminal.set(LLM_TIMEOUT_SECONDS="0.5")
    thoughts = [{"reasoning_content": "hmm "}, {"reasoning": "hmm "}] * 6
    endpoint.respond = sends(*thoughts, {"content": ANSWER}, seconds_between=0.15)
    assert converse("what is it").out == f"{ANSWER}\n"


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "set_timer", "parameters": {"when": "five minutes"}}',
        '<tool_call>\n{"name": "set_timer", "arguments": {"when": "five minutes"}}\n</tool_call>',
        'set_timer(when="five minutes")',
    ],
)
def test_a_call_that_was_written_is_made(converse: Converse, endpoint: Endpoint, text: str) -> None:
    endpoint.respond = says(*text)
    assert converse("set a timer for five minutes").out == f"{ANSWER}\n"
    assert results(endpoint) == ["Timer set for five minutes."]


def test_a_call_of_no_tool_is_not_read_out(converse: Converse, endpoint: Endpoint) -> None:
    endpoint.respond = says('{"name": "launch_rocket", "parameters": {}}')
    assert converse("go").out == f"{ENGLISH.llm_silent}\n"


@pytest.mark.parametrize("reason", ["stop", "tool_calls", None])
@pytest.mark.parametrize("same_index", [True, False])
@pytest.mark.parametrize("ids", [True, False])
def test_each_of_two_calls_is_made_however_they_are_numbered(
    converse: Converse, endpoint: Endpoint, ids: bool, same_index: bool, reason: str | None
) -> None:
    endpoint.respond = calls(
        ("add_to_list", '{"item": "milk"}'),
        ("set_timer", '{"when": "five minutes"}'),
        ids=ids,
        same_index=same_index,
        reason=reason,
    )
    assert converse("do both").out == f"{ANSWER}\n"
    assert results(endpoint) == ["Added milk to your list.", "Timer set for five minutes."]


def test_calls_without_end_end_in_a_sentence(converse: Converse, endpoint: Endpoint) -> None:
    endpoint.respond = always(calls(("time_now", "{}")))
    assert converse("what time is it").out == f"{ENGLISH.tools_without_end}\n"
    assert len(endpoint.requests) <= 6


@pytest.mark.parametrize("depth", [100, 5_000])
def test_arguments_nested_too_deeply_end_in_a_sentence(
    converse: Converse, endpoint: Endpoint, depth: int
) -> None:
    nested = '{"when": ' + "[" * depth + "]" * depth + "}"
    open_end = '{"when": ' + "[" * depth
    endpoint.respond = always(
        calls(("set_timer", nested), ("time_now", "{}"), ("set_timer", open_end))
    )
    assert converse("set a timer").out == f"{ENGLISH.tools_without_end}\n"
    assert len(endpoint.requests) <= 6
    sent = [c for m in endpoint.requests[-1]["messages"] for c in m.get("tool_calls", ())]
    assert all(isinstance(json.loads(call["function"]["arguments"]), dict) for call in sent)


@pytest.mark.parametrize("text", ["```python\nprint('hello')\n```", "👍", "---", "**"])
def test_an_answer_that_cannot_be_heard_is_followed_by_a_sentence(
    converse: Converse, endpoint: Endpoint, text: str
) -> None:
    endpoint.respond = says(text)
    assert converse("hello").out == f"{text}\n{ENGLISH.llm_unspeakable}\n"


def test_an_answer_that_is_no_stream_is_used(converse: Converse, endpoint: Endpoint) -> None:
    message = {"role": "assistant", "content": f"<think>Hmm.</think>{ANSWER}"}
    answered = {"choices": [{"index": 0, "message": message}]}
    endpoint.instead = lambda: web.json_response(answered)
    assert converse("hello").out == f"{ANSWER}\n"


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("<!DOCTYPE html><html><body>Please log in</body></html>", "text/html", "page (HTML)"),
        ("Service is fine", "text/plain", "text that is no answer"),
        ("data: {broken\n\n", "text/event-stream", "no JSON object"),
        ("", "text/event-stream", "ends before it begins"),
        ("data: " + "[" * 60_000 + "\n\n", "text/event-stream", "no JSON object"),
    ],
)
def test_what_is_no_answer_is_an_apology_and_a_line_that_names_the_address(
    converse: Converse, endpoint: Endpoint, text: str, kind: str, words: str
) -> None:
    endpoint.instead = lambda: web.Response(text=text, content_type=kind)
    ran = converse("hello")
    assert ran.out == f"{ENGLISH.llm_down}\n"
    assert any(endpoint.base_url in line and words in line for line in ran.err.splitlines())


def test_a_model_that_is_loaded_first_is_waited_for_and_the_caller_told(
    converse: Converse, endpoint: Endpoint
) -> None:
    converse.terminal.set(LLM_TIMEOUT_SECONDS="0.5", LLM_LOAD_SECONDS="60")
    endpoint.respond = loads_for(4.0)
    assert converse("hello", "again").out == f"{ENGLISH.waking} {ANSWER}\n{ANSWER}\n"
    assert len(endpoint.wakings) == 1


def test_a_server_that_reads_its_model_is_asked_until_it_is_ready(
    converse: Converse, endpoint: Endpoint
) -> None:
    endpoint.refuse = loading(3)
    assert converse("hello").out == f"{ANSWER}\n"


def test_the_model_is_woken_with_what_conversations_begin_with(
    converse: Converse, endpoint: Endpoint
) -> None:
    converse.terminal.set(AGENT_GREETING="Good morning.")
    converse("hello")
    (waking,) = endpoint.wakings
    asked = endpoint.requests[0]
    assert waking["messages"][0] == asked["messages"][0]
    assert waking["tools"] == asked["tools"]


def test_a_reply_without_end_is_cut_at_its_limit(converse: Converse, endpoint: Endpoint) -> None:
    converse.terminal.set(LLM_MAX_REPLY_CHARACTERS="500")
    endpoint.respond = says(*["and so on "] * 5_000)
    ran = converse("tell me a story")
    assert len(ran.out) == 501
    assert "cut at its limit" in ran.err


def test_the_log_has_no_word_of_a_refused_request(converse: Converse, endpoint: Endpoint) -> None:
    endpoint.refuse = echoes
    ran = converse(SECRET)
    assert ran.out == f"{ENGLISH.llm_down}\n"
    assert "answered 422" in ran.err
    assert SECRET not in ran.err
    assert "Miranda" not in ran.err


def test_the_log_has_no_word_of_an_error_within_an_answer(
    converse: Converse, endpoint: Endpoint
) -> None:
    said = json.dumps({"choices": [{"index": 0, "delta": {"content": "It is "}}]})
    error = json.dumps({"error": {"message": f"cannot parse: {SECRET}", "code": 400}})
    for text in (f"data: {error}\n\n", f"data: {said}\n\ndata: {error}\n\n"):
        endpoint.instead = lambda text=text: web.Response(
            text=text, content_type="text/event-stream"
        )
        ran = converse("hello")
        assert "Sorry" in ran.out
        assert "LLM failed" in ran.err
        assert "Miranda" not in ran.out + ran.err


def test_of_very_many_calls_only_the_first_are_made(converse: Converse, endpoint: Endpoint) -> None:
    endpoint.respond = calls(*[("roll_dice", "{}")] * 2_000)
    assert converse("roll").out == f"{ANSWER}\n"
    assert len(results(endpoint)) == MOST_CALLS

"""What a language model may send, in any pieces: nothing breaks, and the pieces do not matter."""

from __future__ import annotations

import contextlib
import itertools
import json

from hypothesis import assume, given
from hypothesis import strategies as st

from agent.llm.answer import AnswerReader, Piece, UnusableAnswerError
from agent.llm.calls import CallCollector, KnownTools, is_harmless
from agent.llm.filters import ReplyFilter
from agent.tools import RoomState, Toolbox
from tests.fuzz.inputs import DEEP_JSON, JSON

TOOLS = KnownTools(Toolbox(RoomState()).function_tools)

MARKUP = st.sampled_from(
    "<think> </think> <thinking> <reasoning> [THINK] [/THINK] ◁think▷ ◁/think▷ <|im_end|> "
    "<|im_start|> assistant user <s> </s> [INST] [/INST] <|channel|> analysis final <|message|> "
    "<|end|> <tool_call> </tool_call> <|python_tag|> <function=time_now> </function> time_now() "
    "print( to=functions.time_now { } [ ] ( ) < > | / ` ``` ```json \" ' \\ : , User: Assistant: "
    "Action:".split()
)
WORDS = st.sampled_from(["It is five. ", "a", " ", "\n", "\n\n", '"name": "time_now"'])
TEXT = st.lists(st.one_of(MARKUP, WORDS, st.text(max_size=3)), max_size=14).map("".join)


def heard(pieces: list[str]) -> tuple[str, list[tuple[str, dict[str, object]]], bool]:
    reply = ReplyFilter(TOOLS)
    said = "".join([reply.push(piece) for piece in pieces]) + reply.finish()
    calls = [(call.name, dict(call.arguments)) for call in reply.calls]
    return said, calls, reply.ends_reasoning_alone


def cut(text: str, places: set[int]) -> list[str]:
    edges = [0, *sorted(place for place in places if place < len(text)), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(edges)]


@given(text=TEXT, places=st.sets(st.integers(0, 150)))
def test_the_pieces_of_an_answer_do_not_matter(text: str, places: set[int]) -> None:
    whole = heard([text])
    # What was said before an end without a beginning cannot be taken back.
    assume(not whole[2])
    assert heard(cut(text, places)) == whole


@given(data=st.binary(max_size=300), size=st.integers(1, 40), is_stream=st.booleans())
def test_any_bytes_are_an_answer_or_an_error_of_ours(
    data: bytes, size: int, is_stream: bool
) -> None:
    reader = AnswerReader()
    data = b"data: " + data if is_stream else data
    with contextlib.suppress(UnusableAnswerError):
        for at in range(0, len(data), size):
            reader.push(data[at : at + size])
        reader.finish()


@given(value=st.one_of(JSON.map(json.dumps), DEEP_JSON))
def test_any_object_is_an_answer_or_an_error_of_ours(value: str) -> None:
    for text in (f'{{"choices": [{value}]}}', f'{{"choices": [{{"delta": {value}}}]}}', value):
        with contextlib.suppress(UnusableAnswerError):
            reader = AnswerReader()
            pieces: list[Piece] = reader.push(f"data: {text}\n\n".encode())
            collected = CallCollector()
            for call in (call for piece in pieces for call in piece.calls):
                collected.add(call)
            collected.finish()


@given(name=st.sampled_from(["time_now", "set_timer", "x"]), arguments=st.one_of(JSON, st.text()))
def test_any_arguments_leave_calls_that_can_be_parsed(name: str, arguments: object) -> None:
    collected = CallCollector()
    collected.add({"index": 0, "function": {"name": name, "arguments": arguments}})
    for call in collected.finish():
        assert is_harmless(call.arguments)
    TOOLS.calls_of_json({"name": name, "arguments": arguments})

"""An endpoint's answer is read whatever its form, in whatever pieces its bytes come."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent.llm.answer import (
    LONGEST_ANSWER_BYTES,
    LONGEST_EVENT_BYTES,
    AnswerReader,
    UnusableAnswerError,
    read_piece,
)

PIECE_SIZES = (1, 2, 3, 7, 64, 10_000)


def event(**delta: Any) -> str:
    return json.dumps({"choices": [{"index": 0, "delta": delta}]}, ensure_ascii=False)


def read(data: bytes, size: int) -> tuple[str, AnswerReader]:
    reader = AnswerReader()
    pieces = []
    for at in range(0, len(data), size):
        pieces += reader.push(data[at : at + size])
    pieces += reader.finish()
    return "".join(piece.text for piece in pieces), reader


@pytest.mark.parametrize("size", PIECE_SIZES)
@pytest.mark.parametrize(
    "text",
    [
        f"data: {event(content='Grüß ')}\n\ndata: {event(content='dich 👍')}\n\ndata: [DONE]\n\n",
        f"data:{event(content='Grüß ')}\r\n\r\ndata:{event(content='dich 👍')}\r\n\r\n",
        f"data: {event(content='Grüß ')}\ndata: {event(content='dich 👍')}\ndata: [DONE]\n",
        f": wait\n\nevent: x\nid: 1\ndata: {event(content='Grüß dich 👍')}",
        "data: " + event(content="Grüß dich 👍").replace(', "', ',\ndata: "') + "\n\n",
        "\ufeff" + f"\n\ndata: {event(content='Grüß dich 👍')}\n\n",
        event(content="Grüß ") + "\n" + event(content="dich 👍") + "\n",
        json.dumps({"choices": [{"message": {"content": "Grüß dich 👍"}}]}, indent=2),
        json.dumps({"message": {"role": "assistant", "content": "Grüß dich 👍"}, "done": True}),
        json.dumps({"choices": [{"text": "Grüß dich 👍", "finish_reason": "stop"}]}),
    ],
)
def test_every_usual_form_is_read_in_any_pieces(text: str, size: int) -> None:
    assert read(text.encode(), size)[0] == "Grüß dich 👍"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<html><body>Log in</body></html>", "page"),
        ("  \n<!DOCTYPE html>", "page"),
        ("Not found", "no answer"),
        ("data: {broken\n\n", "no JSON object"),
        ("data: [1, 2]\n\n", "no JSON object"),
        ("data: " + "[" * 100_000 + "\n\n", "no JSON object"),
        ("data: " + "a" * (LONGEST_EVENT_BYTES + 1), "more than"),
        ("data: aaaaaaaaaa\n" * (LONGEST_EVENT_BYTES // 8), "more than"),
        (": keep alive\n" * (LONGEST_ANSWER_BYTES // 10), "more than"),
    ],
)
def test_what_is_no_answer_is_said_without_its_words(text: str, words: str) -> None:
    with pytest.raises(UnusableAnswerError, match=words) as raised:
        read(text.encode(), 65_536)
    assert "Log in" not in str(raised.value)


def test_it_knows_whether_an_answer_is_complete() -> None:
    done = read(f"data: {event(content='x')}\n\ndata: [DONE]\n\n".encode(), 9)[1]
    assert (done.finished, done.ended) == (True, True)
    finish = json.dumps({"choices": [{"delta": {}, "finish_reason": "stop"}]})
    finished = read(f"data: {finish}\n\n".encode(), 9)[1]
    assert (finished.finished, finished.ended) == (True, False)
    assert not read(f"data: {event(content='x')}\n\n".encode(), 9)[1].finished


@pytest.mark.parametrize(
    ("value", "text", "reasoning"),
    [
        ({"choices": [{"delta": {"content": None, "reasoning_content": "hm"}}]}, "", True),
        ({"choices": [{"delta": {"content": "", "reasoning": "hm"}}]}, "", True),
        (
            {
                "choices": [
                    {
                        "delta": {
                            "content": [
                                {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
                                {"type": "text", "text": "Yes."},
                            ]
                        }
                    }
                ]
            },
            "Yes.",
            True,
        ),
        ({"choices": [{"delta": {"content": None, "refusal": "I cannot."}}]}, "I cannot.", False),
        ({"choices": []}, "", False),
        ({"choices": [None]}, "", False),
        ({"choices": [{"delta": "x"}]}, "", False),
        ({"choices": "x"}, "", False),
        ({}, "", False),
    ],
)
def test_text_and_reasoning_are_told_apart(value: Any, text: str, reasoning: bool) -> None:
    piece = read_piece(value)
    assert (piece.text, piece.reasoning) == (text, reasoning)


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ({"error": {"message": "boom", "code": 502}}, 502),
        ({"error": {"message": "boom", "code": "context_length_exceeded"}}, 500),
        ({"error": "boom"}, 500),
        ({"choices": [{"delta": {}, "error": {"code": 429, "message": "boom"}}]}, 429),
    ],
)
def test_errors_within_an_answer_are_found(value: Any, status: int) -> None:
    error = read_piece(value).error
    assert error is not None
    assert error.status == status
    assert "boom" in error.words

"""The wire between agent and page: one module owns it, and takes nothing beyond its bounds."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import asdict

import pytest

from scripts import protocol as made
from services import protocol
from services.protocol import (
    LONGEST_HISTORY_CHARACTERS,
    LONGEST_MESSAGE_BYTES,
    LONGEST_SENTENCE_CHARACTERS,
    MOST_HISTORY_MESSAGES,
    AgentInfo,
    History,
    HistoryMessage,
    Message,
    Method,
    ModelInfo,
    Notice,
    NoticeKind,
    ParticipantAttribute,
    ProtocolError,
    StreamAttribute,
    Topic,
    Turn,
    WaitReason,
)

SPEAKERS = ["agent", "services", "tests/support/caller.py", "tests/browser"]
"""Python that sends or reads what is on the wire."""
PAGE_SOURCE = made.TYPES.parent
TURN = Turn("id", 0.3, WaitReason.DICTATING, None, 0.1, 0.2, 0.9, prepared=True, interrupted=False)
MESSAGES: list[Message] = [
    Notice(NoticeKind.CALL_ENDED, "The call has ended."),
    TURN,
    AgentInfo(ModelInfo("base", demo=False), None, "builtin", ("One.", "Two.")),
    History((HistoryMessage("user", "¿Qué?"), HistoryMessage("assistant", "👋"))),
]


def test_the_document_and_the_types_of_the_page_are_what_the_module_says() -> None:
    page = made.PAGE.read_text(encoding="utf-8")
    assert page == made.protocol_page(page), "run `make protocol`"
    assert made.TYPES.read_text(encoding="utf-8") == made.page_types(), "run `make protocol`"


def names_on_the_wire() -> set[str]:
    enums = (Topic, Method, ParticipantAttribute, StreamAttribute, NoticeKind)
    return {member.value for kind in enums for member in kind} | {protocol.TAKES_OVER}


def texts_of_python() -> Iterator[tuple[str, str]]:
    for place in SPEAKERS:
        path = made.REPOSITORY / place
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            if file.name == "protocol.py":
                continue
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield str(file), node.value


def texts_of_the_page() -> Iterator[tuple[str, str]]:
    for file in sorted(PAGE_SOURCE.rglob("*.ts*")):
        if file.name != "protocol.ts":
            for text in re.findall(r"'([^'\n]*)'", file.read_text(encoding="utf-8")):
                yield str(file), text


def test_no_name_of_the_wire_is_written_down_a_second_time() -> None:
    names = names_on_the_wire()
    found = [*texts_of_python(), *texts_of_the_page()]
    assert len(found) > 1000
    assert [(file, text) for file, text in found if text in names] == []


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_arrives_as_it_was_sent(message: Message) -> None:
    assert type(message).decode(message.encode()) == message


def test_fields_of_a_later_version_are_passed_over() -> None:
    later = json.dumps({**asdict(TURN), "new": {"deep": [1]}})
    assert Turn.decode(later) == TURN


def history(*lengths: int) -> str:
    return History(tuple(HistoryMessage("user", "x" * length) for length in lengths)).encode()


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Notice, ""),
        (Notice, "[]"),
        (Notice, "nothing"),
        (Notice, '{"kind": "call_ended"}'),
        (Notice, '{"kind": "dial_0900", "text": "x"}'),
        (Notice, '{"kind": "call_ended", "text": 5}'),
        (Notice, Notice(NoticeKind.CALL_ENDED, "x" * (LONGEST_SENTENCE_CHARACTERS + 1)).encode()),
        (Notice, "[" * 100_000),
        (Turn, json.dumps({**asdict(TURN), "response_seconds": -1})),
        (Turn, json.dumps({**asdict(TURN), "response_seconds": float("inf")})),
        (Turn, json.dumps({**asdict(TURN), "response_seconds": "1"})),
        (Turn, json.dumps({**asdict(TURN), "prepared": "yes"})),
        (Turn, json.dumps({**asdict(TURN), "wait_reason": "bored"})),
        (History, '{"messages": [{"role": "system", "text": "x"}]}'),
        (History, history(*[1] * (MOST_HISTORY_MESSAGES + 1))),
        (History, history(LONGEST_HISTORY_CHARACTERS + 1)),
        (History, history(LONGEST_HISTORY_CHARACTERS, 1)),
        (History, history(*[LONGEST_MESSAGE_BYTES] * 20)),
        (AgentInfo, AgentInfo(None, None, "x", ("y",) * 21).encode()),
    ],
)
def test_what_is_no_message_or_beyond_a_bound_is_refused(kind: type[Message], text: str) -> None:
    with pytest.raises(ProtocolError, match=kind.__name__):
        kind.decode(text)


def test_the_largest_history_that_is_allowed_arrives() -> None:
    most = history(LONGEST_HISTORY_CHARACTERS - MOST_HISTORY_MESSAGES + 1, *[1] * 99)
    assert len(History.decode(most).messages) == MOST_HISTORY_MESSAGES

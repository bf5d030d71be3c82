"""Parses an endpoint's answer in any form: a stream of events, lines of JSON, or one object."""

from __future__ import annotations

import codecs
import json
from dataclasses import dataclass, field
from typing import Any

LONGEST_EVENT_BYTES = 262_144
"""One event of the stream, or the answer where it comes as one object: a model writes a few
bytes at a time, and what is parsed at once holds up every room of the process."""
LONGEST_ANSWER_BYTES = 8_388_608
"""The whole answer with its reasoning: some 40,000 pieces."""

_FIELDS = ("data:", "event:", "id:", "retry:", ":")
_REASONING_TYPES = frozenset({"thinking", "reasoning", "redacted_thinking"})
_REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking", "reasoning_text", "thoughts")


class UnusableAnswerError(Exception):
    """Not a usable answer; the text says what came instead, without quoting it."""


@dataclass(frozen=True, slots=True)
class EndpointError:
    """An error sent within the answer."""

    status: int
    words: str
    """The endpoint's own, which may quote the request: for judging, not for the log."""


@dataclass(slots=True)
class Piece:
    """What one event adds to the answer."""

    text: str = ""
    reasoning: bool = False
    """Whether it carries reasoning in a field of its own."""
    calls: list[Any] = field(default_factory=list)
    finished: bool = False
    usage: dict[str, Any] | None = None
    error: EndpointError | None = None


class AnswerReader:
    """Parses the bytes of an answer as they arrive. The first line shows whether it is a stream."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._rest = ""
        self._data: list[str] = []
        self._is_stream: bool | None = None
        self._bytes = 0
        self.finished = False
        """Whether the answer was marked complete; its token counts may still follow."""
        self.ended = False
        """Whether nothing more follows."""

    @property
    def is_stream(self) -> bool:
        """Whether it arrives as events rather than as one object."""
        return bool(self._is_stream)

    def push(self, data: bytes) -> list[Piece]:
        """Add bytes; returns what is known by them.

        Raises:
            UnusableAnswerError: it is too long, or not what an endpoint answers.
        """
        self._bytes += len(data)
        if self._bytes > LONGEST_ANSWER_BYTES:
            raise UnusableAnswerError(f"an answer of more than {LONGEST_ANSWER_BYTES} bytes")
        *lines, rest = (self._rest + self._decoder.decode(data)).split("\n")
        self._rest = rest
        pieces = [piece for line in lines for piece in self._line(line.rstrip("\r"))]
        if len(self._rest) + sum(map(len, self._data)) > LONGEST_EVENT_BYTES:
            raise UnusableAnswerError(f"an event of more than {LONGEST_EVENT_BYTES} bytes")
        if self._is_stream is None and self._rest.lstrip().startswith("<"):
            self._judge_first("<")
        return pieces

    def finish(self) -> list[Piece]:
        """End the answer; returns what is left of it."""
        rest, self._rest = self._rest, ""
        pieces = self._line(rest.rstrip("\r")) if rest else []
        if self._data:
            pieces += self._event("\n".join(self._data))
        return pieces

    def _line(self, line: str) -> list[Piece]:
        if self._is_stream is None:
            if not line.strip():
                return []
            self._judge_first(line)
        if not self._is_stream:
            return self._add(line)
        if not line:
            data, self._data = self._data, []
            return self._event("\n".join(data)) if data else []
        name, _, value = line.partition(":")
        if name != "data":
            return []
        # Some endpoints leave out the empty line after an event.
        return self._add(value.removeprefix(" "))

    def _judge_first(self, line: str) -> None:
        line = line.lstrip()
        if line.startswith("<"):
            raise UnusableAnswerError("a page (HTML) instead of an answer")
        self._is_stream = line.startswith(_FIELDS)
        if not self._is_stream and not line.startswith(("{", "[")):
            raise UnusableAnswerError("text that is no answer")

    def _add(self, line: str) -> list[Piece]:
        """Add a line of data: an object, or a part of one."""
        self._data.append(line)
        if len(self._data) > 1 or (value := _parse(line)) is None:
            return []
        self._data.clear()
        return self._object(value)

    def _event(self, data: str) -> list[Piece]:
        if data.strip() == "[DONE]":
            self.finished = self.ended = True
            return []
        return self._object(_parse(data))

    def _object(self, value: Any) -> list[Piece]:
        if not isinstance(value, dict):
            raise UnusableAnswerError("an event that is no JSON object")
        piece = read_piece(value)
        self.finished = self.finished or piece.finished
        return [piece]


def read_piece(value: dict[str, Any]) -> Piece:
    """Return what an object in any of the usual forms adds to the answer."""
    if (error := value.get("error")) and (piece := _error(error)):
        return piece
    choices = value.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else value
    if not isinstance(choice, dict):
        return Piece()
    if (error := choice.get("error")) and (piece := _error(error)):
        return piece
    usage = value.get("usage")
    delta = choice.get("delta") or choice.get("message") or {}
    if not isinstance(delta, dict):
        delta = {}
    content = delta.get("content")
    text, reasoning = _content(content)
    if choice is not value and isinstance(choice.get("text"), str):
        text += choice["text"]
    if not text and isinstance(delta.get("refusal"), str):
        text = delta["refusal"]
    calls = delta.get("tool_calls")
    calls = list(calls) if isinstance(calls, list) else []
    if isinstance(delta.get("function_call"), dict):
        calls.append({"index": 0, "function": delta["function_call"]})
    return Piece(
        text=text,
        reasoning=reasoning or any(delta.get(name) for name in _REASONING_FIELDS),
        calls=calls,
        finished=bool(choice.get("finish_reason")) or value.get("done") is True,
        usage=usage if isinstance(usage, dict) else None,
    )


def _content(content: Any) -> tuple[str, bool]:
    """Return the text of a `content`, and whether it holds reasoning too."""
    if isinstance(content, str):
        return content, False
    text = ""
    reasoning = False
    for part in content if isinstance(content, list) else ():
        if isinstance(part, str):
            text += part
        elif isinstance(part, dict):
            if part.get("type") in _REASONING_TYPES:
                reasoning = True
            elif isinstance(part.get("text"), str):
                text += part["text"]
    return text, reasoning


def _error(error: Any) -> Piece | None:
    if isinstance(error, str):
        return Piece(error=EndpointError(500, error))
    if not isinstance(error, dict):
        return None
    code = error.get("code")
    status = error.get("status", code)
    if not isinstance(status, int) or not 400 <= status < 600:
        status = 500
    words = " ".join(str(error[key]) for key in ("message", "type", "code") if error.get(key))
    return Piece(error=EndpointError(status, words))


def _parse(text: str) -> Any:
    """Parse JSON; None for invalid JSON or for nesting too deep to parse."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None

"""Tool calls as models send them in practice: in pieces, without ids, or as text."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from livekit.agents import FunctionTool, llm, utils
from livekit.agents.llm import RawFunctionTool

MOST_CALLS = 16
"""Limit on the calls of one answer; the rest are dropped, as no request needs them."""
LONGEST_ARGUMENTS = 16_384
"""Limit on the characters of one call's arguments; longer ones are not parsed."""
DEEPEST_ARGUMENTS = 16
"""Limit on nested brackets in arguments; deeper nesting exhausts a parser's stack."""

NO_ARGUMENTS = "[]"
"""Arguments that every tool refuses, which tells the model that its own are unusable."""

_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|(?P<open>\\?\Z))|[\[\]{}]', re.DOTALL)
"""Also matches a string without an end, as `open`: looked for again from each quotation mark in
it, a long one would hold the process up for half a second."""
_NAME_KEYS = ("name", "function", "tool", "tool_name", "function_name", "action", "recipient_name")
_ARGUMENT_KEYS = (
    "arguments",
    "parameters",
    "args",
    "params",
    "input",
    "tool_input",
    "action_input",
    "kwargs",
)
_LIST_KEYS = ("tool_calls", "function_calls", "calls", "tools", "function_call", "tool_call")


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call."""

    name: str
    arguments: Mapping[str, Any]

    def as_tool_call(self) -> llm.FunctionToolCall:
        """Return the framework's form, with an id made here."""
        return llm.FunctionToolCall(
            name=self.name,
            arguments=json.dumps(self.arguments),
            call_id=utils.shortuuid("call_"),
        )


class KnownTools:
    """The tools that may be called, with their parameters in order."""

    def __init__(self, tools: Iterable[llm.Tool] = ()) -> None:
        self._parameters: dict[str, dict[str, bool]] = {}
        """Each tool's parameters, and whether each is required."""
        for tool in tools:
            schema = _schema(tool)
            if schema is None:
                continue
            parameters = schema.get("parameters") or {}
            required = parameters.get("required", ())
            self._parameters[schema["name"]] = {
                name: name in required and not _may_be_null(details)
                for name, details in parameters.get("properties", {}).items()
            }

    def __contains__(self, name: object) -> bool:
        return name in self._parameters

    def call(
        self, name: str, arguments: Mapping[str, Any], positional: Sequence[Any] = ()
    ) -> Call | None:
        """Return the call if there is exactly one of a known tool, else None."""
        name = name.rpartition(".")[2].strip()
        parameters = self._parameters.get(name)
        if parameters is None or len(positional) > len(parameters):
            return None
        given = {**dict(zip(parameters, positional, strict=False)), **arguments}
        if not given.keys() <= parameters.keys():
            return None
        if any(required and given.get(key) is None for key, required in parameters.items()):
            return None
        return Call(name, given)

    def calls_of_json(self, value: Any) -> list[Call] | None:
        """Return the calls in a JSON value that holds nothing else."""
        if isinstance(value, list):
            found = [self.calls_of_json(item) for item in value[: MOST_CALLS + 1]]
            return [call for calls in found for call in calls or ()] if all(found) else None
        if not isinstance(value, dict):
            return None
        for key in _LIST_KEYS:
            if isinstance(value.get(key), list | dict):
                return self.calls_of_json(value[key])
        if isinstance(value.get("function"), dict):
            return self.calls_of_json(value["function"])
        call = self._call_of_object(value)
        return None if call is None else [call]

    def calls_of_python(self, expression: str) -> list[Call] | None:
        """Return the calls in a Python expression: one, or a list of them."""
        try:
            parsed = ast.parse(expression.strip(), mode="eval").body
            nodes = parsed.elts if isinstance(parsed, ast.List | ast.Tuple) else [parsed]
            calls = [self._call_of_node(node) for node in nodes]
        except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
            return None
        return [call for call in calls if call] if calls and all(calls) else None

    def _call_of_object(self, value: dict[str, Any]) -> Call | None:
        name = next((value[key] for key in _NAME_KEYS if isinstance(value.get(key), str)), None)
        if name is None:
            only = next(iter(value.items()), ("", None))
            if len(value) != 1 or not isinstance(only[1], dict):
                return None
            return self.call(only[0], only[1])
        key = next((key for key in _ARGUMENT_KEYS if key in value), None)
        if key is None:
            others = {*_NAME_KEYS, "type", "id"}
            return self.call(name, {k: v for k, v in value.items() if k not in others})
        arguments = value[key]
        if isinstance(arguments, str):
            arguments = parse_json(arguments) if arguments.strip() else {}
        return self.call(name, arguments or {}) if isinstance(arguments or {}, dict) else None

    def _call_of_node(self, node: ast.expr) -> Call | None:
        if not isinstance(node, ast.Call):
            return None
        name = ast.unparse(node.func)
        if name == "print" and len(node.args) == 1 and not node.keywords:
            return self._call_of_node(node.args[0])
        arguments = {word.arg: _literal(word.value) for word in node.keywords if word.arg}
        if len(arguments) != len(node.keywords):
            return None
        return self.call(name, arguments, [_literal(value) for value in node.args])


def _literal(node: ast.expr) -> Any:
    """The value of a Python literal that JSON has a form for.

    Raises ValueError, TypeError or RecursionError for any other.
    """
    value = ast.literal_eval(node)
    json.dumps(value)
    return value


def parse_json(text: str) -> Any:
    """Parse JSON; None for invalid, too long or too deep text."""
    if not is_harmless(text):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def is_harmless(arguments: str) -> bool:
    """Whether JSON, valid or repairable, is short and flat enough to parse."""
    if len(arguments) > LONGEST_ARGUMENTS:
        return False
    depth = deepest = 0
    for found in _STRING_OR_BRACKET.finditer(arguments):
        token = found.group()
        # Brackets within a string are text, unless it has no end and may be repaired to anything.
        for sign in token if found["open"] is not None else token[:1]:
            if sign in "[{":
                depth += 1
                deepest = max(deepest, depth)
            elif sign in "]}":
                depth -= 1
    return deepest <= DEEPEST_ARGUMENTS


@dataclass(slots=True)
class _Begun:
    index: int | None
    call_id: str
    name: str
    arguments: str = ""

    @property
    def is_complete(self) -> bool:
        return not self.arguments.strip() or isinstance(parse_json(self.arguments), dict)


class CallCollector:
    """Puts the pieces of an answer's calls together.

    Endpoints leave out ids, number two calls alike, send a call whole or a few characters at a
    time, and need not say that it is over.
    """

    def __init__(self) -> None:
        self._begun: list[_Begun] = []
        self.dropped = 0
        """The number of calls beyond `MOST_CALLS`."""

    def add(self, piece: Any) -> None:
        """Add one element of a delta's `tool_calls`; anything malformed is ignored."""
        function = piece.get("function") if isinstance(piece, dict) else None
        if not isinstance(function, dict):
            return
        index = piece.get("index") if isinstance(piece.get("index"), int) else None
        call_id = piece.get("id") if isinstance(piece.get("id"), str) else ""
        name = function.get("name") if isinstance(function.get("name"), str) else ""
        arguments = function.get("arguments")
        if not isinstance(arguments, str):
            arguments = "" if arguments is None else json.dumps(arguments)
        call = self._continued(index, call_id or "", name or "")
        if call is None:
            if not name:
                return
            if len(self._begun) >= MOST_CALLS:
                self.dropped += 1
            call = _Begun(index, call_id or "", name)
            self._begun.append(call)
            del self._begun[MOST_CALLS + 1 :]
        if len(call.arguments) <= LONGEST_ARGUMENTS:
            call.arguments += arguments

    def finish(self, used_ids: Iterable[str] = ()) -> list[llm.FunctionToolCall]:
        """Return all calls in order, with ids that are new to the conversation."""
        calls, self._begun = self._begun[:MOST_CALLS], []
        used = set(used_ids)
        finished = []
        for call in calls:
            call_id = call.call_id
            if not call_id or call_id in used:
                call_id = utils.shortuuid("call_")
            used.add(call_id)
            arguments = call.arguments if is_harmless(call.arguments) else NO_ARGUMENTS
            finished.append(
                llm.FunctionToolCall(name=call.name, arguments=arguments, call_id=call_id)
            )
        return finished

    def _continued(self, index: int | None, call_id: str, name: str) -> _Begun | None:
        """Return the call that a piece belongs to; None for a new one."""
        of_index = [call for call in self._begun if index is None or call.index == index]
        if not of_index:
            return None
        last = of_index[-1]
        if call_id and last.call_id:
            if call_id != last.call_id:
                return next((call for call in of_index if call.call_id == call_id), None)
            return last
        # Without ids a name begins a call, unless it only repeats that of the one under way.
        if name and (name != last.name or last.is_complete):
            return None
        return last


def _schema(tool: llm.Tool) -> dict[str, Any] | None:
    if isinstance(tool, RawFunctionTool):
        return tool.info.raw_schema
    if isinstance(tool, FunctionTool):
        return dict(llm.utils.build_legacy_openai_schema(tool, internally_tagged=True))
    return None


def _may_be_null(details: Any) -> bool:
    if not isinstance(details, dict):
        return False
    kinds = details.get("type")
    return "default" in details or (isinstance(kinds, list) and "null" in kinds)

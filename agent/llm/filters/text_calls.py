"""Extracts tool calls that a model wrote as text."""

from __future__ import annotations

import re

from agent.llm.calls import LONGEST_ARGUMENTS, MOST_CALLS, Call, KnownTools, parse_json

LONGEST_CALL = LONGEST_ARGUMENTS
"""Limit on the characters held back while a call may be incomplete."""

_OPENER = re.compile(
    r"""
      <(?P<tag>(?:[a-z]{1,12}:)?(?:tool_?calls?|function_?calls?|functioncall|invoke|tools?|tool_use
        |start_function_call|tool_code|action))(?:\s[^<>\n]{0,100})?>
    | <(?P<assigned>function|tool|invoke)=(?P<assigned_name>[\w.-]{1,80})>
    | <[|｜](?P<bars>[^<>|｜\n]{0,40}(?:tool|function|python|call)[^<>|｜\n]{0,40})[|｜]>
    | (?P<channel><\|channel\|>[^<>]{0,80}to=[^<>]{0,80}(?:<\|constrain\|>[^<>]{0,20})?
        <\|message\|>)
    | \[(?P<bracket>TOOL_CALLS?|FUNCTION_CALLS?)\]
    | (?P<brace>\{)
    | (?:(?<=\n)|\A)(?P<list>[ \t]*\[\s*(?:\{|[A-Za-z_][\w.]{0,80}\())
    | (?:(?<=\n)|\A)(?P<fence>[ \t]*```[ \t]*(?P<language>[\w-]{0,20})[ \t]*\n)
    | (?:(?<=\n)|\A)(?P<python>[ \t]*(?P<function>[A-Za-z_][\w.]{0,80})\()
    | (?:(?<=\n)|\A)(?P<react>[ \t]*Action[ \t]*:)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_BEGUN_TAG = re.compile(r"<[^<>\s\d=][^<>\n]*$|<$|\[[A-Z_]{0,16}$")
_BEGUN_LINE = re.compile(
    r"(?:\A|\n)(?P<line>[ \t]*(?:\[\s*)?[A-Za-z_][\w.]*|[ \t]*\[?\s*|[ \t]*`{1,3}[\w -]*)$"
)
_LONGEST_BEGINNING = 160
"""Characters at the end of the text that may begin a call."""
_CLOSER = re.compile(
    r"</[^<>\n]{1,60}>|<end_function_call>|<[|｜][^<>|｜\n]{0,30}(?:end|/)[^<>|｜\n]{0,40}[|｜]>"
    r"|<\|call\|>",
    re.IGNORECASE,
)
_TAGS = re.compile(r"<[^<>\n]{1,120}>|\[/?[A-Z_]{3,20}\]|```[\w-]*")
_NAMED_JSON = re.compile(
    r"\s*(?:call:)?([A-Za-z_][\w.]{0,80})(?::\d+)?\s*(?:\[ARGS\])?\s*(\{.*\})\s*", re.S
)
_PARAMETER = re.compile(
    r"<parameter(?:=|\s+name=)[\"']?([\w-]{1,80})[\"']?[^<>]*>\n?(.*?)\n?</parameter>", re.S
)
_FUNCTION_NAME = re.compile(
    r"<(?:function|tool|invoke)(?:=|\s+name=)[\"']?([\w.-]{1,80})[\"']?[^<>]*>"
)
_TO = re.compile(r"to=([\w.]{1,80})")
_REACT = re.compile(
    r"\s*Action\s*:\s*([\w.]{1,80})\s*\n\s*Action Input\s*:\s*(.*)", re.S | re.IGNORECASE
)
_CODE_OF_CALLS = frozenset(
    {"tool_code", "tool_call", "tool_calls", "tool", "json", "function_call"}
)


class TextCallsFilter:
    """Takes text in any pieces, returns what is no call and keeps the calls.

    What is written like a call but is not exactly one of a known tool is dropped, since it is not
    for ears. After a call nothing more is passed on: the model does not know its result yet.
    """

    def __init__(self, tools: KnownTools) -> None:
        self._tools = tools
        self._buffer = ""
        self._at_line_start = True
        self._opener: re.Match[str] | None = None
        """The incomplete call at the start of the buffer."""
        self._scanned = 0
        self._depth = 0
        self._in_string = ""
        self.calls: list[Call] = []
        self.dropped = 0
        """Number of dropped pieces of text in the form of a call."""

    def push(self, text: str) -> str:
        """Add text; returns what passes."""
        self._buffer += text
        return self._take(final=False)

    def finish(self) -> str:
        """End the answer; returns what is left of it."""
        return self._take(final=True)

    def _take(self, *, final: bool) -> str:
        out = ""
        while self._buffer:
            if self._opener is None:
                out += self._pass_up_to_opener(final=final)
                if self._opener is None:
                    break
            end = self._find_end()
            if end is None and not final and len(self._buffer) < LONGEST_CALL:
                break
            out += self._judge(len(self._buffer) if end is None else end)
        return out

    def _pass_up_to_opener(self, *, final: bool) -> str:
        # In a line that was passed in part, the sentinel keeps `\A` from matching.
        sentinel = "" if self._at_line_start else "\0"
        text = sentinel + self._buffer
        self._opener = next((m for m in _OPENER.finditer(text) if self._is_opener(m)), None)
        if self._opener is not None:
            end = self._opener.start()
        else:
            end = len(text) if final else _undecided_from(text)
        passed = text[len(sentinel) : end]
        self._buffer = text[end:]
        self._scanned = self._depth = 0
        self._in_string = ""
        if passed:
            self._at_line_start = passed.endswith("\n")
        return "" if self.calls else passed

    def _is_opener(self, match: re.Match[str]) -> bool:
        if match["python"]:
            # "f(x)" may be mathematics; a name of two words, or a known one, is code.
            name = match["function"].rpartition(".")[2]
            return name in self._tools or "_" in name or name == "print"
        return True

    def _find_end(self) -> int | None:
        """Return where the call in the buffer ends; None while incomplete."""
        assert self._opener is not None
        opener = self._opener
        if opener["fence"]:
            first = len(opener["fence"])
            end = self._buffer.find("```", max(first, self._scanned - 2))
            self._scanned = len(self._buffer)
            return None if end < 0 else end + 3
        if opener["brace"] or opener["list"] or opener["python"]:
            return self._balanced_end()
        if opener["react"]:
            return None
        length = len(opener.group())
        for match in _CLOSER.finditer(self._buffer, max(length, self._scanned - 80)):
            if match.group().lower().startswith("</parameter"):
                continue
            nested = (
                opener["tag"] is not None and opener["tag"].lower() not in match.group().lower()
            )
            if not nested:
                return match.end()
        self._scanned = len(self._buffer)
        return None

    def _balanced_end(self) -> int | None:
        buffer = self._buffer
        for at in range(self._scanned, len(buffer)):
            character = buffer[at]
            if self._in_string:
                escaped = at > 0 and buffer[at - 1] == "\\" and buffer[at - 2 : at - 1] != "\\"
                if character == self._in_string and not escaped:
                    self._in_string = ""
            elif character == '"' or (character == "'" and not buffer[at - 1 : at].isalnum()):
                self._in_string = character
            elif character in "([{":
                self._depth += 1
            elif character in ")]}":
                self._depth -= 1
                if self._depth <= 0:
                    return at + 1
        self._scanned = len(buffer)
        return None

    def _judge(self, end: int) -> str:
        """Keep the call at the buffer's beginning, drop it, or pass it on as text."""
        assert self._opener is not None
        opener, self._opener = self._opener, None
        self._scanned = 0
        text, self._buffer = self._buffer[:end], self._buffer[end:]
        self._at_line_start = text.endswith("\n")
        calls = self._calls(text, opener)
        if calls:
            self.calls += calls[: MOST_CALLS - len(self.calls)]
            return ""
        if self.calls:
            return ""
        if not _is_like_a_call(text, opener):
            return text
        self.dropped += 1
        return ""

    def _calls(self, text: str, opener: re.Match[str]) -> list[Call] | None:
        if len(text) > LONGEST_CALL:
            return None
        if opener["channel"] and (to := _TO.search(text)):
            arguments = parse_json(_TAGS.sub("", text[len(opener["channel"]) :]).strip() or "{}")
            call = self._tools.call(to.group(1), arguments) if isinstance(arguments, dict) else None
            return [call] if call else None
        if opener["react"]:
            return self._react_call(text)
        if "<parameter" in text:
            return self._tagged_parameters(text)
        name = _FUNCTION_NAME.search(text)
        content = _TAGS.sub("\n", text).strip()
        if name:
            arguments = parse_json(content or "{}")
            call = self._tools.call(name[1], arguments) if isinstance(arguments, dict) else None
            return [call] if call else None
        return self._calls_of_content(content)

    def _calls_of_content(self, content: str) -> list[Call] | None:
        value = parse_json(content)
        if value is not None:
            return self._tools.calls_of_json(value)
        lines = [line for line in content.split("\n") if line.strip()]
        if named := _NAMED_JSON.fullmatch(content.replace("function\n", "", 1)):
            arguments = parse_json(named[2])
            if isinstance(arguments, dict):
                call = self._tools.call(named[1], arguments)
                return [call] if call else None
        if found := self._tools.calls_of_python(content):
            return found
        each = [
            self._tools.calls_of_json(value)
            if (value := parse_json(line)) is not None
            else self._tools.calls_of_python(line)
            for line in lines[: MOST_CALLS + 1]
        ]
        return [call for calls in each for call in calls or ()] if each and all(each) else None

    def _tagged_parameters(self, text: str) -> list[Call] | None:
        """Parse calls written as tags, with a tag for each parameter."""
        parts = _FUNCTION_NAME.split(text)
        calls = []
        for name, body in zip(parts[1::2], parts[2::2], strict=True):
            arguments = {key: _value(value) for key, value in _PARAMETER.findall(body)}
            call = self._tools.call(name, arguments)
            if call is None:
                return None
            calls.append(call)
        return calls

    def _react_call(self, text: str) -> list[Call] | None:
        found = _REACT.match(text)
        if found is None:
            return None
        first_line = found[2].strip().partition("\n")[0]
        arguments = parse_json(first_line) if first_line.strip() else {}
        call = self._tools.call(found[1], arguments) if isinstance(arguments, dict) else None
        return [call] if call else None


def _undecided_from(text: str) -> int:
    """Return where a possible beginning of a call starts at the end of `text`."""
    search_from = max(0, len(text) - _LONGEST_BEGINNING)
    tag = _BEGUN_TAG.search(text, search_from)
    line = _BEGUN_LINE.search(text, search_from)
    starts = [*([tag.start()] if tag else []), *([line.start("line")] if line else [])]
    return min(starts, default=len(text))


def _value(text: str) -> object:
    value = parse_json(text)
    return text if value is None else value


def _is_like_a_call(text: str, opener: re.Match[str]) -> bool:
    """Whether the text has the form of a call and is therefore not spoken."""
    if opener["brace"]:
        return re.match(r"\{\s*(?:[\"']|\})", text) is not None
    if opener["list"]:
        return re.match(r"\s*\[\s*(?:\{\s*[\"']|\w+\()", text) is not None
    if opener["fence"]:
        return opener["language"].lower() in _CODE_OF_CALLS
    return True

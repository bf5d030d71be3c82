"""Removes a model's reasoning from its streamed answer, whatever its tags."""

from __future__ import annotations

import re

_NAMES = frozenset(
    "think thinking thinks thought thoughts reason reasoning reasons rationale reflect reflection "
    "analysis analyze analyse scratchpad monologue deliberation introspection ponder pondering "
    "cot planning 思考 推理".split()
)
"""A tag with one of these words in its name holds reasoning, such as <seed:think>."""
_ENDING = frozenset({"end", "stop", "done"})
_LONGEST_TAG = 160
"""In characters."""

_TAG = re.compile(
    r"""
      <\|channel\|?>\s*(?P<channel>analysis|thought|thinking|reasoning)\s*(?:<\|message\|>)?
    | (?P<channel_end><\|end\|>|<\|start\|>|<\|return\|>|<channel\|>|<\|channel\|>(?=\s*final))
    | <(?P<slash>[/|]{0,2})\s*(?P<name>[^\W\d][^<>\n]{0,140}?)\s*(?P<empty>/?)\|?>
    | \[(?P<capital_slash>/?)(?P<capital>THINK|THINKING|REASONING|THOUGHT)\]
    | ◁(?P<arrow_slash>/?)(?P<arrow>[^◁▷\n]{1,60})▷
    """,
    re.VERBOSE,
)
_BEGUN_TAG = re.compile(
    r"<\|channel\|?>\s*[a-z]{0,9}$|<[^<>\n\s\d=][^<>\n]*$|<$|\[/?[A-Z]{0,9}$|◁[^▷\n]*$"
)
_WORD = re.compile(r"[^\W\d_]+")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")


class ReasoningFilter:
    """Takes text in any pieces and returns what is no reasoning.

    Args:
        begins_inside: the answer begins with reasoning that only its end marks, as templates have
            it that put the opening tag into the prompt. Nothing is then returned before that end,
            or before `finish` where none comes.
    """

    def __init__(self, *, begins_inside: bool = False) -> None:
        self._buffer = ""
        self._depth = 0
        self._channel = False
        self._holding = begins_inside
        self._held = ""
        self._after_end: str | None = None
        """Text since the last end in nested reasoning: the answer unless another end follows."""
        self.found_end_alone = False
        """Whether reasoning ended without a beginning."""

    def push(self, text: str) -> str:
        """Add text; returns what passes."""
        self._buffer += text
        return self._take(final=False)

    def expect_no_end_alone(self) -> None:
        """Hold nothing back: the reasoning came elsewhere, or with a beginning."""
        if not self._held.strip():
            self._holding, self._held = False, ""

    def finish(self) -> str:
        """End the answer; returns what is left of it."""
        rest = self._take(final=True)
        if self._depth:
            self._depth = 0
            return rest + (self._after_end or "")
        if self._holding:
            self._holding, held, self._held = False, self._held, ""
            return held + rest
        return rest

    def _take(self, *, final: bool) -> str:
        out = ""
        done = 0
        for match in _TAG.finditer(self._buffer):
            kind = self._kind(match)
            if kind is None:
                continue
            out += self._pass(self._buffer[done : match.start()])
            done = match.end()
            if kind == "begin":
                self.expect_no_end_alone()
                self._depth += 1
                self._channel = match["channel"] is not None
            elif kind == "end":
                out = self._end(out)
        rest = self._buffer[done:]
        begun = None if final else _BEGUN_TAG.search(rest, max(0, len(rest) - _LONGEST_TAG))
        keep = begun.start() if begun else len(rest)
        self._buffer = rest[keep:]
        return out + self._pass(rest[:keep])

    def _pass(self, text: str) -> str:
        if self._depth:
            if self._after_end is not None:
                self._after_end += text
            return ""
        if self._holding:
            self._held += text
            return ""
        return text

    def _end(self, out: str) -> str:
        if self._depth:
            self._depth -= 1
            self._after_end = "" if self._depth else None
            self._channel = False
            return out
        # All that was not passed on yet belongs to the reasoning as well.
        self.found_end_alone = True
        self._holding, self._held = False, ""
        return ""

    def _kind(self, match: re.Match[str]) -> str | None:
        """Classify a tag: begin or end of reasoning, "" for an empty one, None for any other."""
        if match["channel"]:
            return "begin"
        if match["channel_end"]:
            return "end" if self._channel and self._depth else None
        if match["capital"]:
            return "end" if match["capital_slash"] else "begin"
        if match["arrow"]:
            is_ours = match["arrow"].strip().lower() in _NAMES
            return None if not is_ours else "end" if match["arrow_slash"] else "begin"
        name, _, attributes = match["name"].partition(" ")
        words = {word.lower() for word in _WORD.findall(_HUMP.sub(" ", name.rstrip("|")))}
        closing = "/" in match["slash"] or bool(words & _ENDING)
        if words == {"details"}:
            if closing:
                return "end" if self._depth else None
            return "begin" if "reasoning" in attributes else None
        if not words & _NAMES:
            return None
        if match["empty"]:
            return ""
        return "end" if closing else "begin"

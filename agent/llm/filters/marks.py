"""Removes the marks of chat templates, and what a model writes for the other side."""

from __future__ import annotations

import re

_LONGEST_MARK = 140
"""In characters."""
_MARK = re.compile(
    r"""
      (?P<head><\|channel\|>[^<>]{0,80}(?:<\|constrain\|>[^<>]{0,20})?<\|message\|>)
    | <[|｜](?P<bars>[^<>|｜\n]{1,60})[|｜]>
    | <\|(?P<left>[a-z_]{1,24})> | <(?P<right>[a-z_]{1,24})\|>
    | <(?P<plain>/?s|bos|eos|pad|unk|sep|cls|start_of_turn|end_of_turn|end_of_utterance|eot|eom
        |unused\d+|extra_id_\d+|reserved_\w+|0x[0-9A-F]{2}
        |/?(?:answer|final|final_answer|response|reply|output|assistant))>
    | \[/?(?P<bracket>INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_RESULTS)\]
    | <</?(?P<system>SYS)>>
    """,
    re.VERBOSE,
)
_BEGUN_MARK = re.compile(
    r"<\|channel\|>[^<>]{0,80}(?:<\|?[a-z]{0,9}\|?>?[^<>]{0,20}){0,2}$"
    r"|<{1,2}[|｜/]{0,2}[^<>\s=]?[^<>\n=]*$"
    r"|\[/?[A-Z_]{0,16}$"
)
_ENDS_TURN = frozenset(
    "im_end eot eot_id eom eom_id end end_of_turn endoftext end_of_text eos /s return "
    "end▁of▁sentence end_of_sentence end_of_utterance end_of_turn_token endofresponse".split()
)
_TAKES_ROLE = frozenset("im_start start_header_id start_of_turn start turn start_of_role".split())
_OTHERS = frozenset("user human system tool ipython environment developer".split())
_ROLES = _OTHERS | frozenset("assistant model agent ai bot".split())
_ROLE = re.compile(r"\s*([A-Za-z]*)")
_OF_CALLS = re.compile(r"tool|function|call|python|to=", re.IGNORECASE)
"""Marks around tool calls, which are left to the filter for calls."""
_LABEL = re.compile(
    r"[ \t]*(?:(?P<other>User|Human)|(?P<own>Assistant|AI)|\#{1,4}[ ]*"
    r"(?:(?P<other_head>Instruction|Input|User|Human)|(?P<own_head>Response|Assistant)))[ \t]*:"
)
_BEGUN_LABEL = re.compile(r"[ \t]*(?:#{1,4}[ ]*)?(?:[A-Z][A-Za-z]{0,10}[ \t]*)?")


class MarksFilter:
    """Takes text in any pieces and returns it without marks.

    A mark that ends the model's turn, or begins another's, ends the answer: what follows is the
    model talking to itself.
    """

    def __init__(self) -> None:
        self._buffer = ""
        self._line = ""
        """The beginning of a line that may become a name with a colon."""
        self._at_line_start = True
        self._seen_text = False
        self._of_other = False
        """Whether the text belongs to the other side."""
        self.ended = False
        """Whether the answer is over; later text is dropped."""

    def push(self, text: str) -> str:
        """Add text; returns what passes."""
        self._buffer += text
        return self._take(final=False)

    def finish(self) -> str:
        """End the answer; returns what is left of it."""
        return self._take(final=True)

    def _take(self, *, final: bool) -> str:
        out = ""
        while not self.ended and (match := _MARK.search(self._buffer)):
            role, end = _role(match, self._buffer)
            out += self._text(self._buffer[: match.start()], complete=True)
            if not final and _is_undecided(match, self._buffer):
                self._buffer = self._buffer[match.start() :]
                return out
            self._buffer = self._buffer[end:]
            if not self.ended:
                out += self._heed(match, role)
        if self.ended:
            self._buffer = self._line = ""
            return out
        begun = None if final else _BEGUN_MARK.search(self._buffer[-_LONGEST_MARK:])
        keep = len(self._buffer[:-_LONGEST_MARK]) + begun.start() if begun else len(self._buffer)
        text, self._buffer = self._buffer[:keep], self._buffer[keep:]
        return out + self._text(text, complete=final or bool(self._buffer))

    def _heed(self, match: re.Match[str], role: str) -> str:
        """Handle a mark; returns what is kept of it."""
        if _OF_CALLS.search(match.group()):
            return "" if self._of_other else match.group()
        if role:
            self._of_other = role in _OTHERS
            self.ended = self._of_other and self._seen_text
        elif _name(match) in _ENDS_TURN:
            self.ended = self._seen_text
        return ""

    def _text(self, text: str, *, complete: bool) -> str:
        """Pass text on, up to a line that begins with the other side's name."""
        text, self._line = self._line + text, ""
        out = ""
        while text and not self.ended:
            if self._at_line_start:
                label = _LABEL.match(text)
                if label and (label["other"] or label["other_head"]):
                    self.ended = self._seen_text
                elif label and not self._seen_text:
                    text = text[label.end() :]
                elif not complete and _BEGUN_LABEL.fullmatch(text):
                    self._line = text
                    break
                self._at_line_start = False
                continue
            line, newline, text = text.partition("\n")
            if not self._of_other:
                out += line + newline
                self._seen_text = self._seen_text or bool(line.strip())
            self._at_line_start = bool(newline)
        return out


def _name(match: re.Match[str]) -> str:
    name = match["bars"] or match["left"] or match["right"] or match["plain"] or ""
    return name.strip().lower()


def _is_undecided(match: re.Match[str], text: str) -> bool:
    """Whether the meaning of a mark depends on text still to come."""
    if match["bars"] == "channel":
        return len(text) - match.end() < _LONGEST_MARK
    if _name(match) not in _TAKES_ROLE or match["right"]:
        return False
    found = _ROLE.match(text, match.end())
    return found is not None and found.end() == len(text)


def _role(match: re.Match[str], text: str) -> tuple[str, int]:
    """Return whose turn a mark begins, if any, and where the mark with its role ends."""
    name = _name(match)
    if match["bracket"] == "INST" or match["system"]:
        return ("assistant" if match.group().count("/") else "user"), match.end()
    if name in _TAKES_ROLE and not match["right"]:
        found = _ROLE.match(text, match.end())
        assert found is not None
        role = found.group(1).lower()
        return (role, found.end()) if role in _ROLES else ("assistant", match.end())
    return (name if name in _ROLES else ""), match.end()

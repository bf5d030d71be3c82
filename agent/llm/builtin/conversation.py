"""What the built-in LLM needs from the conversation so far, read from the chat context."""

from __future__ import annotations

import itertools
import re
import unicodedata
from dataclasses import dataclass, field

from livekit.agents import llm

from agent.tools.spoken.text import MAX_TEXT_CHARACTERS, normalise

MAX_EXCHANGES = 4
"""Number of earlier requests considered when the caller completes one."""

_NAME = re.compile(
    r"(?:.* )?(?:my name is|call me|they call me|i am called) "
    r"(?!(?:back|later|now|again|tomorrow|tonight|when|at|in|on|a|an|the|not|if|as)\b)"
    r"(?P<name>[^\W\d]+(?:'[^\W\d]+)*(?: [^\W\d]+(?:'[^\W\d]+)*){0,3}?)(?: (?:and|but) .*)?"
)
_BETWEEN_NAMES = r"[\s.\-‐‑]*"


@dataclass(frozen=True)
class Conversation:
    """The part of the history that a reply can depend on."""

    request: str | None
    """The caller's last words; None if already answered."""
    results: list[str] = field(default_factory=list)
    """Outputs of this request's tool calls that are not spoken yet."""
    failed: bool = False
    """Whether one of these tools failed."""
    exchanges: tuple[tuple[str, str], ...] = ()
    """The previous requests, each with the agent's last words after it."""
    last_reply: str = ""
    """The agent's last words before this request."""
    caller_name: str | None = None

    @classmethod
    def from_chat(cls, chat_ctx: llm.ChatContext) -> Conversation:
        """Read the history; unknown kinds of items are ignored."""
        items = chat_ctx.items
        said = [
            index
            for index, item in enumerate(items)
            if isinstance(item, llm.ChatMessage) and item.role == "user"
        ]
        if not said:
            return cls(request=None, last_reply=_last_assistant_text(items))
        before, after = items[: said[-1]], items[said[-1] + 1 :]
        unspoken = _unspoken_outputs(after)
        answered = bool(_last_assistant_text(after) or _outputs(after))
        return cls(
            request=None if answered else _text(items[said[-1]]),
            results=[output.output for output in unspoken if not output.is_error],
            failed=any(output.is_error for output in unspoken),
            exchanges=_exchanges(items, said),
            last_reply=_last_assistant_text(before),
            caller_name=_name_in([_text(items[index]) for index in said]),
        )

    @property
    def last_request(self) -> str:
        """The caller's previous request; empty for the first."""
        return self.exchanges[-1][0] if self.exchanges else ""


def said_name(text: str) -> str | None:
    """Return the name by which the caller introduces themselves in `text`, or None."""
    found = _NAME.fullmatch(normalise(text))
    return _as_written(found["name"], text)[:40] if found else None


def _as_written(name: str, text: str) -> str:
    """Return a normalised name as `text` spells it, capitalised if it is not there.

    "anne marie o'brien" is Anne-Marie O'Brien where the text says so.
    """
    pattern = _BETWEEN_NAMES.join(re.escape(part).replace("'", "['’]") for part in name.split())
    composed = unicodedata.normalize("NFKC", text[:MAX_TEXT_CHARACTERS])
    for written in re.finditer(pattern, composed, re.IGNORECASE):
        if written[0] != written[0].lower():
            return written[0]
    return name.title()


def _name_in(texts: list[str]) -> str | None:
    return next((name for text in reversed(texts) if (name := said_name(text))), None)


def _exchanges(items: list[llm.ChatItem], said: list[int]) -> tuple[tuple[str, str], ...]:
    last = said[-MAX_EXCHANGES - 1 :]
    return tuple(
        (_text(items[start]), _last_assistant_text(items[start:end]))
        for start, end in itertools.pairwise(last)
    )


def _text(item: llm.ChatItem) -> str:
    # What was spoken ends with a space, since it is written word by word.
    return (item.text_content or "").strip() if isinstance(item, llm.ChatMessage) else ""


def _last_assistant_text(items: list[llm.ChatItem]) -> str:
    for item in reversed(items):
        if isinstance(item, llm.ChatMessage) and item.role == "assistant" and _text(item):
            return _text(item)
    return ""


def _outputs(items: list[llm.ChatItem]) -> list[llm.FunctionCallOutput]:
    return [item for item in items if isinstance(item, llm.FunctionCallOutput)]


def _unspoken_outputs(items: list[llm.ChatItem]) -> list[llm.FunctionCallOutput]:
    """Tool outputs that no later message of the agent has spoken.

    A timer may have announced itself in between, so a later message alone says nothing.
    """
    unspoken = []
    for index, item in enumerate(items):
        if isinstance(item, llm.FunctionCallOutput) and item.reply_required:
            later = [_text(other) for other in items[index + 1 :]]
            if not any(item.output in text for text in later):
                unspoken.append(item)
    return unspoken

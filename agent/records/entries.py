"""What a record of a call consists of, entry by entry; docs/records.md describes it for readers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Final, Literal

LONGEST_TEXT_CHARACTERS: Final = 20_000
"""Of what is said at a time; a reply may have as many as LLM_MAX_REPLY_CHARACTERS."""
LONGEST_TOOL_CHARACTERS: Final = 4_000
"""Of a tool's arguments, and of its result."""
LONGEST_NAME_CHARACTERS: Final = 256
"""Of an identity and the name of a room, a tool or an agent."""

_TEXTS: Final = {
    "text": LONGEST_TEXT_CHARACTERS,
    "arguments": LONGEST_TOOL_CHARACTERS,
    "result": LONGEST_TOOL_CHARACTERS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Something that happened in a call."""

    kind: ClassVar[str]

    at: float
    """When it began (`time.time()`)."""

    def as_json(self) -> dict[str, Any]:
        """Return its fields with its kind; what is not known or not so is left out."""
        fields = {
            name: _bounded(name, value)
            for name, value in asdict(self).items()
            if value is not None and value is not False and value != ""
        }
        return {"kind": self.kind, **fields}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said(Entry):
    """A caller's turn, or what the agent said of a reply before it ended or was interrupted."""

    kind: ClassVar[str] = "said"

    by: Literal["agent", "caller"]
    text: str
    who: str = ""
    """Identity of the participant; of several who spoke in one turn, separated by commas."""
    until: float | None = None
    """When it ended (`time.time()`)."""
    typed: bool = False
    interrupted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard(Entry):
    """A final transcript or typed text, which becomes a turn, or a part of it; in the journal only.

    The framework tells of a turn once the reply to it is under way or done.
    """

    kind: ClassVar[str] = "heard"

    text: str
    who: str = ""
    typed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Words(Entry):
    """Words of the agent at the moment in which they are spoken; in the journal only."""

    kind: ClassVar[str] = "words"

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Backchannel(Entry):
    """What a caller said while listening, such as "mm-hmm"; no turn."""

    kind: ClassVar[str] = "backchannel"

    text: str
    who: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall(Entry):
    """A call of a tool and what it returned."""

    kind: ClassVar[str] = "tool"

    name: str
    arguments: str
    """JSON, as the language model wrote it."""
    result: str
    seconds: float | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnTiming(Entry):
    """Where the time of the reply before it went; the fields of the wire's `Turn`."""

    kind: ClassVar[str] = "timing"

    values: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Return the fields of the turn beside its kind."""
        rounded = {
            name: round(value, 3) if isinstance(value, float) else value
            for name, value in self.values.items()
            if value is not None
        }
        return {"kind": self.kind, "at": self.at, **rounded}


@dataclass(frozen=True, slots=True, kw_only=True)
class Notified(Entry):
    """A sentence that callers were shown about a problem or the end of the call."""

    kind: ClassVar[str] = "notice"

    notice: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence(Entry):
    """A caller came or left."""

    kind: ClassVar[str] = "presence"

    event: Literal["joined", "left"]
    who: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver(Entry):
    """Another agent took the conversation."""

    kind: ClassVar[str] = "handover"

    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundBegun(Entry):
    """From here on the sound is recorded."""

    kind: ClassVar[str] = "sound"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended(Entry):
    """The call ended in order."""

    kind: ClassVar[str] = "ended"

    reason: str
    report: dict[str, Any] | None = None
    """The framework's report on the session, without history and events."""


def _bounded(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    most = _TEXTS.get(name, LONGEST_NAME_CHARACTERS)
    return value if len(value) <= most else f"{value[: most - 1]}…"

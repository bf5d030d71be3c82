"""The wire between the agent and whoever calls it: every name and every message, and its bounds.

Both sides are participants of a LiveKit room. The agent writes text streams and attributes of its
own participant; the page sends typed words and remote calls. `docs/protocol.md` and the page's
`src/protocol.ts` are made from this module by `python -m scripts.protocol`, so each name, field and
bound is written down here alone. Knows nothing of LiveKit.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

from annotated_types import Ge, MaxLen
from pydantic import AllowInfNan, TypeAdapter, ValidationError

LONGEST_MESSAGE_BYTES: Final = 15 * 1024
"""Of one encoded message: what LiveKit carries as the payload of a remote call."""
LONGEST_TYPED_CHARACTERS: Final = 2000
"""Of one typed message that the page sends; the agent reads twice as many."""
LONGEST_SENTENCE_CHARACTERS: Final = 500
"""Of one sentence for callers."""
LONGEST_NAME_CHARACTERS: Final = 200
"""Of a model's name and of an identifier."""
MOST_SENTENCES: Final = 20
"""That an agent has for its callers."""
MOST_HISTORY_MESSAGES: Final = 100
"""In one history."""
LONGEST_HISTORY_CHARACTERS: Final = 4500
"""Of all messages of a history together; a character is up to three bytes."""

TAKES_OVER: Final = "takes over"
"""Metadata of the job of an agent that is sent into a room whose agent is gone."""
DONE: Final = "ok"
"""The answer to a command that was carried out."""
NOT_ALLOWED: Final = 403
"""Error code of a remote call from somebody who may not make it."""


class Topic(StrEnum):
    """Topics of text streams."""

    TRANSCRIPTION = "lk.transcription"
    """What is said, as it is said. The agent sends its own words under its own identity, and what
    it hears under the identity of who spoke."""
    CHAT = "lk.chat"
    """Typed words, to the agent and to everybody in the room."""
    TURN = "agent.turn"
    """A `Turn`, after each reply to speech. From agents only."""
    NOTICE = "agent.notice"
    """A `Notice`. From agents only."""


class StreamAttribute(StrEnum):
    """Attributes of the streams of `lk.transcription`; LiveKit's own clients know those of `lk`."""

    SEGMENT = "lk.segment_id"
    """Streams of one segment and one sender replace each other."""
    FINAL = "lk.transcription_final"
    """`true` or `false`: whether the segment is complete."""
    TRACK = "lk.transcribed_track_id"
    """The track in which the words were heard; absent from the agent's own words."""
    LANGUAGE = "agent.language"
    """Code of the language in which the words were recognised; absent from the agent's own."""
    BACKCHANNEL = "agent.backchannel"
    """`true` where a caller said them while listening to the agent, which neither stopped nor
    answered: "mm-hmm". Without words, what was shown of the segment is withdrawn. Else absent."""


class ParticipantAttribute(StrEnum):
    """Attributes of the agent's participant."""

    STATE = "lk.agent.state"
    """One of the agent's states, as LiveKit's own clients know it."""
    INFO = "agent.info"
    """An `AgentInfo`."""
    LANGUAGE = "agent.language"
    """Code of the language that the agent speaks, such as `en`; it may follow the callers."""


class AgentState(StrEnum):
    """What an agent is doing."""

    INITIALIZING = "initializing"
    LISTENING = "listening"
    THINKING = "thinking"
    SPEAKING = "speaking"


class Method(StrEnum):
    """Remote calls."""

    PING = "agent.ping"
    """To the agent, from anybody: whether it serves its room, as a `Pong`."""
    STOP = "agent.stop"
    """To the agent, from a speaker: stop speaking."""
    REPEAT = "agent.repeat"
    """To the agent, from a speaker: say the last reply again."""
    HISTORY = "conversation.history"
    """To a caller, from an agent that takes over: what was said so far, as a `History`."""


class Pong(StrEnum):
    """Answers to `agent.ping`."""

    SERVES = "pong"
    """The agent is there for the callers."""
    LEAVES = "leaving"
    """The agent is on its way out of the room and does nothing more; another may be asked for."""
    ENDED = "ended"
    """The agent has ended the call and is on its way out; no other is to be asked for."""


class NoticeKind(StrEnum):
    """What a notice is about."""

    HEARING_FAILED = "hearing_failed"
    """Something was said and not understood; the caller is asked to say it again."""
    LLM_UNAVAILABLE = "llm_unavailable"
    """The language model failed, and an apology is spoken in place of an answer."""
    VOICE_UNAVAILABLE = "voice_unavailable"
    """The voice failed; replies come as text meanwhile."""
    TOOLS_UNAVAILABLE = "tools_unavailable"
    """Some of the agent's tools cannot be used; it goes on without them and tries them again."""
    CALL_ENDED = "call_ended"
    """The call is over for everybody: a moment later the agent ends the room. No other agent is to
    be asked for."""


class WaitReason(StrEnum):
    """Why a pause was waited for as long as it was, before the turn was over."""

    COMPLETE = "complete"
    """The caller seemed to be done: a short wait."""
    UNSURE = "unsure"
    """More might have followed."""
    DICTATING = "dictating"
    """Digits, letters or an address, of which the rest was to come."""
    THINKING = "thinking"
    """The caller said so: "let me think"."""
    NOTHING_HEARD = "nothing heard"
    """No words were known yet."""


class ProtocolError(ValueError):
    """A message that is none of the wire's; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Message:
    """What all messages can: they travel as one JSON object."""

    def encode(self) -> str:
        """The message as JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def decode(cls, text: str) -> Self:
        """Read a message; fields that are not known are passed over.

        Raises ProtocolError for what is no such message, or beyond its bounds.
        """
        size = len(text.encode(errors="replace"))
        if size > LONGEST_MESSAGE_BYTES:
            raise ProtocolError(f"{cls.__name__} of {size} bytes is too long")
        try:
            message = _adapter(cls).validate_json(text, strict=True)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise ProtocolError(f"no {cls.__name__}: {place} {first['msg']}".rstrip()) from None
        assert isinstance(message, cls)
        message.check()
        return message

    def check(self) -> None:
        """Raise ProtocolError where the whole is beyond a bound that no field of it has."""


Name = Annotated[str, MaxLen(LONGEST_NAME_CHARACTERS)]
Sentence = Annotated[str, MaxLen(LONGEST_SENTENCE_CHARACTERS)]
Seconds = Annotated[float, Ge(0), AllowInfNan(False)]


@dataclass(frozen=True, slots=True)
class Notice(Message):
    """A sentence of the agent about a problem, or about the end of the call."""

    kind: NoticeKind
    """What it is about."""
    text: Sentence
    """For the caller to read."""


@dataclass(frozen=True, slots=True)
class Turn(Message):
    """Where the time of one reply to speech went; null where nothing was measured."""

    id: Name
    """Of the reply among the messages of the agent's conversation."""
    end_of_speech_seconds: Seconds | None
    """From the last voice to the decision that the turn is over."""
    wait_reason: WaitReason | None
    """Why that took as long as it did; null where silence alone decides."""
    transcript_seconds: Seconds | None
    """From the last voice to the transcript."""
    first_token_seconds: Seconds | None
    """From the request to the language model to the reply's first words."""
    first_sound_seconds: Seconds | None
    """From the reply's first words to its first sound."""
    response_seconds: Seconds | None
    """From the caller's last voice to the agent's first sound leaving."""
    prepared: bool
    """The reply had been begun before the turn was over."""
    interrupted: bool
    """The reply was not spoken to its end."""


@dataclass(frozen=True, slots=True)
class ModelInfo(Message):
    """One speech model in use."""

    name: Name
    """As it is called in the settings."""
    demo: bool
    """It is one of the small models that come with the product."""


@dataclass(frozen=True, slots=True)
class AgentInfo(Message):
    """What an agent is made of."""

    asr: ModelInfo | None
    """The recogniser; null while none is loaded."""
    voice: ModelInfo | None
    """The voice; null while none is loaded."""
    llm: Name
    """The language model; `builtin` where none is configured."""
    notices: Annotated[tuple[Sentence, ...], MaxLen(MOST_SENTENCES)] = ()
    """What callers should know about this agent."""


@dataclass(frozen=True, slots=True)
class HistoryMessage(Message):
    """One thing that was said or typed."""

    role: Literal["user", "assistant"]
    """Who said it: people, or the agent."""
    text: Annotated[str, MaxLen(LONGEST_HISTORY_CHARACTERS)]
    """Its words."""


@dataclass(frozen=True, slots=True)
class History(Message):
    """The latest of a conversation, oldest first; its texts are bounded together as well."""

    messages: Annotated[tuple[HistoryMessage, ...], MaxLen(MOST_HISTORY_MESSAGES)]
    """What was said."""

    def check(self) -> None:
        characters = sum(len(message.text) for message in self.messages)
        if characters > LONGEST_HISTORY_CHARACTERS:
            raise ProtocolError(f"History of {characters} characters is too long")


def shortened(text: str, longest: int) -> str:
    """A text from outside, cut to a bound of the wire."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _adapter(kind: type[Message]) -> TypeAdapter[Any]:
    """The reader of a kind of message; made once, since that takes a millisecond."""
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


_ADAPTERS: dict[type[Message], TypeAdapter[Any]] = {}

"""The requests of clients, validated: whatever arrives may have been made up."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from wyoming.event import Event

from ..audio.pcm import HIGHEST_RATE, LOWEST_RATE, MOST_CHANNELS
from .errors import ErrorCode, WyomingError
from .limits import LONGEST_TEXT_CHARACTERS

_MOST_TERMS = 100
_LONGEST_TERM_CHARACTERS = 60

_Name = Annotated[str, Field(max_length=200)]


def _terms(found: Any) -> Any:
    """Keep as many of the terms as help the recogniser."""
    if not isinstance(found, list):
        return ()
    texts = (t.strip() for t in found if isinstance(t, str) and len(t) <= _LONGEST_TERM_CHARACTERS)
    return tuple(dict.fromkeys(t for t in texts if t))[:_MOST_TERMS]


_Terms = Annotated[tuple[str, ...], BeforeValidator(_terms)]


class Request(BaseModel):
    """What a client asks for."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class Describe(Request):
    """What there is."""


class Ping(Request):
    """A sign of life."""

    text: _Name | None = None


class Transcribe(Request):
    """What the following sound is."""

    name: _Name | None = None
    language: _Name | None = None
    """A language tag, such as `de-DE`."""
    transcript_names: _Terms = ()
    transcript_terms: _Terms = ()

    @property
    def hotwords(self) -> tuple[str, ...]:
        """Names and terms that are likely to be said."""
        return tuple(dict.fromkeys((*self.transcript_names, *self.transcript_terms)))[:_MOST_TERMS]


class AudioStart(Request):
    """The form of the sound that follows."""

    rate: int = Field(ge=LOWEST_RATE, le=HIGHEST_RATE)
    """Hz."""
    width: int = Field(ge=1, le=4)
    """Bytes of a sample."""
    channels: int = Field(ge=1, le=MOST_CHANNELS)


class AudioChunk(AudioStart):
    """Some sound."""

    audio: bytes = b""


class AudioStop(Request):
    """The sound is complete."""


class VoiceChoice(Request):
    """The voice that is asked for."""

    name: _Name | None = None
    language: _Name | None = None
    speaker: _Name | None = None


class SynthesizeStart(Request):
    """A text follows in pieces."""

    voice: VoiceChoice | None = None
    text_format: _Name | None = None


class SynthesizeChunk(Request):
    """A piece of the text."""

    text: str = Field(max_length=LONGEST_TEXT_CHARACTERS)


class Synthesize(SynthesizeStart, SynthesizeChunk):
    """A whole text."""


class SynthesizeStop(Request):
    """The text is complete."""


_KINDS: dict[str, type[Request]] = {
    "describe": Describe,
    "ping": Ping,
    "transcribe": Transcribe,
    "audio-start": AudioStart,
    "audio-chunk": AudioChunk,
    "audio-stop": AudioStop,
    "synthesize": Synthesize,
    "synthesize-start": SynthesizeStart,
    "synthesize-chunk": SynthesizeChunk,
    "synthesize-stop": SynthesizeStop,
}


def read_request(event: Event) -> Request | None:
    """Return what an event asks for, None for one that means nothing here. Raises WyomingError."""
    kind = _KINDS.get(event.type)
    if kind is None:
        return None
    content = dict(event.data)
    if kind is AudioChunk:
        content["audio"] = event.payload or b""
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))[:80]
        code: ErrorCode = "too-long" if first["type"] == "string_too_long" else "protocol"
        raise WyomingError(code, f"{event.type}: {place}: {first['msg']}") from None

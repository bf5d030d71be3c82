"""What a form asks for, beside the file to transcribe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ...asr.config import AUTO
from ...asr.interface import ASREngine
from ...models.languages import base_language
from ..http.errors import ApiError
from .form import Form

FORMATS: Final = ("json", "text", "srt", "verbose_json", "vtt")
_STREAMED: Final = ("json", "text")
_TIMED: Final = ("srt", "vtt", "verbose_json")
_GRANULARITIES: Final = ("segment", "word")
_LONGEST_PROMPT_CHARACTERS = 4000
_MOST_KEYWORDS = 100


@dataclass(frozen=True, slots=True)
class TranscriptionRequest:
    """What the fields of a form ask for."""

    model: str
    format: str
    granularities: tuple[str, ...]
    languages: frozenset[str]
    """Codes of those that may be spoken; empty for any."""
    prompt: str
    keywords: tuple[str, ...]
    speakers: tuple[str, ...]
    stream: bool

    @classmethod
    def of(cls, form: Form) -> TranscriptionRequest:
        """Read the fields; raises ApiError 400."""
        model = form.text("model")
        if not model:
            raise _bad("model", "Name a model: one of GET /v1/models, or whisper-1.")
        wanted = cls(
            model=model,
            format=_format(form),
            granularities=_granularities(form),
            languages=_languages(form),
            prompt=form.text("prompt")[:_LONGEST_PROMPT_CHARACTERS],
            keywords=form.texts("keywords")[:_MOST_KEYWORDS],
            speakers=_speakers(form),
            stream=_flag(form, "stream"),
        )
        _check_temperature(form)
        if "logprobs" in form.texts("include"):
            raise _bad("include", "Log probabilities of tokens are not given.")
        if wanted.stream and (wanted.format not in _STREAMED or wanted.speakers):
            raise _bad("stream", "Only json and text are streamed, without speakers.")
        return wanted

    def check_languages(self, asr: ASREngine) -> None:
        """Refuse a language that the recogniser does not know; raises ApiError 400."""
        known = asr.facts.languages
        for code in self.languages - known:
            only = " English is the only one." if known == {"en"} else ""
            raise _bad(
                "language",
                f"The recogniser knows no language {code[:20]!r}; send a code such as en.{only}",
            )

    @property
    def timed(self) -> bool:
        """Whether the answer needs the time of each word."""
        return self.format in ("srt", "vtt") or "word" in self.granularities


def _format(form: Form) -> str:
    name = form.text("response_format", "json")
    if name == "diarized_json":
        raise _bad(
            "response_format",
            "Speakers are not told apart by their voices. For a file with one channel for each, "
            "send their names as `speakers`.",
        )
    if name not in FORMATS:
        raise _bad("response_format", f"The response_format is one of {', '.join(FORMATS)}.")
    return name


def _granularities(form: Form) -> tuple[str, ...]:
    found = form.texts("timestamp_granularities")
    if any(name not in _GRANULARITIES for name in found):
        raise _bad("timestamp_granularities", "The timestamp_granularities are word and segment.")
    if found and form.text("response_format", "json") not in _TIMED:
        raise _bad("timestamp_granularities", "Times come with response_format=verbose_json only.")
    return found


def _languages(form: Form) -> frozenset[str]:
    named = [*form.texts("language"), *form.texts("languages")]
    return frozenset(base_language(name.strip()) for name in named if name.strip()) - {AUTO}


def _speakers(form: Form) -> tuple[str, ...]:
    named = form.text("speakers")
    speakers = tuple(" ".join(name.split()) for name in named.split(",")) if named else ()
    if named and (len(speakers) < 2 or not all(speakers)):
        raise _bad("speakers", "Name the speaker of each channel: speakers=Ada,Ben.")
    return speakers


def _flag(form: Form, name: str) -> bool:
    value = form.text(name, "false").lower()
    if value not in ("true", "false"):
        raise _bad(name, f"{name} is true or false.")
    return value == "true"


def _check_temperature(form: Form) -> None:
    """Decoding is always greedy; what is no temperature at all is a mistake of the client's."""
    try:
        usable = 0.0 <= float(form.text("temperature", "0")) <= 1.0
    except ValueError:
        usable = False
    if not usable:
        raise _bad("temperature", "The temperature is a number from 0 to 1.")


def _bad(name: str, message: str) -> ApiError:
    return ApiError(400, f"bad_{name}", message, field=name)

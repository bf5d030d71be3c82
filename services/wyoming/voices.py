"""Which voices clients may choose, and which of them a request means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..models import VOICE_CATALOGUE
from ..models.installed import installed_voices, speakers_of
from ..models.languages import base_language
from ..shared.engines import SharedEngines, SharedVoice
from ..tts.interface import TTSEngine
from ..tts.types import Delivery
from .errors import WyomingError
from .requests import VoiceChoice

_MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class OfferedVoice:
    """A voice that is on this machine."""

    name: str
    language: str
    """Language tag, such as `de-DE`; empty if the owner's file states none."""
    speakers: Mapping[str, int]
    """Numbers of the speakers by name, empty for a voice with one."""
    of_catalogue: bool
    is_default: bool
    """Whether it is the voice of the settings, with their speaker."""


def offered_voices(
    default: TTSEngine, cache: Path, *, config: Path | None = None
) -> list[OfferedVoice]:
    """Return the voice of the settings, then the others that are installed; reads small files.

    `config` is the file that names the speakers of the first, without which they have numbers.
    """
    entry = VOICE_CATALOGUE.get(default.name)
    installed = installed_voices(cache)
    known = next((v.speakers for v in installed if v.name == default.name), {})
    named = known or (speakers_of(config) if config is not None else {})
    numbered = {str(n): n for n in range(default.speakers)} if default.speakers > 1 else {}
    own = OfferedVoice(
        default.name,
        entry.language if entry is not None else default.language,
        named or numbered,
        of_catalogue=entry is not None and not entry.demo,
        is_default=True,
    )
    others = [
        OfferedVoice(v.name, v.language, v.speakers, of_catalogue=True, is_default=False)
        for v in installed
        if v.name != default.name
    ]
    return [own, *others]


def choose_voice(
    choice: VoiceChoice | None, offered: Sequence[OfferedVoice], engines: SharedEngines
) -> tuple[SharedVoice, Delivery]:
    """Return the voice and how it speaks. Raises WyomingError if there is no such voice."""
    voice = named_voice(choice, offered)
    shared = engines.tts if voice.is_default else engines.voice((voice.name,))
    return shared, Delivery(speaker=speaker_number(choice, voice))


def named_voice(choice: VoiceChoice | None, offered: Sequence[OfferedVoice]) -> OfferedVoice:
    """Return the voice of a name or a language. Raises WyomingError if there is none."""
    if choice is not None and choice.name:
        for voice in offered:
            if voice.name == choice.name:
                return voice
        raise WyomingError(
            "not-available",
            f"the voice {choice.name[:60]!r} is not installed here; choose {_named(offered)}",
        )
    if choice is not None and choice.language:
        wanted = choice.language.replace("_", "-").casefold()
        same = [v for v in offered if v.language.casefold() == wanted]
        near = [v for v in offered if base_language(v.language) == base_language(wanted)]
        if not same + near:
            raise WyomingError(
                "not-available",
                f"no voice here speaks {choice.language[:35]!r}; choose {_named(offered)}",
            )
        return (same + near)[0]
    return offered[0]


def speaker_number(choice: VoiceChoice | None, voice: OfferedVoice) -> int | None:
    """Return the speaker of a name or number, None for the voice's own. Raises WyomingError."""
    wanted = choice.speaker if choice is not None else None
    if not wanted:
        return None
    number = voice.speakers.get(wanted)
    if (
        number is None
        and wanted.isascii()
        and wanted.isdecimal()
        and int(wanted) in voice.speakers.values()
    ):
        number = int(wanted)
    if number is None:
        raise WyomingError(
            "not-available", f"the voice {voice.name} has no speaker {wanted[:60]!r}"
        )
    return number


def _named(offered: Sequence[OfferedVoice]) -> str:
    names = [voice.name for voice in offered[:_MOST_NAMED]]
    return ", ".join(names) + (" or another of them" if len(offered) > _MOST_NAMED else "")

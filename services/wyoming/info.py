"""What there is, as the protocol describes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.metadata import version

from wyoming.info import (
    AsrModel,
    AsrProgram,
    Attribution,
    Info,
    TtsProgram,
    TtsVoice,
    TtsVoiceSpeaker,
)

from ..models import ASR_CATALOGUE
from .voices import OfferedVoice

_FASTER_WHISPER = Attribution("SYSTRAN", "https://github.com/SYSTRAN/faster-whisper")
_PIPER = Attribution("Open Home Foundation", "https://github.com/OHF-Voice/piper1-gpl")
_WHISPER = Attribution("OpenAI", "https://github.com/openai/whisper")
_PIPER_VOICES = Attribution("rhasspy", "https://huggingface.co/rhasspy/piper-voices")
_OWN = Attribution("its owner", "")


def describe(
    name: str, model: str, languages: Sequence[str], voices: Iterable[OfferedVoice]
) -> Info:
    """Return one program that hears and one that speaks, both called `name`.

    `model` is the name of the recogniser, and `languages` are what it knows.
    """
    known = ASR_CATALOGUE.get(model)
    return Info(
        asr=[
            AsrProgram(
                name=name,
                attribution=_FASTER_WHISPER,
                installed=True,
                description="Speech recognition by faster-whisper",
                version=version("faster-whisper"),
                models=[
                    AsrModel(
                        name=model,
                        attribution=_WHISPER if known is not None and not known.demo else _OWN,
                        installed=True,
                        description=f"Whisper {model}",
                        version=None,
                        languages=list(languages),
                    )
                ],
                supports_transcript_streaming=True,
            )
        ],
        tts=[
            TtsProgram(
                name=name,
                attribution=_PIPER,
                installed=True,
                description="Speech synthesis by Piper",
                version=version("piper-tts"),
                voices=[_voice(voice) for voice in voices],
                supports_synthesize_streaming=True,
            )
        ],
    )


def _voice(voice: OfferedVoice) -> TtsVoice:
    return TtsVoice(
        name=voice.name,
        attribution=_PIPER_VOICES if voice.of_catalogue else _OWN,
        installed=True,
        description=_description(voice),
        version=None,
        languages=[voice.language or "en"],
        speakers=[TtsVoiceSpeaker(name) for name in voice.speakers] or None,
    )


def _description(voice: OfferedVoice) -> str:
    """Return `ljspeech (medium)` for `en_US-ljspeech-medium`, as Piper's own server does."""
    parts = voice.name.split("-")
    if not voice.of_catalogue or len(parts) != 3:
        return voice.name
    return f"{parts[1]} ({parts[2]})"

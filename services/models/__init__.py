"""Speech models: the catalogue, fetching, and finding their files on this machine."""

from .catalogue import (
    ASR_CATALOGUE,
    DEFAULT_ASR,
    DEFAULT_VOICES,
    VOICE_CATALOGUE,
    ASREntry,
    VoiceEntry,
    find_voices,
    summary,
)
from .demo import DEMO_ASR, DEMO_VOICE, describe_demo
from .errors import (
    DiskFull,
    DownloadCorrupt,
    FetchError,
    ModelCorrupt,
    ModelError,
    ModelMissing,
    NoSource,
    SourceError,
    SourceRefused,
    SourceUnreachable,
)
from .fetch import fetch_asr, fetch_voice
from .progress import ConsoleProgress, Progress, SilentProgress
from .resolve import (
    ASRModel,
    Voice,
    resolve_asr,
    resolve_first_voice,
    resolve_voice,
)
from .sizes import asr_bytes, voice_bytes

__all__ = [
    "ASR_CATALOGUE",
    "DEFAULT_ASR",
    "DEFAULT_VOICES",
    "DEMO_ASR",
    "DEMO_VOICE",
    "VOICE_CATALOGUE",
    "ASREntry",
    "ASRModel",
    "ConsoleProgress",
    "DiskFull",
    "DownloadCorrupt",
    "FetchError",
    "ModelCorrupt",
    "ModelError",
    "ModelMissing",
    "NoSource",
    "Progress",
    "SilentProgress",
    "SourceError",
    "SourceRefused",
    "SourceUnreachable",
    "Voice",
    "VoiceEntry",
    "asr_bytes",
    "describe_demo",
    "fetch_asr",
    "fetch_voice",
    "find_voices",
    "resolve_asr",
    "resolve_first_voice",
    "resolve_voice",
    "summary",
    "voice_bytes",
]

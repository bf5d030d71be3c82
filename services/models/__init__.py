"""Speech models: the catalogue, fetching, and finding their files on this machine."""

from .catalogue import (
    ASR_CATALOGUE,
    DEFAULT_ASR,
    DEFAULT_VOICES,
    TURN_CATALOGUE,
    VOICE_CATALOGUE,
    find_voices,
    summary,
)
from .demo import DEMO_ASR, DEMO_VOICE, describe_demo
from .entries import ASREntry, ModelEntry, TurnEntry, VoiceEntry
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
from .fetch import fetch_asr, fetch_turn, fetch_voice
from .fitted_turn import fitted_turn
from .progress import ConsoleProgress, Progress, SilentProgress
from .resolve import (
    ASRModel,
    TurnModel,
    Voice,
    resolve_asr,
    resolve_first_voice,
    resolve_turn,
    resolve_voice,
)
from .sizes import ASR_WEIGHTS, asr_weights, estimated_bytes, voice_weights
from .turn_models import DEFAULT_TURN

__all__ = [
    "ASR_CATALOGUE",
    "ASR_WEIGHTS",
    "DEFAULT_ASR",
    "DEFAULT_TURN",
    "DEFAULT_VOICES",
    "DEMO_ASR",
    "DEMO_VOICE",
    "TURN_CATALOGUE",
    "VOICE_CATALOGUE",
    "ASREntry",
    "ASRModel",
    "ConsoleProgress",
    "DiskFull",
    "DownloadCorrupt",
    "FetchError",
    "ModelCorrupt",
    "ModelEntry",
    "ModelError",
    "ModelMissing",
    "NoSource",
    "Progress",
    "SilentProgress",
    "SourceError",
    "SourceRefused",
    "SourceUnreachable",
    "TurnEntry",
    "TurnModel",
    "Voice",
    "VoiceEntry",
    "asr_weights",
    "describe_demo",
    "estimated_bytes",
    "fetch_asr",
    "fetch_turn",
    "fetch_voice",
    "find_voices",
    "fitted_turn",
    "resolve_asr",
    "resolve_first_voice",
    "resolve_turn",
    "resolve_voice",
    "summary",
    "voice_weights",
]

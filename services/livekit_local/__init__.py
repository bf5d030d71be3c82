"""The speech engines as LiveKit's interfaces."""

from ..shared.process_engines import get_shared_asr, get_shared_tts
from .speech_stream import LocalSpeechStream
from .stt import LocalSTT
from .transcript_sync import SpokenTranscript
from .tts import LocalTTS, LocalTTSStream
from .vad import LocalVAD, LocalVADStream

__all__ = [
    "LocalSTT",
    "LocalSpeechStream",
    "LocalTTS",
    "LocalTTSStream",
    "LocalVAD",
    "LocalVADStream",
    "SpokenTranscript",
    "get_shared_asr",
    "get_shared_tts",
]

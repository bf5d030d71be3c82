"""The speech services as LiveKit's interfaces: the only place that knows both."""

from services.livekit_local.stt import LocalSpeechStream, LocalSTT
from services.livekit_local.transcript_sync import SpokenTranscript
from services.livekit_local.tts import LocalTTS, LocalTTSStream
from services.livekit_local.vad import LocalVAD, LocalVADStream
from services.shared.engines import get_shared_asr, get_shared_tts

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

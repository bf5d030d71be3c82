"""faster-whisper, Piper, Silero and Smart Turn on this machine, each loaded once for all jobs.

session = AgentSession(
    stt=local_speech.STT(model="base"),
    tts=local_speech.TTS(voice="en_US-joe-medium"),
    vad=local_speech.VAD(),
    turn_detection=local_speech.TurnDetector(),
)
"""

from livekit.agents import Plugin

from ._services.livekit_plugin import STT, TTS, VAD, TurnDetector, configure, download, load
from ._services.program import run_as
from .log import logger
from .version import __version__

__all__ = ["STT", "TTS", "VAD", "TurnDetector", "__version__", "configure", "download", "load"]


class LocalSpeechPlugin(Plugin):
    """Registers with the framework, whose `download-files` fetches the default models."""

    def __init__(self) -> None:
        super().__init__(__name__, __version__, __package__ or __name__, logger)

    def download_files(self) -> None:
        """Fetch the default models. Raises ModelError."""
        download()


run_as(f"python -m {__name__}")
Plugin.register_plugin(LocalSpeechPlugin())

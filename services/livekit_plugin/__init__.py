"""The speech of this project as a LiveKit plugin, for anybody's agent."""

from .download import download
from .engines import configure, load
from .speech import STT, TTS, VAD, TurnDetector

__all__ = ["STT", "TTS", "VAD", "TurnDetector", "configure", "download", "load"]

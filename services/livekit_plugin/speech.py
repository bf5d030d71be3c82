"""The classes of the plugin, with the names and arguments that LiveKit's own plugins have."""

from __future__ import annotations

import asyncio
import weakref
from typing import Any

from livekit.agents import APIConnectOptions
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS

from .. import defaults
from ..livekit_local.stt import LocalSTT
from ..livekit_local.tts import LocalTTS
from ..livekit_local.turn_detector import LocalTurnDetector, LocalTurnStream
from ..livekit_local.vad import LocalVAD
from ..models import DEFAULT_ASR
from ..vad.silero import VoiceActivityOptions
from .engines import DEFAULT_VOICE, engines, has_piper

_latest: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[type[Any], weakref.ref[Any]]] = (
    weakref.WeakKeyDictionary()
)
"""The latest recogniser and detector that were made on each event loop: those of a job."""


class VAD(LocalVAD):
    """Silero voice activity detection; belongs to one session, shares the model."""

    def __init__(
        self,
        *,
        min_speech_duration: float = 0.05,
        min_silence_duration: float = defaults.VAD_SILENCE_SECONDS,
        activation_threshold: float = defaults.VAD_THRESHOLD,
    ) -> None:
        """Durations are in seconds, the threshold is a probability."""
        options = VoiceActivityOptions(
            min_speech_seconds=min_speech_duration,
            min_silence_seconds=min_silence_duration,
            activation_threshold=activation_threshold,
        )
        super().__init__(options, engines=engines())
        _remember(VAD, self)


class STT(LocalSTT):
    """faster-whisper; belongs to one session, shares the model with all others of the process.

    The model is loaded when a session begins, or by `load`.
    """

    def __init__(
        self,
        *,
        model: str = DEFAULT_ASR,
        language: str | None = "en",
        vad: VAD | None = None,
        keyterms: list[str] | None = None,
        prompt: str = "",
        interim_results: bool = True,
        word_times: bool = False,
    ) -> None:
        """Open no stream yet.

        Args:
            model: a name of the catalogue, or the folder of a Whisper model for CTranslate2.
            language: a code such as "de"; None detects it in each utterance.
            vad: the session's detector, by whose pauses it then transcribes, which is quicker;
                without, it detects the ends of utterances itself.
            keyterms: names and words to expect.
            prompt: text that what is said goes on from.
            interim_results: whether to transcribe while somebody speaks.
            word_times: whether transcripts have the times of their words.
        """
        super().__init__(
            engines=engines(),
            model=model,
            vad=vad,
            language=language,
            keyterms=keyterms,
            prompt=prompt,
            interim_results=interim_results,
            word_times=word_times,
        )
        self._name = model
        _remember(STT, self)

    @property
    def model(self) -> str:
        """The name of the model."""
        return self._name

    def prewarm(self) -> None:
        """Begin to load the model, without waiting; called by the session."""
        self.recogniser.start()
        self.engines.voice_activity.start()


class TTS(LocalTTS):
    """Piper; belongs to one session, shares the voice with all others of the process."""

    def __init__(
        self, *, voice: str = DEFAULT_VOICE, speaker: int | None = None, speed: float = 1.0
    ) -> None:
        """Open no stream yet.

        Args:
            voice: a name of the catalogue, or the `.onnx` file of a Piper voice.
            speaker: of a voice with several; None for the voice's own.
            speed: 2 is twice the voice's pace.

        Raises:
            ImportError: piper-tts is not installed; the text says how to get it.
        """
        if not has_piper():
            raise ImportError(
                "TTS() needs piper-tts, which is under GPL-3.0-or-later: "
                "pip install 'livekit-plugins-local-speech[tts]'"
            )
        super().__init__(engines=engines(), voice=voice, speaker=speaker, speed=speed)
        self._name = voice

    @property
    def model(self) -> str:
        """The name of the voice."""
        return self._name

    def prewarm(self) -> None:
        """Begin to load the voice, without waiting; called by the session."""
        self.voice.start()


class TurnDetector(LocalTurnDetector):
    """Decides by words, pause and voice when a turn is over; belongs to one session."""

    def __init__(
        self,
        stt: STT | None = None,
        vad: VAD | None = None,
        *,
        min_delay: float = defaults.TURN_MIN_DELAY_SECONDS,
        max_delay: float = defaults.TURN_MAX_DELAY_SECONDS,
    ) -> None:
        """Listen to the recogniser and the detector of the same session.

        Args:
            stt: without, the one that was made last in this job.
            vad: without, the one that was made last in this job.
            min_delay: seconds of silence after what is certainly complete.
            max_delay: the same after what certainly is not.

        Raises:
            ValueError: there is no such recogniser or detector.
        """
        stt, vad = stt or _recall(STT), vad or _recall(VAD)
        if stt is None or vad is None:
            raise ValueError(
                "TurnDetector() listens to STT() and VAD() of this plugin: make them before it in "
                "the same job, or pass them: TurnDetector(stt, vad)"
            )
        super().__init__(
            stt, vad, complete_seconds=min_delay, incomplete_seconds=max_delay, acoustic=True
        )
        self._speech = stt.engines

    def stream(
        self, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> LocalTurnStream:
        """Open the detector of one session, and begin to load its model."""
        self._speech.acoustic.start()
        return super().stream(conn_options=conn_options)


def _remember(kind: type[Any], made: object) -> None:
    loop = _running_loop()
    if loop is not None:
        _latest.setdefault(loop, {})[kind] = weakref.ref(made)


def _recall(kind: type[Any]) -> Any:
    loop = _running_loop()
    found = _latest.get(loop, {}).get(kind) if loop is not None else None
    return found() if found is not None else None


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None

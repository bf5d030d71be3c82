"""The voice pipeline of one conversation, in a room or on a terminal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from livekit.agents import APIConnectOptions, llm
from livekit.agents.voice.agent_session import SessionConnectOptions

from agent.definitions.definition import BUILT_IN, AgentDefinition
from agent.session.conversation_language import ConversationLanguage
from agent.session.framework import LongLivedSession, go_on_speaking
from agent.session.turn_handling import turn_handling
from agent.settings import Settings
from agent.tools import RoomState, Toolbox
from services.asr.events import ASREvent
from services.asr.recognizer import RecognizerTiming
from services.endpointing.verdict import Verdict
from services.livekit_local import LocalSTT, LocalTTS, LocalVAD, SpokenTranscript
from services.livekit_local.barge_in import BargeIn
from services.livekit_local.eou_model import EndOfTurnModel
from services.livekit_local.turn_detector import LocalTurnDetector
from services.models.languages import base_language
from services.shared.engines import SharedEngines, SharedVoice
from services.vad.silero import VoiceActivityModel, VoiceActivityOptions

BuildLLM = Callable[[Toolbox], llm.LLM[Any]]
"""Makes the language model of one conversation, which may call the tools."""

_NO_LIMIT = 2**31


@dataclass(frozen=True, slots=True)
class PipelineModels:
    """Models that all pipelines of a process share."""

    engines: SharedEngines
    voice_activity: VoiceActivityModel
    end_of_turn_model: EndOfTurnModel | None
    """Needed with TURN_DETECTION=model."""
    build_llm: BuildLLM


class Pipeline:
    """VAD, STT, LLM and TTS, and the session that connects them; lives on one event loop."""

    def __init__(
        self,
        settings: Settings,
        models: PipelineModels,
        *,
        room: str,
        definition: AgentDefinition = BUILT_IN,
        voice_in_service: Callable[[SharedVoice], bool] | None = None,
        echo_warmup_seconds: float | None = None,
    ) -> None:
        """Assemble the pipeline; nothing is loaded or started.

        Args:
            settings: of the conversation: the process's, where the agent has none of its own.
            models: of the process.
            definition: whose agent it is.
            room: the name under which the pipeline's calls of the engines are scheduled.
            voice_in_service: whether a voice may be used now; without, it always may.
            echo_warmup_seconds: how long the agent's first speech is not interrupted, where an
                echo canceller has yet to adapt.
        """
        voices = definition.voices(settings)
        recogniser = definition.recogniser(settings)
        self.toolbox = Toolbox(RoomState(), definition.tools)
        self.language = conversation_language(settings, models.engines, definition)
        self.vad = LocalVAD(
            VoiceActivityOptions(
                min_silence_seconds=settings.turn.vad_silence_seconds,
                activation_threshold=settings.turn.vad_threshold,
            ),
            engines=models.engines,
        )
        self.stt = LocalSTT(
            engines=models.engines,
            model=recogniser,
            language=definition.language,
            vad=self.vad,
            room=room,
            keyterms=list(settings.asr.hotwords),
            prompt=settings.asr.prompt,
            carry_context=settings.asr.carry_context,
            interim_results=settings.asr.interim_share > 0,
            timing=RecognizerTiming(
                interim_share=settings.asr.interim_share,
                deadline_seconds=settings.asr.timeout_seconds,
            ),
        )
        self._expect_language()
        self.stt.subscribe(self._heard)
        self.barge_in: BargeIn | None = None
        """Decides what interrupts; None where all of a caller's words do."""
        if settings.turn.backchannels == "continue":
            self.barge_in = BargeIn(self.vad, self.stt, assent=settings.turn.backchannel_words)
            self.barge_in.on_go_on = lambda: go_on_speaking(self.session)
        self.tts = LocalTTS(
            engines=models.engines,
            voice=voices,
            speaker=definition.speaker,
            speed=definition.speed,
            language_voices=language_voices(settings),
            language=lambda: self.language.spoken,
            room=room,
            timeout_seconds=settings.voice.timeout_seconds,
            ahead_seconds=settings.voice.ahead_seconds,
            in_service=(lambda: voice_in_service(self.tts.voice)) if voice_in_service else None,
        )
        self.llm = models.build_llm(self.toolbox)
        self.session = LongLivedSession(
            stt=self.stt,
            vad=self.vad,
            tts=self.tts,
            llm=self.llm,
            turn_handling=turn_handling(
                settings,
                self.stt,
                self.vad,
                room=room,
                end_of_turn_model=models.end_of_turn_model,
            ),
            use_tts_aligned_transcript=True,
            tts_text_transforms=None,
            aec_warmup_duration=echo_warmup_seconds,
            user_away_timeout=None,
            conn_options=connect_options(settings),
        )

    @property
    def last_verdict(self) -> Verdict | None:
        """The one by which the latest turn ended; None before that, and with TURN_DETECTION=vad."""
        detector = self.session.turn_detection
        return detector.last_verdict if isinstance(detector, LocalTurnDetector) else None

    def _heard(self, event: ASREvent) -> None:
        self.language.observe(event)
        self._expect_language()

    def _expect_language(self) -> None:
        if self.language.follows:
            self.stt.expect_language(self.language.heard)

    def follow_speech(self, spoken: SpokenTranscript) -> None:
        """Know the agent's own speech, so that not every voice over it ends it."""
        if self.barge_in is not None:
            self.barge_in.agent = spoken

    async def aclose(self) -> None:
        """Close all parts but the session; the shared models stay loaded."""
        await self.stt.aclose()
        await self.tts.aclose()
        await self.llm.aclose()


def language_voices(settings: Settings) -> dict[str, str]:
    """Return the voices of further languages, by code, that conversations may change to."""
    follows = settings.asr.language == "auto" and settings.models.choice != "demo"
    return settings.voice.by_language if follows else {}


async def prewarm(
    settings: Settings, engines: SharedEngines, definition: AgentDefinition = BUILT_IN
) -> None:
    """Load and warm every model that a conversation may need. Raises what a load raises."""
    await engines.prewarm(
        engines.recogniser(definition.recogniser(settings)),
        engines.voice(definition.voices(settings)),
    )
    for name in language_voices(settings).values():
        await engines.prewarm(voice=engines.voice((name,)))


def conversation_language(
    settings: Settings, engines: SharedEngines, definition: AgentDefinition = BUILT_IN
) -> ConversationLanguage:
    """Return the language that a conversation with these settings and models begins in.

    A voice that another one replaces, since it cannot be had, does not speak its language.
    """
    asr = engines.recogniser(definition.recogniser(settings)).peek()
    voice = engines.voice(definition.voices(settings)).peek()
    configured = None if settings.asr.language == "auto" else settings.asr.language
    if asr is not None and not asr.facts.multilingual:
        configured = "en"
    others = []
    for code, name in language_voices(settings).items():
        other = engines.voice((name,)).peek()
        if other is None or other.language == base_language(code):
            others.append(code)
    return ConversationLanguage(
        configured, voice=voice.language if voice is not None else None, others=others
    )


def connect_options(settings: Settings) -> SessionConnectOptions:
    """How often a session tries its engines again, and for how long."""
    return SessionConnectOptions(
        tts_conn_options=APIConnectOptions(max_retry=1, retry_interval=0.1),
        llm_conn_options=APIConnectOptions(max_retry=0, timeout=settings.llm.timeout_seconds),
        # A conversation outlives any number of failures; the circuit breakers judge engines.
        max_unrecoverable_errors=_NO_LIMIT,
    )

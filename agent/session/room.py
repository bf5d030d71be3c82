"""One room: the conversation that is held there, from the first caller to the last."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any

from livekit import rtc
from livekit.agents import (
    APIConnectOptions,
    JobContext,
    llm,
)
from livekit.agents.voice import (
    AgentStateChangedEvent,
    CloseEvent,
    ConversationItemAddedEvent,
    ErrorEvent,
)
from livekit.agents.voice.agent_session import SessionConnectOptions
from livekit.agents.voice.room_io import (
    AudioOutputOptions,
    RoomOptions,
    TextOutputOptions,
)

from agent.observability.logging import error_text
from agent.phrases import (
    BACK,
    CALL_ENDED,
    CANNOT_HEAR,
    DID_NOT_CATCH,
    NOBODY_ANSWERS,
    STILL_THERE,
)
from agent.session.assistant import END_OF_CALL_SECONDS, Assistant
from agent.session.callers import Callers
from agent.session.handover import ask_what_was_said
from agent.session.joining import join
from agent.session.lasting_session import LastingSession
from agent.session.memory import RoomMemory
from agent.session.remote import Commands, Remote, may_command
from agent.session.silence import SilenceLimits, SilenceWatch
from agent.session.turn_handling import turn_handling
from agent.session.turn_records import PreparedReplies, TurnRecords
from agent.settings import Settings
from agent.tools import RoomState, Toolbox
from services.asr.events import ASREvent, ASREventKind
from services.asr.recognizer import RecognizerTiming
from services.inference import EngineUnavailable
from services.livekit_local import LocalSTT, LocalTTS, LocalVAD, SpokenTranscript
from services.livekit_local.eou_model import EndOfTurnModel
from services.metrics import Metrics
from services.protocol import (
    LONGEST_NAME_CHARACTERS,
    LONGEST_SENTENCE_CHARACTERS,
    MOST_SENTENCES,
    TAKES_OVER,
    AgentInfo,
    ModelInfo,
    NoticeKind,
    Pong,
    shortened,
)
from services.shared.engines import SharedEngines
from services.vad.silero import VoiceActivityModel, VoiceActivityOptions

logger = logging.getLogger("agent.session")

_NO_VOICE = "The voice is out of service for a moment; replies come as text."
_FAREWELL_SECONDS = 0.7
"""From the news that the call is over to its end."""
_NO_LIMIT = 2**31


@dataclass(frozen=True, slots=True)
class RoomServices:
    """What a room takes from its worker."""

    settings: Settings
    speech: SharedEngines
    voice_activity: VoiceActivityModel
    end_of_turn_model: EndOfTurnModel | None
    build_llm: Callable[[Toolbox], llm.LLM[Any]]
    llm_name: str
    notices: Callable[[], list[str]]
    voice_in_service: Callable[[], bool]
    vacant: Callable[[Callable[[], None] | None], None]
    """Told how the room is ended while nobody is in it, and None once somebody is; the way to end
    it is called from any thread."""
    left_empty: Callable[[], None]
    """Told when the room is left because nobody is in it."""
    metrics: Metrics
    delete_room: Callable[[str], Awaitable[None]]
    """Ends a room, by its name, for everybody in it; called on the room's event loop."""
    account: Callable[[Callable[[], int]], None]
    """Given what tells the bytes that the room holds, from any thread."""


async def converse(ctx: JobContext, services: RoomServices) -> None:
    """Hold the conversation of one job; returns once it is under way.

    Runs in the job's own thread and event loop. Everything made here ends with the job.
    """
    room = RoomConversation(ctx, services)
    ctx.add_shutdown_callback(room.aclose)
    await room.start()


class RoomConversation:
    """Owns what belongs to one room; lives on that room's event loop."""

    def __init__(self, ctx: JobContext, services: RoomServices) -> None:
        self._ctx = ctx
        self._services = services
        self._room = ctx.room
        settings = services.settings
        self._vad = LocalVAD(
            services.voice_activity,
            VoiceActivityOptions(
                min_silence_seconds=settings.turn.vad_silence_seconds,
                activation_threshold=settings.turn.vad_threshold,
            ),
        )
        name = ctx.job.room.name
        self._stt = LocalSTT(
            vad=self._vad,
            room=name,
            keyterms=list(settings.asr.hotwords),
            prompt=settings.asr.prompt,
            carry_context=settings.asr.carry_context,
            interim_results=settings.asr.interim_share > 0,
            timing=RecognizerTiming(
                interim_share=settings.asr.interim_share,
                deadline_seconds=settings.asr.timeout_seconds,
            ),
        )
        self._tts = LocalTTS(
            room=name,
            timeout_seconds=settings.voice.timeout_seconds,
            ahead_seconds=settings.voice.ahead_seconds,
            in_service=services.voice_in_service,
        )
        self._toolbox = Toolbox(RoomState())
        self._llm = services.build_llm(self._toolbox)
        limits = settings.limits
        self._silence = SilenceWatch(
            SilenceLimits(
                first_word_seconds=limits.first_word_seconds,
                word_seconds=limits.silence_seconds,
                answer_seconds=limits.silence_answer_seconds,
            ),
            ask=self._ask_who_is_there,
            leave=self._let_go,
            awaited=lambda: bool(self._toolbox.state.timers.entries()),
        )
        self._callers = Callers(
            self._room,
            model=services.voice_activity,
            vad=self._vad,
            stt=self._stt,
            empty_seconds=limits.room_empty_seconds,
            silence=self._silence,
            on_vacant=self._tell_vacant,
            on_gone=self._leave_empty,
        )
        self._session = LastingSession(
            on_transcribed=self._callers.transcribed,
            stt=self._stt,
            vad=self._vad,
            tts=self._tts,
            llm=self._llm,
            turn_handling=turn_handling(
                settings,
                self._stt,
                room=name,
                end_of_turn_model=services.end_of_turn_model,
                scheduler=services.speech.scheduler,
            ),
            use_tts_aligned_transcript=True,
            tts_text_transforms=None,
            aec_warmup_duration=None,
            user_away_timeout=None,
            conn_options=SessionConnectOptions(
                tts_conn_options=APIConnectOptions(max_retry=1, retry_interval=0.1),
                llm_conn_options=APIConnectOptions(
                    max_retry=0, timeout=settings.llm.timeout_seconds
                ),
                # A room outlives any number of failures; the circuit breakers judge engines.
                max_unrecoverable_errors=_NO_LIMIT,
            ),
        )
        self._spoken: SpokenTranscript | None = None
        self._apology = ""
        """What the caller hears if the reply whose making failed is spoken."""
        self._records = TurnRecords(limit=settings.limits.turn_records)
        self._replies = PreparedReplies(
            lambda: self._session.user_state == "speaking",
            on_outcome=services.metrics.count_reply,
        )
        self._remote = Remote(
            self._room,
            Commands(
                stop=self._stop_speaking,
                repeat=self._repeat,
                presence=self._presence,
            ),
            on_notice=services.metrics.count_notice,
        )
        self._memory = RoomMemory(
            history=lambda: self._session.history.items,
            turns=self._records,
            sound=self._callers.audio,
            stt=self._stt,
            tts=self._tts,
        )
        self._ended = False
        self._letting_go: asyncio.Task[None] | None = None
        self._hanging_up: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Join the room and begin to listen; greets the caller."""
        settings = self._services.settings
        self._services.account(self._memory.bytes)
        self._stt.subscribe(self._on_heard)
        self._session.on("error", self._on_error)
        self._session.on("close", self._on_close)
        self._session.on("conversation_item_added", self._on_item)
        self._session.on("speech_created", self._replies.speech_created)
        self._session.on("agent_state_changed", self._on_agent_state)
        await join(self._ctx)
        self._callers.begin()
        await self._remote.open(self._about_us())
        earlier = await self._earlier()
        assistant = _RoomAssistant(
            on_outputs_ready=self._couple_words_and_sound,
            toolbox=self._toolbox,
            instructions=settings.agent.instructions or None,
            greeting=BACK if earlier.items else settings.agent.spoken_greeting or "",
            earlier=earlier,
            max_history_items=settings.limits.chat_history_items,
            on_llm_failure=self._note_llm_failure,
            on_end_call=self.end_call,
        )
        self._session.input.audio = self._callers.audio
        await self._session.start(
            assistant,
            room=self._room,
            room_options=RoomOptions(
                # All callers are heard, not only the one whom the framework links itself to. Nor is
                # its reader of sound from before the join registered, which never ends for some
                # rates and leaves a thread for each stream that is not finished.
                audio_input=False,
                audio_output=AudioOutputOptions(sample_rate=self._tts.sample_rate),
                text_input=False,
                # Words are shown when they are spoken by our own coupling.
                text_output=TextOutputOptions(sync_transcription=False),
                close_on_disconnect=False,
            ),
            record=False,
            # Nobody shall observe or drive the session over the room.
            session_host=False,
        )
        self._callers.take_text(self._session)
        logger.info("conversation started", extra={"model": self._services.llm_name})

    async def _earlier(self) -> llm.ChatContext:
        """What was said here before, where this agent takes over from one that is gone."""
        if self._ctx.job.metadata != TAKES_OVER:
            return llm.ChatContext.empty()
        callers = [
            participant.identity
            for participant in self._callers.present
            # A telephone has nothing to tell.
            if participant.kind != rtc.ParticipantKind.PARTICIPANT_KIND_SIP
            and may_command(self._room, participant.identity)
        ]
        return await ask_what_was_said(self._room.local_participant, callers)

    def _couple_words_and_sound(self) -> None:
        output = self._session.output
        if output.audio is None or output.transcription is None:
            return
        self._spoken = SpokenTranscript(output.audio, output.transcription)
        output.audio = self._spoken.audio
        output.transcription = self._spoken.text

    async def aclose(self) -> None:
        """End everything that belongs to the room; the shared models stay."""
        self._ended = True
        if self._letting_go is not None:
            self._letting_go.cancel()
        if self._hanging_up is not None:
            self._hanging_up.cancel()
        self._remote.close()
        with contextlib.suppress(RuntimeError):
            await self._session.aclose()
        await self._callers.aclose()
        await self._remote.aclose()
        if self._spoken is not None:
            await self._spoken.aclose()
        await self._stt.aclose()
        await self._tts.aclose()
        await self._llm.aclose()
        logger.info(
            "conversation ended",
            extra={
                "turns": self._records.count,
                "response_p50_seconds": _rounded(self._records.median_response_seconds),
                "replies": dict(self._replies.outcomes),
            },
        )

    def _on_error(self, event: ErrorEvent) -> None:
        error = getattr(event.error, "error", event.error)
        logger.warning(
            "engine error",
            extra={"kind": getattr(event.error, "type", "error"), "error": error_text(error)},
        )
        logger.debug("engine error in full", extra={"error": str(error)})
        if getattr(event.error, "type", "") == "tts_error" and not self._ended:
            self._remote.notify(NoticeKind.VOICE_UNAVAILABLE, _NO_VOICE)

    def _on_close(self, event: CloseEvent) -> None:
        if self._spoken is not None:
            self._spoken.cut()
        self._end(f"session closed: {event.reason.value}")

    def _on_item(self, event: ConversationItemAddedEvent) -> None:
        # One step later the reply's own record of its messages is complete too.
        asyncio.get_running_loop().call_soon(self._record_item, event.item)

    def _record_item(self, item: object) -> None:
        if not isinstance(item, llm.ChatMessage):
            return
        if item.role == "assistant" and self._apology:
            if not self._ended and self._apology in (item.text_content or ""):
                self._remote.notify(NoticeKind.LLM_UNAVAILABLE, self._apology)
            self._apology = ""
        record = self._records.add(item, begun=self._replies.begun(item))
        if record is None:
            return
        values = asdict(record)
        del values["id"]
        self._services.metrics.observe_turn(**values)
        if not self._ended:
            self._remote.tell_turn(record)

    def _on_agent_state(self, event: AgentStateChangedEvent) -> None:
        if event.new_state == "speaking":
            self._silence.agent_speaks()
        elif event.old_state == "speaking":
            self._silence.agent_spoke()

    def _ask_who_is_there(self) -> None:
        with contextlib.suppress(RuntimeError):
            self._session.say(STILL_THERE)

    def _let_go(self) -> None:
        self._letting_go = asyncio.create_task(self._say_goodbye(), name="let-go")

    async def _say_goodbye(self) -> None:
        """End the call of those who do not answer, once they could hear that."""
        with contextlib.suppress(RuntimeError, TimeoutError):
            async with asyncio.timeout(END_OF_CALL_SECONDS):
                goodbye = self._session.say(NOBODY_ANSWERS)
                await goodbye.wait_for_playout()
                if goodbye.interrupted:
                    # Somebody speaks after all; the words follow.
                    self._silence.caller_spoke()
        if self._silence.leaving:
            self.end_call(NOBODY_ANSWERS, reason="nobody said anything")

    def _tell_vacant(self, vacant: bool) -> None:
        loop = asyncio.get_running_loop()

        def leave() -> None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._callers.give_up)

        self._services.vacant(leave if vacant else None)

    def _leave_empty(self, reason: str) -> None:
        self._services.left_empty()
        self._end(reason)

    def _end(self, reason: str) -> None:
        if not self._ended:
            self._ended = True
            self._ctx.shutdown(reason)

    def _on_heard(self, heard: ASREvent) -> None:
        """An utterance that was lost is asked for again, so that the caller does not wait."""
        if heard.kind is ASREventKind.FAILED and not self._ended:
            left_alone = isinstance(heard.error, EngineUnavailable)
            apology = CANNOT_HEAR if left_alone else DID_NOT_CATCH
            self._remote.notify(NoticeKind.HEARING_FAILED, apology)
            with contextlib.suppress(RuntimeError):
                self._session.say(apology)

    def end_call(self, farewell: str = CALL_ENDED, *, reason: str = "asked to") -> None:
        """End the call for everybody; `farewell` is what they read, `reason` stands in the log.

        Where the agent only leaves, whoever is still there gets another one.
        """
        if not self._ended:
            self._ended = True
            self._hanging_up = asyncio.create_task(self._hang_up(farewell, reason), name="hang-up")

    async def _hang_up(self, farewell: str, reason: str) -> None:
        await self._remote.say_farewell(farewell)
        # The last words are still on their way, by another one.
        await asyncio.sleep(_FAREWELL_SECONDS)
        try:
            await self._services.delete_room(self._room.name)
        except Exception as error:
            logger.warning("room not ended", extra={"error": repr(error)})
        self._ctx.shutdown(f"call ended: {reason}")

    def _presence(self) -> Pong:
        if self._hanging_up is not None:
            return Pong.ENDED
        return Pong.LEAVES if self._ended else Pong.SERVES

    def _note_llm_failure(self, apology: str) -> None:
        """Told for replies that are only prepared as well, which may never be spoken."""
        self._apology = apology

    def _about_us(self) -> AgentInfo:
        """What the page shows about this agent."""
        loaded = {
            role: ModelInfo(shortened(model.name, LONGEST_NAME_CHARACTERS), model.demo)
            for role, model in self._services.speech.loaded.items()
        }
        notices = self._services.notices()[:MOST_SENTENCES]
        return AgentInfo(
            asr=loaded.get("asr"),
            voice=loaded.get("voice"),
            llm=shortened(self._services.llm_name, LONGEST_NAME_CHARACTERS),
            notices=tuple(shortened(text, LONGEST_SENTENCE_CHARACTERS) for text in notices),
        )

    async def _stop_speaking(self) -> None:
        with contextlib.suppress(RuntimeError):
            await self._session.interrupt(force=True)

    async def _repeat(self) -> None:
        said = [
            item.text_content
            for item in self._session.history.items
            if isinstance(item, llm.ChatMessage) and item.role == "assistant" and item.text_content
        ]
        if said:
            with contextlib.suppress(RuntimeError):
                await self._session.interrupt(force=True)
            self._session.say(said[-1] or "", add_to_chat_ctx=False)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


class _RoomAssistant(Assistant):
    """The assistant, which greets only when the room's outputs are as they shall be."""

    def __init__(self, *, on_outputs_ready: Callable[[], None], **arguments: Any) -> None:
        super().__init__(**arguments)
        self._on_outputs_ready = on_outputs_ready

    async def on_enter(self) -> None:
        self._on_outputs_ready()
        await super().on_enter()

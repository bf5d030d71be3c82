"""The conversation in one room, from the first caller to the last."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass

from livekit import rtc
from livekit.agents import JobContext, llm
from livekit.agents.voice import CloseEvent, UserInputTranscribedEvent
from livekit.agents.voice.room_io import RoomOptions, TextOutputOptions

from agent.definitions.definition import AgentDefinition
from agent.records.keeper import RecordKeeper
from agent.session.call_end import CallEnd
from agent.session.call_record import CallRecord
from agent.session.callers import Callers
from agent.session.conversation_agent import ConversationAgent, make_agent
from agent.session.failures import FailureNotices
from agent.session.framework import join
from agent.session.handover import request_history
from agent.session.memory import RoomMemory
from agent.session.pipeline import Pipeline, PipelineModels
from agent.session.remote import Remote, agent_info, may_command, session_commands
from agent.session.shown_state import ShownState
from agent.session.silence import SilenceLimits
from agent.session.silent_callers import SilentCallers
from agent.session.turn_records import Turns
from agent.settings import Settings
from services.dispatch_metadata import DispatchMetadata
from services.endpointing.overlap import Meaning
from services.host.closing import close_in_order
from services.livekit_local import SpokenTranscript
from services.livekit_local.room_output import RoomAudioOutput
from services.metrics import Metrics
from services.protocol import NoticeKind, Turn
from services.shared.config import LoadedModel
from services.shared.engines import SharedVoice

logger = logging.getLogger("agent.session")


@dataclass(frozen=True, slots=True)
class RoomServices:
    """What a worker provides to each of its rooms."""

    settings: Settings
    """Of the conversation."""
    definition: AgentDefinition
    """Whose agent it is."""
    models: PipelineModels
    llm_name: str
    loaded: Callable[[], dict[str, LoadedModel]]
    """The room's models by role."""
    notices: Callable[[], list[str]]
    """Sentences that callers should read about this agent."""
    voice_in_service: Callable[[SharedVoice], bool]
    vacant: Callable[[Callable[[], None] | None], None]
    """Called with a way to end the room, callable from any thread, while nobody is in it, and with
    None once somebody is."""
    left_empty: Callable[[], None]
    """Called when the agent leaves because nobody is in the room."""
    metrics: Metrics
    delete_room: Callable[[str], Awaitable[None]]
    """Ends a room, by its name, for everybody in it; called on the room's event loop."""
    account: Callable[[Callable[[], int]], None]
    """Called with a function that returns the bytes the room holds, callable from any thread."""
    records: RecordKeeper | None = None
    """Keeps the records of calls, where the settings ask for any."""
    refusal: str = ""
    """Why the agent that the call asks for does not come: said and shown, then the call ends."""


async def converse(ctx: JobContext, services: RoomServices) -> None:
    """Start the conversation of one job, and return once it is under way.

    Runs in the job's own thread and event loop. Everything created here ends with the job.
    """
    room = RoomConversation(ctx, services)
    ctx.add_shutdown_callback(room.aclose)
    await room.start()


class RoomConversation:
    """Owns everything that belongs to one room; lives on that room's event loop."""

    def __init__(self, ctx: JobContext, services: RoomServices) -> None:
        self._ctx = ctx
        self._services = services
        self._room = ctx.room
        settings, limits = services.settings, services.settings.limits
        self._pipeline = pipeline = Pipeline(
            settings,
            services.models,
            room=ctx.job.room.name,
            definition=services.definition,
            voice_in_service=services.voice_in_service,
        )
        self._session = session = pipeline.session
        session.on("close", self._on_close)
        self._record = self._begin_record()
        self._remote = Remote(
            self._room,
            session_commands(session, lambda: self._end.presence),
            on_notice=services.metrics.count_notice,
        )
        self._language = language = pipeline.language
        language.on_unvoiced = self._say_once_idle
        self._shown_state = ShownState(self._room, lambda: session.agent_state)
        self._end = CallEnd(
            ctx,
            self._remote,
            self._shown_state,
            delete_room=services.delete_room,
            on_farewell=self._note_farewell,
        )
        language.on_changed = lambda: self._remote.publish_language(language.spoken)
        self._failures = FailureNotices(
            session, pipeline.stt, self._notify, phrases=lambda: language.phrases
        )
        self._turns = Turns(
            session,
            limit=limits.turn_records,
            verdict=lambda: pipeline.last_verdict,
            on_turn=self._on_turn,
            on_prepared=services.metrics.count_reply,
        )
        self._silent = SilentCallers(
            session,
            SilenceLimits(
                first_word_seconds=limits.first_word_seconds,
                silence_seconds=limits.silence_seconds,
                silence_answer_seconds=limits.silence_answer_seconds,
            ),
            phrases=lambda: language.phrases,
            awaited=lambda: bool(pipeline.toolbox.state.timers.entries()),
            end_call=lambda: self._end.hang_up(
                language.phrases.nobody_answers, "nobody said anything"
            ),
        )
        self._callers = Callers(
            self._room,
            model=services.models.voice_activity,
            vad=pipeline.vad,
            stt=pipeline.stt,
            empty_seconds=limits.room_empty_seconds,
            silence=self._silent.watch,
            on_speaker=self._heard_from,
            noise_suppression=settings.turn.noise_suppression,
            on_vacant=self._report_vacancy,
            on_gone=self._leave_empty,
            on_typed_turn=self._record.typed if self._record is not None else None,
        )
        self._voice = RoomAudioOutput(self._room, sample_rate=pipeline.tts.sample_rate)
        session.on_transcribed = self._on_transcribed
        if pipeline.barge_in is not None:
            pipeline.barge_in.on_dropped = self._passed_over
        self._memory = RoomMemory(
            history=lambda: session.history.items,
            turns=self._turns.records,
            sound=self._callers.audio,
            stt=pipeline.stt,
            tts=pipeline.tts,
        )
        self._agent: ConversationAgent | None = None
        self._spoken: SpokenTranscript | None = None

    async def start(self) -> None:
        """Join the room, greet the caller and listen."""
        services = self._services
        settings = services.settings
        services.account(self._memory.bytes)
        await join(self._ctx)
        self._shown_state.watch()
        self._callers.begin()
        self._voice.begin()
        if self._record is not None:
            self._record.begin()
        await self._remote.open(
            agent_info(services.loaded(), services.llm_name, self._notices()),
            language=self._language.spoken,
        )
        self._agent = await make_agent(
            services.definition,
            settings,
            self._pipeline.toolbox,
            self._session,
            self._language,
            earlier=await self._earlier(),
            greeting=services.refusal or None,
            before_greeting=self._synchronise_transcript,
            on_llm_failure=self._failures.llm_failed,
            on_end_call=lambda: self._end.hang_up(self._language.phrases.call_ended, "asked to"),
            on_tools_down=self._failures.tools_down,
        )
        sound = self._record.sound if self._record is not None else None
        heard = self._callers.audio
        self._session.input.audio = heard if sound is None else sound.follow_input(heard)
        self._session.output.audio = self._voice
        await self._session.start(
            self._agent.agent,
            room=self._room,
            room_options=RoomOptions(
                # `Callers` hears everybody, where the framework would hear one participant. Its
                # handler of audio from before the join never ends for some sample rates, and
                # leaves a thread for each stream that is not finished.
                audio_input=False,
                # `RoomAudioOutput` pauses at once, and loses nothing by it.
                audio_output=False,
                text_input=False,
                # `SpokenTranscript` shows words when they are spoken.
                text_output=TextOutputOptions(sync_transcription=False),
                close_on_disconnect=False,
            ),
            record=False,
            # Nobody shall observe or drive the session over the room.
            session_host=False,
        )
        logger.info(
            "conversation started",
            extra={"agent": services.definition.name, "model": services.llm_name},
        )
        if services.refusal:
            self._end.refuse(self._session, services.refusal, "no such agent")
        else:
            self._callers.take_text(self._session)

    async def aclose(self) -> None:
        """End everything that belongs to the room; the shared models stay loaded."""
        agent, spoken = self._agent, self._spoken
        await close_in_order(
            self._silent.close,
            self._end.aclose,
            self._remote.close,
            self._shown_state.close,
            lambda: self._room.off("participant_connected", self._tell_of_recording),
            *([agent.stop_tools] if agent is not None else []),
            self._close_session,
            *([agent.aclose] if agent is not None else []),
            self._callers.aclose,
            self._remote.aclose,
            *([spoken.aclose] if spoken is not None else []),
            self._voice.aclose,
            self._pipeline.aclose,
            self._finish_record,
        )
        logger.info("conversation ended", extra=self._turns.summary())

    async def _close_session(self) -> None:
        with contextlib.suppress(RuntimeError):
            await self._session.aclose()

    async def _finish_record(self) -> None:
        if self._record is not None:
            await self._record.end(self._ctx, self._end.reason)

    async def _earlier(self) -> llm.ChatContext:
        """Return the conversation so far, if this agent replaces one that is gone."""
        if not DispatchMetadata.decode(self._ctx.job.metadata).takes_over:
            return llm.ChatContext.empty()
        callers = [
            participant.identity
            for participant in self._callers.present
            # A telephone keeps no history.
            if participant.kind != rtc.ParticipantKind.PARTICIPANT_KIND_SIP
            and may_command(self._room, participant.identity)
        ]
        return await request_history(self._room.local_participant, callers)

    def _synchronise_transcript(self) -> None:
        output = self._session.output
        if output.audio is None or output.transcription is None:
            return
        text = output.transcription
        if self._record is not None:
            text = self._record.follow_words(text)
        self._spoken = SpokenTranscript(output.audio, text)
        self._pipeline.follow_speech(self._spoken)
        output.audio = self._spoken.audio
        output.transcription = self._spoken.text
        if self._record is not None and (sound := self._record.sound) is not None:
            output.audio = sound.follow_output(self._spoken.audio)
            sound.tell(self._language.phrases.recorded)
            self._room.on("participant_connected", self._tell_of_recording)

    def _begin_record(self) -> CallRecord | None:
        services, job = self._services, self._ctx.job
        settings = services.settings.records
        if services.records is None or services.refusal or not settings.wanted:
            return None
        record = services.records.begin(
            settings, agent=services.definition.name, room=job.room.name, job=job.id
        )
        followed = CallRecord(record, self._session, self._room)
        if settings.sound:
            followed.record_sound()
        return followed

    def _tell_of_recording(self, participant: rtc.RemoteParticipant) -> None:
        """Tell a caller who comes after the others."""
        sound = self._record.sound if self._record is not None else None
        if sound is not None and sound.possible and participant in self._callers.present:
            self._say_once_idle(self._language.phrases.recorded)

    def _notices(self) -> list[str]:
        """Return the sentences that callers should read about this agent."""
        if self._record is None:
            return self._services.notices()
        phrases = self._language.phrases
        told = phrases.written_down if self._record.sound is None else phrases.recorded
        return [told, *self._services.notices()]

    def _on_transcribed(self, event: UserInputTranscribedEvent) -> None:
        self._callers.transcribed(event)
        if self._record is not None:
            self._record.transcribed(event, self._callers.speaker)

    def _passed_over(self, meaning: Meaning, text: str) -> None:
        self._callers.passed_over(meaning, text)
        if self._record is not None and meaning is Meaning.BACKCHANNEL:
            self._record.backchannel(self._callers.speaker, text)

    def _heard_from(self, identity: str) -> None:
        if self._pipeline.barge_in is not None:
            self._pipeline.barge_in.heard_from(identity)

    def _on_close(self, event: CloseEvent) -> None:
        if self._spoken is not None:
            self._spoken.cut()
        self._end.cut_off(f"session closed: {event.reason.value}")

    def _on_turn(self, turn: Turn) -> None:
        values = asdict(turn)
        del values["id"]
        self._services.metrics.observe_turn(**values)
        rounded = {k: round(v, 3) if isinstance(v, float) else v for k, v in values.items()}
        logger.info("turn answered", extra=rounded)
        if self._record is not None:
            self._record.answered(turn)
        if not self._end.begun:
            self._remote.publish_turn(turn)

    def _notify(self, kind: NoticeKind, text: str) -> bool:
        if self._end.begun:
            return False
        self._remote.notify(kind, text)
        if self._record is not None:
            self._record.notified(kind, text)
        return True

    def _report_vacancy(self, vacant: bool) -> None:
        loop = asyncio.get_running_loop()

        def leave() -> None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._callers.give_up)

        self._services.vacant(leave if vacant else None)

    def _leave_empty(self, reason: str) -> None:
        self._services.left_empty()
        self._end.leave(reason)

    def _note_farewell(self, sentence: str) -> None:
        if self._record is not None:
            self._record.notified(NoticeKind.CALL_ENDED, sentence)

    def _say_once_idle(self, sentence: str) -> None:
        self._pipeline.toolbox.state.announce(sentence)

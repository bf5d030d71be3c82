"""The callers of one room: their voices, their typed text, and whether anybody is still there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Literal

from livekit import rtc
from livekit.agents import AgentSession
from livekit.agents.voice import UserInputTranscribedEvent

from agent.session.silence import SilenceWatch
from agent.session.typed_text import TypedText
from services.endpointing.overlap import Meaning
from services.livekit_local import LocalSTT, LocalVAD
from services.livekit_local.caller_transcript import CallerTranscript
from services.livekit_local.callers import Speaker, callers
from services.livekit_local.room_audio import RoomAudioInput
from services.vad.silero import VoiceActivityModel

FIRST_CALLER_SECONDS = 30.0
"""How long an agent waits in a room for its first caller."""

_INPUT_FRAME_MILLISECONDS = 32
"""One window of the voice activity model. Longer frames would delay every reply, shorter ones only
wake the loop more often."""


class Callers:
    """Hears every caller of a room. Belongs to the room's event loop.

    Create it before the room is joined; call `begin` once it is and `take_text` once the session
    has started. `aclose` ends everything.
    """

    def __init__(
        self,
        room: rtc.Room,
        *,
        model: VoiceActivityModel,
        vad: LocalVAD,
        stt: LocalSTT,
        empty_seconds: float,
        silence: SilenceWatch,
        on_speaker: Callable[[str], None],
        noise_suppression: Literal["auto", "on", "off"],
        on_vacant: Callable[[bool], None],
        on_gone: Callable[[str], None],
        on_typed_turn: Callable[[str, str], None] | None = None,
    ) -> None:
        """Follow a room that is not joined yet.

        Args:
            room: the room.
            model: detects the voices of callers who do not have the floor.
            vad: detects the voice of the one who has it.
            stt: the room's recogniser.
            empty_seconds: how long an empty room is kept for callers who come back.
            on_speaker: called with the identity of each new speaker.
            noise_suppression: whose noise is suppressed here; "auto": that of telephones.
            silence: begun with the first caller, and closed here.
            on_vacant: called with whether the room is empty whenever that may have changed.
            on_gone: called with the reason once the room has been empty for `empty_seconds`.
            on_typed_turn: called with identity and text of each message that is about to be a turn.
        """
        self._room = room
        self._empty_seconds = empty_seconds
        self._silence = silence
        self._on_speaker = on_speaker
        self._on_vacant = on_vacant
        self._on_gone = on_gone
        self._empty_timer: asyncio.TimerHandle | None = None
        self._speaker: Speaker | None = None
        self._transcript = CallerTranscript(room)
        self._typed = TypedText(room, on_typed=silence.caller_spoke, on_turn=on_typed_turn)
        self.audio = RoomAudioInput(
            room,
            model,
            vad,
            frame_milliseconds=_INPUT_FRAME_MILLISECONDS,
            recognising=lambda: stt.busy,
            on_speaker=self._heard_from,
            is_noisy=lambda caller: (
                noise_suppression == "on" or (noise_suppression == "auto" and _is_telephone(caller))
            ),
        )
        """The audio input of the session."""
        room.on("participant_connected", self._on_changed)
        room.on("participant_disconnected", self._on_changed)

    @property
    def present(self) -> list[rtc.RemoteParticipant]:
        """The callers, by time of joining."""
        return callers(self._room)

    @property
    def speaker(self) -> str:
        """Identity of the caller who has the floor, or had it last; empty before the first."""
        return self._speaker.identity if self._speaker is not None else ""

    def begin(self) -> None:
        """Wait for the first caller, now that the room is joined."""
        self._leave_if_empty(FIRST_CALLER_SECONDS)

    def give_up(self) -> None:
        """Leave now if nobody is there: another room needs the place."""
        if not self.present:
            self._leave_if_empty(0.0)

    def take_text(self, session: AgentSession[Any]) -> None:
        """Pass typed text to the session, which has started, beginning with what came before."""
        self._typed.begin(session)

    def transcribed(self, event: UserInputTranscribedEvent) -> None:
        """Publish a transcript as the words of its speaker."""
        if event.transcript:
            self._silence.caller_spoke()
        if self._speaker is not None:
            self._transcript.show(
                self._speaker,
                event.transcript,
                final=event.is_final,
                language=event.language or "",
            )

    def passed_over(self, meaning: Meaning, text: str) -> None:
        """Show a backchannel as such; of an echo or a noise nothing is shown."""
        if meaning is Meaning.BACKCHANNEL:
            self._silence.caller_spoke()
        if self._speaker is not None:
            shown = text if meaning is Meaning.BACKCHANNEL else ""
            self._transcript.show_aside(self._speaker, shown)

    async def aclose(self) -> None:
        """Stop hearing the callers. Idempotent."""
        self._room.off("participant_connected", self._on_changed)
        self._room.off("participant_disconnected", self._on_changed)
        self._silence.close()
        if self._empty_timer is not None:
            self._empty_timer.cancel()
        await self._typed.aclose()
        await self.audio.aclose()
        await self._transcript.aclose()

    def _heard_from(self, speaker: Speaker) -> None:
        self._speaker = speaker
        self._on_speaker(speaker.identity)

    def _on_changed(self, _: rtc.RemoteParticipant) -> None:
        self._leave_if_empty(self._empty_seconds)

    def _leave_if_empty(self, seconds: float) -> None:
        if self._empty_timer is not None:
            self._empty_timer.cancel()
            self._empty_timer = None
        self._on_vacant(not self.present)
        if self.present:
            self._silence.begin()
        else:
            loop = asyncio.get_running_loop()
            self._empty_timer = loop.call_later(seconds, self._on_gone, "nobody is in the room")


def _is_telephone(caller: rtc.RemoteParticipant) -> bool:
    return bool(caller.kind == rtc.ParticipantKind.PARTICIPANT_KIND_SIP)

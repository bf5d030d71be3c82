"""The people of one room: their voices, what they type, and whether anybody is still there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from livekit import rtc
from livekit.agents import AgentSession
from livekit.agents.voice import UserInputTranscribedEvent

from agent.session.silence import SilenceWatch
from agent.session.typed_text import TypedText
from services.livekit_local import LocalSTT, LocalVAD
from services.livekit_local.caller_transcript import CallerTranscript
from services.livekit_local.callers import Speaker, callers
from services.livekit_local.room_audio import RoomAudioInput
from services.vad.silero import VoiceActivityModel

FIRST_CALLER_SECONDS = 30.0
"""So long an agent waits in a room that nobody has come to yet."""

_INPUT_FRAME_MILLISECONDS = 32
"""One window of the voice activity model: fewer events than the default 50 ms would not be worth
the later answer, smaller frames only wake the loop more often."""


class Callers:
    """Hears all callers of a room alike. Belongs to the room's event loop.

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
        on_vacant: Callable[[bool], None],
        on_gone: Callable[[str], None],
    ) -> None:
        """Make it before the room is joined.

        Args:
            room: the room.
            model: judges voices.
            vad: the room's detector.
            stt: the room's recogniser.
            empty_seconds: how long an empty room is kept for who comes back.
            silence: told of what the callers say; begun with the first of them, closed here.
            on_vacant: told whether nobody is there, whenever that may have changed.
            on_gone: told why, once nobody has been there for so long.
        """
        self._room = room
        self._empty_seconds = empty_seconds
        self._silence = silence
        self._on_vacant = on_vacant
        self._on_gone = on_gone
        self._empty_timer: asyncio.TimerHandle | None = None
        self._speaker: Speaker | None = None
        self._transcript = CallerTranscript(room)
        self._typed = TypedText(room, on_typed=silence.caller_spoke)
        self.audio = RoomAudioInput(
            room,
            model,
            vad,
            frame_milliseconds=_INPUT_FRAME_MILLISECONDS,
            recognising=lambda: stt.busy,
            on_speaker=self._heard_from,
        )
        """What the session hears."""
        room.on("participant_connected", self._on_changed)
        room.on("participant_disconnected", self._on_changed)

    @property
    def present(self) -> list[rtc.RemoteParticipant]:
        """Who is there, longest first."""
        return callers(self._room)

    def begin(self) -> None:
        """The room is joined: from now on its first caller is waited for."""
        self._leave_if_empty(FIRST_CALLER_SECONDS)

    def give_up(self) -> None:
        """Another room needs the place: there is no more waiting for anybody."""
        if not self.present:
            self._leave_if_empty(0.0)

    def take_text(self, session: AgentSession[None]) -> None:
        """Hand typed text to the session, which has started; what came before is held for it."""
        self._typed.begin(session)

    def transcribed(self, event: UserInputTranscribedEvent) -> None:
        """Show what was heard as the words of whoever spoke."""
        if event.transcript:
            self._silence.caller_spoke()
        if self._speaker is not None:
            self._transcript.show(self._speaker, event.transcript, final=event.is_final)

    async def aclose(self) -> None:
        """Hear nobody any more. Idempotent."""
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

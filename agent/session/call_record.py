"""Follows one conversation for its record: who said what, tool calls, timing, notices."""

from __future__ import annotations

import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from livekit import rtc
from livekit.agents import AgentSession, ConversationItemAddedEvent, JobContext, llm
from livekit.agents.voice import FunctionToolsExecutedEvent, UserInputTranscribedEvent, io

from agent.records.entries import (
    Backchannel,
    Ended,
    Entry,
    HandOver,
    Heard,
    Notified,
    Presence,
    Said,
    SoundBegun,
    ToolCall,
    TurnTiming,
    Words,
)
from agent.records.keeper import OpenRecord
from agent.session.sound_record import SoundRecord
from services.livekit_local.callers import callers
from services.livekit_server.callers import is_caller
from services.protocol import NoticeKind, Turn

logger = logging.getLogger("agent.session.call_record")

_REMEMBERED_TYPED = 16


class CallRecord:
    """Writes the record of one conversation; belongs to its event loop."""

    def __init__(self, record: OpenRecord, session: AgentSession[Any], room: rtc.Room) -> None:
        """Follow a session that is not started, in a room that is not joined."""
        self._record = record
        self._session = session
        self._room = room
        self._speakers: list[str] = []
        """Who spoke since the last spoken turn."""
        self._typed: deque[tuple[str, str]] = deque(maxlen=_REMEMBERED_TYPED)
        """Identity and text of what was typed and is no turn yet."""
        self._ended = False
        self.sound: SoundRecord | None = None
        """Records the sound, where that is asked for."""
        session.on("conversation_item_added", self._on_item)
        session.on("function_tools_executed", self._on_tools)
        room.on("participant_connected", self._on_joined)
        room.on("participant_disconnected", self._on_left)

    def begin(self) -> None:
        """Note who is there, now that the room is joined."""
        for caller in callers(self._room):
            self._on_joined(caller)

    def follow_words(self, output: io.TextOutput) -> io.TextOutput:
        """Return an output that passes the agent's words on to `output` as they are spoken."""
        return _FollowedText(output, self._on_word)

    def transcribed(self, event: UserInputTranscribedEvent, who: str) -> None:
        """Note what was heard of a caller; it is in no turn yet."""
        if event.is_final and event.transcript:
            if who and who not in self._speakers:
                self._speakers.append(who)
            self._add(Heard(at=event.created_at, text=event.transcript, who=who))

    def typed(self, who: str, text: str) -> None:
        """Note who typed a text that is about to be a turn."""
        text = text.strip()
        self._typed.append((who, text))
        self._add(Heard(at=time.time(), text=text, who=who, typed=True))

    def backchannel(self, who: str, text: str) -> None:
        """Note what a caller said while listening."""
        self._add(Backchannel(at=time.time(), text=text, who=who))

    def answered(self, turn: Turn) -> None:
        """Note where the time of a turn went."""
        values = asdict(turn)
        del values["id"]
        self._add(TurnTiming(at=time.time(), values=values))

    def notified(self, kind: NoticeKind, text: str) -> None:
        """Note a sentence that callers were shown."""
        self._add(Notified(at=time.time(), notice=kind.value, text=text))

    def record_sound(self) -> None:
        """Have the sound recorded as well, once the callers were told."""
        self.sound = SoundRecord(
            self._session,
            self._record.sound,
            on_begun=lambda began: self._add(SoundBegun(at=began)),
        )

    async def end(self, ctx: JobContext, reason: str) -> None:
        """Make the record. Idempotent; call it once the session is closed."""
        if self._ended:
            return
        if self.sound is not None:
            await self.sound.aclose()
        self._session.off("conversation_item_added", self._on_item)
        self._session.off("function_tools_executed", self._on_tools)
        self._room.off("participant_connected", self._on_joined)
        self._room.off("participant_disconnected", self._on_left)
        self._add(Ended(at=time.time(), reason=reason, report=_report(ctx, self._session)))
        self._ended = True
        self._record.finish()

    def _add(self, entry: Entry) -> None:
        if not self._ended:
            self._record.add(entry)

    def _on_word(self, text: str) -> None:
        self._add(Words(at=time.time(), text=text))

    def _on_joined(self, participant: rtc.RemoteParticipant) -> None:
        if is_caller(participant.kind, participant.attributes):
            who, name = participant.identity, participant.name
            self._add(Presence(at=time.time(), event="joined", who=who, name=name))

    def _on_left(self, participant: rtc.RemoteParticipant) -> None:
        if is_caller(participant.kind, participant.attributes):
            self._add(Presence(at=time.time(), event="left", who=participant.identity))

    def _on_item(self, event: ConversationItemAddedEvent) -> None:
        item = event.item
        if isinstance(item, llm.AgentHandoff):
            if item.old_agent_id is not None:
                self._add(HandOver(at=item.created_at, to=item.new_agent_id))
        elif isinstance(item, llm.ChatMessage) and (text := (item.text_content or "").strip()):
            began = item.metrics.get("started_speaking_at", item.created_at)
            ended = item.metrics.get("stopped_speaking_at")
            if item.role == "assistant":
                cut = item.interrupted
                said = Said(at=began, until=ended, by="agent", text=text, interrupted=cut)
                self._add(said)
            elif item.role == "user":
                who = self._who_typed(text)
                if who is not None:
                    self._add(Said(at=began, by="caller", who=who, text=text, typed=True))
                    return
                speakers, self._speakers = self._speakers, []
                who = ", ".join(speakers)
                self._add(Said(at=began, until=ended, by="caller", who=who, text=text))

    def _who_typed(self, text: str) -> str | None:
        for who, typed in self._typed:
            if typed == text:
                self._typed.remove((who, typed))
                return who
        return None

    def _on_tools(self, event: FunctionToolsExecutedEvent) -> None:
        for call, output in event.zipped():
            self._add(
                ToolCall(
                    at=call.created_at,
                    name=call.name,
                    arguments=call.arguments,
                    result=output.output,
                    seconds=round(max(0.0, output.created_at - call.created_at), 3),
                    failed=output.is_error,
                )
            )


def _report(ctx: JobContext, session: AgentSession[Any]) -> dict[str, Any] | None:
    """Return the framework's report, without what the entries have; None where it has none."""
    try:
        report = ctx.make_session_report(session)
        found: dict[str, Any] = report.to_dict(include_chat_history=False, include_events=False)
    except Exception as error:
        logger.warning("no session report", extra={"error": repr(error)})
        return None
    # Of its own recorder, and of the history, which is cut; both are in the record already.
    for key in ("audio_recording_path", "audio_recording_started_at", "user_turns", "errors"):
        found.pop(key, None)
    return found


class _FollowedText(io.TextOutput):
    """Passes words on, and tells of each."""

    def __init__(self, next_in_chain: io.TextOutput, on_word: Callable[[str], None]) -> None:
        super().__init__(label="CallRecord", next_in_chain=next_in_chain)
        self._next = next_in_chain
        self._on_word = on_word

    async def capture_text(self, text: str) -> None:
        with contextlib.suppress(Exception):
            self._on_word(text)
        await self._next.capture_text(text)

    def flush(self) -> None:
        self._next.flush()
